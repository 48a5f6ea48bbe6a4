"""What staff may do to jobs, and to which. Each is a transition or an edit, done in the name of who asked for it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from jobs import transitions
from jobs.errors import CommandConflict, JobNotFound
from jobs.lifecycle import TERMINAL, State, may_become
from jobs.models import Job
from jobs.rights import PERMISSIONS, may_to_all


@dataclass(frozen=True, kw_only=True)
class StaffAction:
    """One thing that staff may do to a job."""

    name: str
    label: str
    participle: str
    starts_from: frozenset[State]
    """The states that allow it; jobs in other states are passed over, and it is said why."""
    asks: bool = False
    """Whether it is asked about on a page of its own even for one job."""

    @property
    def permission(self) -> str:
        """What the admin calls the permission for it."""
        return PERMISSIONS[self.name].removeprefix("jobs.").removesuffix("_job")


def _leading_to(state: State, *, among: Iterable[State] = State) -> frozenset[State]:
    return frozenset(source for source in among if may_become(source, state))


ACTIONS = {
    action.name: action
    for action in (
        StaffAction(name="cancel", label="Cancel", participle="cancelled", starts_from=_leading_to(State.CANCELLED)),
        StaffAction(name="pause", label="Pause", participle="paused", starts_from=_leading_to(State.PAUSED)),
        StaffAction(name="resume", label="Resume", participle="resumed", starts_from=frozenset({State.PAUSED})),
        StaffAction(name="retry", label="Try again", participle="tried again", starts_from=_leading_to(State.CREATED, among=TERMINAL)),
        StaffAction(
            name="priority", label="Set priority", participle="given another priority", starts_from=frozenset({State.CREATED}), asks=True
        ),
        StaffAction(name="delete", label="Delete", participle="deleted", starts_from=TERMINAL, asks=True),
    )
}


@dataclass(kw_only=True)
class Outcome:
    """What became of jobs that something was to be done to."""

    changed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """How many were not changed, by the reason."""

    def add(self, other: "Outcome") -> None:
        """Count those of another one, too."""
        self.changed += other.changed
        self.refused += other.refused

    @property
    def done(self) -> int:
        """How many were looked at."""
        return self.changed + self.refused.total()


@transaction.atomic
def perform(action: StaffAction, jobs: Iterable[Job], *, actor: Any, priority: int = 0) -> Outcome:
    """Do it to each of the jobs, and leave a row in the admin's log for each that was changed: all of that or nothing.

    `jobs` are rows as they were read, and few: they stay locked until the last of them is done.
    """
    outcome = Outcome()
    changed: list[Job] = []
    for job in sorted(jobs, key=lambda job: job.pk):  # in one order, so that two who do this at once never wait for each other in a circle
        if job.state not in action.starts_from:
            outcome.refused[f"{job.state}: it cannot be {action.participle}"] += 1
            continue
        try:
            _do(action, job.pk, actor=actor, priority=priority)
        except CommandConflict as conflict:
            outcome.refused[f"{conflict.state} by now: it cannot be {action.participle}"] += 1
        except JobNotFound:
            outcome.refused["gone by now"] += 1
        else:
            outcome.changed += 1
            changed.append(job)
    if changed:
        words = f"{action.participle.capitalize()}{f': {priority}' if action.name == 'priority' else ''}."
        write_log(changed, words, actor=actor, flag=DELETION if action.name == "delete" else CHANGE)
    return outcome


def _do(action: StaffAction, job_id: str, *, actor: Any, priority: int) -> None:
    if action.name == "priority":
        transitions.edit(job_id, priority=priority)
    elif action.name == "delete":
        transitions.delete(job_id, actor=actor)
    else:
        transitions.command(job_id, action.name, actor=actor)


def write_log(rows: Iterable[Any], words: str, *, actor: Any, flag: int = CHANGE) -> None:
    """Leave a row in the admin's log for each of the rows: who did what to it."""
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=actor.pk,
            content_type=ContentType.objects.get_for_model(row),
            object_id=row.pk,
            object_repr=str(row)[:200],
            action_flag=flag,
            change_message=words,
        )
        for row in rows
    )


def note(model: Any, words: str, *, actor: Any) -> None:
    """Leave a row in the admin's log that is about no single row of the model."""
    content_type = ContentType.objects.get_for_model(model)
    name = str(model._meta.verbose_name_plural)
    LogEntry.objects.create(user_id=actor.pk, content_type=content_type, object_repr=name, action_flag=CHANGE, change_message=words)


def allowed(actor: Any) -> dict[str, StaffAction]:
    """Return the actions that this user has the permission for, by name."""
    return {name: action for name, action in ACTIONS.items() if may_to_all(actor, name)}
