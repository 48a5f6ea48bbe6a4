"""Whose turn it is: in the line of a type and priority the users take turns, however many jobs each of them has waiting."""

from typing import Any

from jobs.lifecycle import State
from jobs.models import Job


def next_turn(owner_id: Any, type: str, priority: int) -> int:
    """Return the turn of a job that begins to wait: behind its owner's others, and not before what is at the head of the line.

    So a user with one job waits for one job of each other user, not for all of them.
    """
    line = Job.objects.filter(state=State.CREATED, type=type, priority=priority)
    own_last = line.filter(owner_id=owner_id).order_by("-turn").values_list("turn", flat=True).first()
    head = head_turn(type, priority)
    return head if own_last is None else max(head, own_last + 1)


def head_turn(type: str, priority: int) -> int:
    """Return the turn of a job that has been at the head of the line before, and comes back to it."""
    line = Job.objects.due().filter(type=type, priority=priority)
    return line.order_by("turn").values_list("turn", flat=True).first() or 0
