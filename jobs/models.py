"""The rows: what is true about jobs. Only `jobs.transitions` writes `state`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from uuid6 import uuid7

from jobs.events import FoldedJob, iso_time, plain_number
from jobs.lifecycle import CLOSING, SUSPECT_KILLS, TERMINAL, State
from jobs.owners import jobs_of_deleted_user
from jobs.program_tokens import ServiceToken as ServiceToken
from jobs.program_tokens import WorkerToken as WorkerToken
from jobs.text import utf16_length
from realtime.position import CLOSED, Position
from realtime.viewer import SharedViewer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_job_id() -> str:
    """Return a UUIDv7: ids that sort by the time they were made."""
    return str(uuid7())


def from_ts(ts: int) -> datetime:
    """Return Unix milliseconds as a datetime in UTC."""
    return datetime.fromtimestamp(ts // 1000, UTC).replace(microsecond=ts % 1000 * 1000)


def to_ts(at: datetime) -> int:
    """Return a datetime as Unix milliseconds."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


SEARCHED_CHARACTERS = 256


def searchable(*texts: str) -> str:
    """Return texts as a search compares them: in small letters, one after another, as far as an index bears it."""
    return " ".join(texts).casefold()[:SEARCHED_CHARACTERS]


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs by adjective."""

    def due(self) -> "JobQuerySet":
        """Jobs that wait for a worker and may start now, by the database's clock."""
        return self.filter(Q(run_at=None) | Q(run_at__lte=Now()), state=State.CREATED)

    def orphaned(self) -> "JobQuerySet":
        """Jobs whose lease is over, by the database's clock."""
        return self.filter(state=State.RUNNING, lease_expires_at__lt=Now())

    def ended_before(self, moment: Any) -> "JobQuerySet":
        """Jobs that ended for good before `moment`, deleted ones too where they are asked."""
        return self.filter(finished_at__lt=moment, state__in=sorted(TERMINAL))

    def suspected(self, suspected: bool = True) -> "JobQuerySet":
        """Jobs that have lost so many workers that they may be what kills them; with False all others."""
        return self.filter(kills__gte=SUSPECT_KILLS) if suspected else self.filter(kills__lt=SUSPECT_KILLS)

    def visible_to(self, user: Any) -> "JobQuerySet":
        """Jobs that `user` may see: staff all, others their own; with a share token the one that was shared."""
        if isinstance(user, SharedViewer):
            return self.filter(pk=user.job_id)
        return self.all() if user.is_staff else self.filter(owner=user)

    def untouched(self, worker: "Worker", claim_id: str) -> "JobQuerySet":
        """Jobs that this claim has given to the worker, of which it has written nothing yet."""
        return self.filter(worker=worker, claim_id=claim_id, state=State.RUNNING, seq=1)

    def for_summaries(self) -> "JobQuerySet":
        """Jobs with their owners, and without what no summary has."""
        return self.select_related("owner").defer("text", "input", "result", "checkpoint", "queued_event", "closed_event")


_JobManager = models.Manager.from_queryset(JobQuerySet)


class PresentJobs(_JobManager["Job"]):
    """The jobs that are not deleted: whoever asks for jobs means these."""

    def get_queryset(self) -> JobQuerySet:
        """Leave out deleted jobs."""
        return JobQuerySet(self.model, using=self._db).filter(deleted_at=None)


