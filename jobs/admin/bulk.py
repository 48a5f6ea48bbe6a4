"""Doing something to many jobs: asked for in the list, confirmed on a page that says how many, done in batches.

A run has no state on the server: what it is to do, and how far it has come, go with the page as a signed token. Each request
works for about a second, so that none is too long for a proxy, and a page that is closed stops the run.
"""

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import QuerySet
from django.utils import timezone

from jobs.admin.actions import ACTIONS, Outcome, StaffAction, perform
from jobs.admin.change_list import count_words, counted, cursor_of, older_than
from jobs.models import Job

BATCH = 200
PART = 20
"""So many jobs are done in one transaction; then it is asked whether the time is over."""
BATCH_SECONDS = 1.0
COUNT_LIMIT = 100_000
TOKEN_SECONDS = 3600
SHOWN_JOBS = 10


@dataclass(kw_only=True)
class BulkRun:
    """What is to be done to which jobs, and how far it has come."""

    action: str
    ids: list[str] | None = None
    """The selected jobs; None for all that the filters match."""
    filters: str = ""
    """The list's query string."""
    until: str = ""
    """Jobs that were created after this are not meant: nobody has seen them."""
    total: int = 0
    cursor: str | None = None
    changed: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    @property
    def staff_action(self) -> StaffAction:
        """What is to be done."""
        return ACTIONS[self.action]

    @property
    def is_for_all(self) -> bool:
        """Whether it is for all that the filters match."""
        return self.ids is None

    @property
    def done(self) -> int:
        """How many were looked at."""
        return self.changed + sum(self.refused.values())

    @property
    def is_counted(self) -> bool:
        """Whether the total is all of them."""
        return self.total <= COUNT_LIMIT

    @property
    def total_words(self) -> str:
        """Say how many it is for."""
        return count_words(self.total, COUNT_LIMIT)

    def token(self, user: Any) -> str:
        """Return it as a page keeps it."""
        return signing.dumps(asdict(self), salt=_salt(user), compress=True)


def _salt(user: Any) -> str:
    return f"jobs.admin.bulk:{user.pk}"


def from_token(token: str, user: Any) -> BulkRun:
    """Return the run of a page. Raises signing.BadSignature for one that is too old, of somebody else, or made up."""
    return BulkRun(**signing.loads(token, salt=_salt(user), max_age=TOKEN_SECONDS))


def begin(action: StaffAction, rows: QuerySet[Job], *, ids: list[str] | None, filters: str) -> BulkRun:
    """Return a run that has not begun. Of all that the filters match it is for those whose state allows it."""
    run = BulkRun(action=action.name, ids=ids, filters=filters, until=timezone.now().isoformat())
    run.total = counted(_meant(run, rows), COUNT_LIMIT)
    return run


def shown(run: BulkRun, rows: QuerySet[Job]) -> list[Job]:
    """Return some of the jobs that it will change."""
    return list(_meant(run, rows).filter(state__in=sorted(run.staff_action.starts_from))[:SHOWN_JOBS])


def advance(run: BulkRun, rows: QuerySet[Job], *, actor: Any, priority: int = 0) -> bool:
    """Do it to the next jobs, newest first. Returns whether there are more."""
    outcome = Outcome(changed=run.changed, refused=Counter(run.refused))
    deadline = time.monotonic() + BATCH_SECONDS
    has_more = True
    while has_more and time.monotonic() < deadline:
        meant = _meant(run, rows)
        after = older_than(meant, run.cursor) if run.cursor else meant
        batch = list(after.select_related(None).only("id", "type", "state", "created_at")[:BATCH])
        has_more = len(batch) == BATCH
        for part in (batch[at : at + PART] for at in range(0, len(batch), PART)):
            if time.monotonic() > deadline:
                has_more = True
                break
            outcome.add(perform(run.staff_action, part, actor=actor, priority=priority))
            run.cursor = cursor_of(part[-1])
    run.changed, run.refused = outcome.changed, dict(outcome.refused)
    return has_more


def _meant(run: BulkRun, rows: QuerySet[Job]) -> QuerySet[Job]:
    rows = rows.filter(created_at__lte=datetime.fromisoformat(run.until)).order_by("-created_at", "-id")
    if run.ids is not None:
        return rows.filter(pk__in=run.ids)
    return rows.filter(state__in=sorted(run.staff_action.starts_from))


def said(run: BulkRun) -> tuple[str, str]:
    """Say how many were changed, and why others were not."""
    changed = f"{run.changed:,} job{'' if run.changed == 1 else 's'} {run.staff_action.participle}." if run.changed else ""
    reasons = "; ".join(f"{count:,} {'is' if count == 1 else 'are'} {reason}" for reason, count in sorted(run.refused.items()))
    refused = f"Not changed: {reasons}." if reasons else ""
    return changed, refused
