"""What realtime asks about jobs: may this user watch, what is the job now, do this to it. Implements realtime's Source."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import BooleanField, Case, DateTimeField, ExpressionWrapper, Value, When
from django.db.models.functions import Now

from jobs import transitions
from jobs.conf import settings
from jobs.errors import CommandConflict, JobForbidden, JobNotFound
from jobs.events import Damaged, Event, FoldedJob, iso_time
from jobs.lifecycle import TERMINAL, State
from jobs.models import Job, JobQuerySet, folded, to_ts
from jobs.outlook import UNKNOWN, outlooks
from jobs.representation import represent, summarize, without_large_result
from jobs.rights import require
from jobs.signs import SignsOfProgress
from realtime.errors import RequestRefused
from realtime.position import Position
from realtime.viewer import SharedViewer


class WatchedJob:
    """A job in a feed: the row as it was read, and the fold of what came since."""

    def __init__(self, row: Job) -> None:
        self._row = row
        self._view: FoldedJob = folded(row)
        self.edits: int = row.edits
        self._signs = SignsOfProgress(to_ts(row.updated_at))

    @property
    def position(self) -> Position:
        """The event up to which this is the fold of all."""
        return self._view.position

    @property
    def trace_parent(self) -> str | None:
        """Where the job's trace began; None when it is not traced."""
        return self._row.trace_parent

    @property
    def is_over(self) -> bool:
        """Whether it is closed for good, unless somebody retries it."""
        return self._view.state in TERMINAL

    @property
    def signs(self) -> SignsOfProgress:
        """When the job last gave a sign of progress, and how often it usually does."""
        return self._signs

    @property
    def text_sha256(self) -> str | None:
        """At the close: the text's SHA-256; else None."""
        return self._view.closed_sha256

    def is_certainly_for(self, user: Any) -> bool:
        """Tell whether it is the user's own, and not over: only what is over is deleted."""
        return not isinstance(user, SharedViewer) and bool(user.pk == self._row.owner_id) and not self.is_over

    def fold(self, event: Event) -> None:
        """Apply the next event; raises ValueError when it does not fit."""
        try:
            self._view.fold(event)
        except (KeyError, TypeError, AttributeError) as error:
            raise Damaged(f"The event lacks something: {error!r}") from error
        self._signs.take(event)

    def adopt(self, row: "WatchedJob") -> None:
        """Take over what no event carries from this job as it was read again."""
        self._row, self.edits = row._row, row.edits

    def render(self) -> dict[str, Any]:
        """Return the job as a snapshot carries it."""
        fields = without_large_result(represent(self._row, self._view))
        return {**fields, "updatedAt": max(fields["updatedAt"], iso_time(self._signs.last_ts) or "")}


class JobSource:
    """The database's side of the wire; every method is called in a thread."""

    def may_watch(self, user: Any, job_id: str) -> bool:
        """Tell whether the user may see the job; a job that is not there nobody may see."""
        return Job.objects.visible_to(user).filter(pk=job_id).exists()

    def load(self, job_ids: Iterable[str]) -> dict[str, WatchedJob]:
        """Return the jobs that are there, whole, by id."""
        return {job.pk: WatchedJob(job) for job in Job.objects.filter(pk__in=list(job_ids)).select_related("owner")}

    def positions(self, job_ids: Iterable[str]) -> dict[str, tuple[Position, int]]:
        """Return where the rows are and their counts of edits, by id."""
        rows = Job.objects.filter(pk__in=list(job_ids)).values_list("pk", "attempt", "seq", "edits")
        return {job_id: (Position(attempt, seq), edits) for job_id, attempt, seq, edits in rows}

    def statuses(self, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return how the workers behind the jobs are; jobs that do not run and do not wait have none."""
        half_lease = ExpressionWrapper(Now() + Value(timedelta(seconds=settings.lease_seconds / 2)), output_field=DateTimeField())
        late = Case(When(lease_expires_at__lt=half_lease, then=True), default=False, output_field=BooleanField())
        waiting_or_running = Job.objects.filter(pk__in=list(job_ids), state__in=(State.CREATED, State.RUNNING))
        jobs = list(waiting_or_running.annotate(late=late).only("id", "type", "state", "run_at", "started_at", "steps"))
        expected = outlooks(jobs)
        return {job.pk: {"worker": _worker(job), **expected.get(job.pk, UNKNOWN).fields()} for job in jobs}

    def newest(self, owner_id: Any, limit: int) -> list[dict[str, Any]]:
        """Return the summaries of the newest jobs of an owner, or of all."""
        return [summarize(job) for job in _listed(owner_id).order_by("-created_at", "-id")[:limit]]

    def summaries(self, owner_id: Any, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the summaries of those jobs that are there and are the owner's, or anybody's, by id."""
        return {job.pk: summarize(job) for job in _listed(owner_id).filter(pk__in=list(job_ids))}

    def command(self, user: Any, job_id: str, action: str, if_attempt: int | None) -> dict[str, Any]:
        """Do the action for the user and return the job's summary. Raises RequestRefused."""
        if action not in transitions.ACTIONS:
            raise RequestRefused("bad_message", f"An action is one of {', '.join(transitions.ACTIONS)}.")
        job = Job.objects.visible_to(user).filter(pk=job_id).only("id", "owner_id").first()
        if job is None:
            raise RequestRefused("not_found", "There is no such job.")
        try:
            # A socket keeps its user for hours, and a user keeps the permissions that he had when he was first asked for one.
            require(user if job.owner_id == user.pk else get_user_model()._default_manager.get(pk=user.pk), action, job)
            return summarize(transitions.command(job_id, action, actor=user, if_attempt=if_attempt))
        except JobNotFound as error:
            raise RequestRefused("not_found", str(error)) from error
        except JobForbidden as error:
            raise RequestRefused("forbidden", str(error)) from error
        except CommandConflict as error:
            raise RequestRefused("conflict", str(error)) from error


def _worker(job: Any) -> str:
    """Return how the worker of a job is that was read with `late`."""
    if job.state == State.CREATED:
        return "none"
    return "late" if job.late else "alive"


def _listed(owner_id: Any) -> JobQuerySet:
    """Return the jobs of an owner, or all, without what no summary has."""
    jobs = Job.objects.for_summaries()
    return jobs if owner_id is None else jobs.filter(owner_id=owner_id)