class Job(models.Model):
    """One unit of work, owned by one user."""

    id = models.CharField(primary_key=True, max_length=64, default=new_job_id)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=jobs_of_deleted_user, related_name="jobs")
    type = models.CharField(max_length=64)
    query = models.TextField(blank=True, default="")
    input = models.JSONField(default=dict, blank=True)
    priority = models.IntegerField(default=0)
    run_at = models.DateTimeField(null=True, blank=True)
    turn = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)
    """Its place in the line of its type and priority, where users take turns; lower ones come first."""
    max_attempts = models.PositiveIntegerField()
    timeout_seconds = models.FloatField()
    body_digest = models.CharField(max_length=64, editable=False)
    """SHA-256 of the canonical body it was created with: a repeated create is known by it."""

    search_text = models.CharField(max_length=SEARCHED_CHARACTERS, default="", editable=False)
    """What a search looks at: id, type and the beginning of the query."""

    state = models.CharField(max_length=10, choices=[(state.value, state.value) for state in State], default=State.CREATED)
    attempt = models.PositiveBigIntegerField(default=1)
    """Rises each time the job goes back to created: the fencing token."""
    seq = models.PositiveBigIntegerField(default=0)
    """The event of the attempt up to which this row is the fold of all; CLOSED once the attempt is closed."""
    failures = models.PositiveIntegerField(default=0)
    kills = models.PositiveIntegerField(default=0)

    progress = models.FloatField(default=0)
    step = models.CharField(max_length=100, null=True, blank=True)
    steps = models.JSONField(default=list, blank=True)
    message = models.TextField(null=True, blank=True)
    text = models.TextField(blank=True, default="")
    """The text before the rows of JobText; all of it unless the job runs."""
    text_length = models.PositiveIntegerField(default=0)
    """UTF-16 code units of the whole text, the rows of JobText included."""
    result = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    checkpoint = models.JSONField(null=True, blank=True)
    """`{data, attempt, seq, textLength, half, progress, step, steps, message, answers}`: what a new attempt starts from.

    `half` is the code point of half a character at the end of the text, `answers` what `once` was answered, by key.
    """

    queued_event = models.TextField()
    """The present attempt's event at seq 0, as sent, so that whoever finds it missing in the log can write it again."""
    closed_event = models.TextField(null=True, blank=True)
    """The last event at CLOSED, as sent."""
    trace_parent = models.CharField(max_length=64, null=True, blank=True, editable=False)
    """Where its trace began, for the spans of other processes; null when nothing is traced."""
    edits = models.PositiveIntegerField(default=0)
    """Counts changes that no event carries, so that feeds notice them."""

    worker = models.ForeignKey("Worker", null=True, blank=True, on_delete=models.PROTECT, related_name="jobs")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    claim_id = models.CharField(max_length=64, null=True, blank=True, editable=False)
    """What the remote worker that took it called its claim: asked again by that name, it is given this job again."""

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True)
    """When its owner deleted it: what is left of the row keeps the id taken until it is pruned."""

    objects = PresentJobs()
    with_deleted = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="job_state", condition=Q(state__in=[state.value for state in State])),
            models.CheckConstraint(name="job_attempt", condition=Q(attempt__gte=1)),
            models.CheckConstraint(name="job_progress", condition=Q(progress__gte=0, progress__lte=100)),
            models.CheckConstraint(
                name="job_leased_while_running",
                condition=Q(state=State.RUNNING, worker__isnull=False, lease_expires_at__isnull=False)
                | (~Q(state=State.RUNNING) & Q(worker__isnull=True, lease_expires_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="job_closed_seq",
                condition=Q(state__in=sorted(CLOSING), seq=CLOSED)
                | Q(state=State.CREATED, seq=0)
                | Q(state=State.RUNNING, seq__gte=1, seq__lt=CLOSED),
            ),
            models.CheckConstraint(name="job_deleted_at_its_end", condition=Q(deleted_at=None) | Q(state__in=sorted(TERMINAL))),
        ]
        # None has what a heartbeat changes (see migration 0015): lease_expires_at, seq, progress, step, message, updated_at.
        indexes = [
            models.Index(F("priority").desc(), "turn", "created_at", "id", name="job_next", condition=Q(state=State.CREATED)),
            models.Index(fields=["created_at"], name="job_suspects", condition=Q(state=State.CREATED, kills__gte=SUSPECT_KILLS)),
            models.Index(F("type"), F("priority").desc(), "turn", "created_at", "id", name="job_in_line", condition=Q(state=State.CREATED)),
            models.Index(fields=["owner", "type", "priority", "turn"], name="job_own_line", condition=Q(state=State.CREATED)),
            models.Index(fields=["type", "-finished_at"], name="job_type_completed", condition=Q(state=State.COMPLETED)),
            models.Index(fields=["type", "owner"], name="job_running", condition=Q(state=State.RUNNING)),
            models.Index(fields=["finished_at", "state"], name="job_ended", condition=Q(finished_at__isnull=False)),
            models.Index(fields=["state", "-created_at", "-id"], name="job_state_listed", condition=Q(deleted_at=None)),
            models.Index(fields=["type", "-created_at", "-id"], name="job_type_listed", condition=Q(deleted_at=None)),
            # A list reads its page, and a search all that it looks at, from one of these alone.
            models.Index(fields=["owner", "-created_at", "-id", "search_text"], name="job_listed", condition=Q(deleted_at=None)),
            models.Index(fields=["-created_at", "-id", "search_text"], name="job_newest_listed", condition=Q(deleted_at=None)),
            models.Index(fields=["owner", "-priority", "-id"], name="job_urgent_listed", condition=Q(deleted_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    @property
    def position(self) -> Position:
        """The event up to which this row is the fold of all."""
        return Position(self.attempt, self.seq)

    @property
    def last_seq(self) -> int:
        """The seq that the attempt had reached when it was closed; `seq` while it is not."""
        if self.seq != CLOSED or not self.closed_event:
            return self.seq
        return int(json.loads(self.closed_event)["data"]["lastSeq"])

    @property
    def has_pieces(self) -> bool:
        """Whether there is text in rows of JobText."""
        return self.state == State.RUNNING and self.text_length != utf16_length(self.text)

    def whole_text(self) -> str:
        """Return the streaming text, the rows of JobText included."""
        if not self.has_pieces:
            return self.text
        return "".join([self.text, *self.texts.order_by("offset").values_list("text", flat=True)])


class JobText(models.Model):
    """A piece of the text of a running job, at its offset in UTF-16 code units; the close joins the pieces."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="texts")
    offset = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "offset"], name="job_text_offset")]

    def __str__(self) -> str:
        return f"{self.job_id} at {self.offset}"


class JobTransition(models.Model):
    """A change of state: when, from what to what, why and by whom."""

    id = models.BigAutoField(primary_key=True)
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="transitions")
    at = models.DateTimeField()
    source = models.CharField(max_length=10, blank=True)
    """The state before; empty for the creation."""
    target = models.CharField(max_length=10)
    attempt = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=20, blank=True)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    worker_name = models.CharField(max_length=200, blank=True)
    detail = models.TextField(blank=True)
    """For staff: the traceback of an error."""

    class Meta:
        indexes = [models.Index(fields=["job", "id"], name="transition_job")]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.source or 'new'} to {self.target}"


class ClaimLock(models.Model):
    """Held by a claim while it counts what runs of a type, or of a user, so that no two take the last place."""

    name = models.CharField(primary_key=True, max_length=64)
    """The type; `*` for limits of all types."""

    def __str__(self) -> str:
        return self.name


class Worker(models.Model):
    """A process that runs jobs, or a remote worker: all that one token speaks for."""

    id = models.CharField(primary_key=True, max_length=64, default=new_job_id)
    name = models.CharField(max_length=200)
    """`<host>:<process id>`, or `remote:<name of its token>`."""
    token = models.OneToOneField(WorkerToken, null=True, blank=True, on_delete=models.PROTECT, related_name="worker")
    types = models.JSONField(default=list)
    concurrency = models.PositiveIntegerField(default=1)
    version = models.CharField(max_length=100, blank=True, default="", db_default="")
    """What it says it runs."""
    takes_jobs = models.BooleanField(default=True, db_default=True)
    """Whether it may claim. Staff say so; every claim asks."""
    kills = models.PositiveIntegerField(default=0, db_default=0)
    """How many jobs lost it while it ran them."""
    started_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


def folded(job: Job, text: str | None = None) -> FoldedJob:
    """Return the folded fields of a row with its whole text, which is read unless it is given."""
    view = FoldedJob()
    view.position = job.position
    view.state, view.progress, view.step, view.steps = job.state, plain_number(job.progress), job.step, job.steps
    view.message, view.result, view.error = job.message, job.result, job.error
    view.started_at = iso(job.started_at)
    view.finished_at = iso(job.finished_at)
    view.set_text(job.whole_text() if text is None else text)
    return view


def iso(at: datetime | None) -> str | None:
    """Return a time as it goes over the wire."""
    return None if at is None else iso_time(to_ts(at))
