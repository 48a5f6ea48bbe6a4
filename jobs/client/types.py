"""What goes over the wire, made from the schemas by `python -m jobs.schemas.types`."""

from typing import Any, Literal, NotRequired, TypedDict

Time = str
"""ISO 8601 in UTC with three decimals."""

Position = str
"""The place of an event: <attempt>-<seq>."""

JobId = str
"""1 to 64 of letters, digits, . _ and -, first a letter or digit."""

Attempt = int
"""Rises each time the job goes back to created."""

State = Literal["created", "running", "paused", "completed", "failed", "cancelled"]
"""The condition of a job; the last three are terminal."""

Reason = Literal["worker_lost", "interrupted", "error", "timeout", "poison", "resume", "retry", "user", "staff"]
"""Why the state changed, where the state alone does not say it."""

Progress = float
"""Percent done; never falls inside an attempt."""


class Step(TypedDict):
    """A step of the work."""

    name: str
    state: Literal["pending", "running", "done", "stopped"]
    startedAt: Time | None
    finishedAt: Time | None


class JobError(TypedDict):
    """Why a job failed: code for programs, message for people."""

    code: str
    message: str


class JobSummary(TypedDict):
    """A job without its text, input and result."""

    jobId: JobId
    type: str
    query: str
    owner: str
    """The name of the user whose job it is."""
    state: State
    progress: Progress
    step: str | None
    steps: list[Step]
    message: str | None
    error: JobError | None
    attempt: Attempt
    position: Position
    failures: int
    """Errors and timeouts so far."""
    maxAttempts: int
    timeoutSeconds: float
    priority: int
    runAt: Time | None
    queuePosition: int | None
    """1 = next, among the due jobs of its type; null when it does not wait, or far behind."""
    eta: Time | None
    """When it will probably have ended; null when unknown."""
    createdAt: Time
    startedAt: Time | None
    finishedAt: Time | None
    updatedAt: Time


class Job(TypedDict):
    """A job, whole."""

    jobId: JobId
    type: str
    query: str
    owner: str
    """The name of the user whose job it is."""
    state: State
    progress: Progress
    step: str | None
    steps: list[Step]
    message: str | None
    error: JobError | None
    attempt: Attempt
    position: Position
    failures: int
    """Errors and timeouts so far."""
    maxAttempts: int
    timeoutSeconds: float
    priority: int
    runAt: Time | None
    queuePosition: int | None
    """1 = next, among the due jobs of its type; null when it does not wait, or far behind."""
    eta: Time | None
    """When it will probably have ended; null when unknown."""
    createdAt: Time
    startedAt: Time | None
    finishedAt: Time | None
    updatedAt: Time
    input: dict[str, Any]
    """As it was posted."""
    streamingText: str
    """The text of the attempt that counts."""
    result: Any
    """What the handler returned."""
    more: NotRequired[Literal[True]]
    """The result is over 32 KiB: REST has it."""


class QueuedEventData(TypedDict):
    """The job as the attempt begins."""

    state: Literal["created"]
    reason: Reason | None
    keepText: int
    """The length of the text that is kept, in UTF-16 code units."""
    keepSeq: int
    """The seq of the attempt before at which that text was complete."""
    progress: Progress
    step: str | None
    steps: list[Step]
    message: str | None


class QueuedEvent(TypedDict):
    """The attempt waits in the queue; the text is cut to what a checkpoint kept."""

    type: Literal["state"]
    jobId: JobId
    attempt: Attempt
    seq: Literal[0]
    ts: int
    """Unix milliseconds."""
    data: QueuedEventData
    """The job as the attempt begins."""


class RunningEventData(TypedDict):
    """The state alone."""

    state: Literal["running"]
    reason: Reason | None


class RunningEvent(TypedDict):
    """A worker runs the attempt."""

    type: Literal["state"]
    jobId: JobId
    attempt: Attempt
    seq: Literal[1]
    ts: int
    """Unix milliseconds."""
    data: RunningEventData
    """The state alone."""


class ClosedEventData(TypedDict):
    """The job as the attempt ends."""

    state: Literal["paused", "completed", "failed", "cancelled"]
    reason: Reason | None
    lastSeq: int
    textLength: int
    """In UTF-16 code units."""
    textSha256: str
    """Of the text's UTF-8 bytes."""
    progress: Progress
    step: str | None
    steps: list[Step]
    message: str | None
    result: Any
    """What the handler returned."""
    error: JobError | None
    more: NotRequired[Literal[True]]
    """The result is over 32 KiB: REST has it."""


class ClosedEvent(TypedDict):
    """The attempt is closed."""

    type: Literal["state"]
    jobId: JobId
    attempt: Attempt
    seq: Literal[9007199254740991]
    ts: int
    """Unix milliseconds."""
    data: ClosedEventData
    """The job as the attempt ends."""


class ProgressEventData(TypedDict):
    """What is new."""

    progress: NotRequired[Progress]
    step: NotRequired[str]
    message: NotRequired[str]


class ProgressEvent(TypedDict):
    """How far the work is; each field is optional."""

    type: Literal["progress"]
    jobId: JobId
    attempt: Attempt
    seq: int
    """Numbered by the worker, without gaps."""
    ts: int
    """Unix milliseconds."""
    data: ProgressEventData
    """What is new."""


class TextEventData(TypedDict):
    """The text and where it begins."""

    offset: int
    """The length of the text before, in UTF-16 code units."""
    text: str


class TextEvent(TypedDict):
    """More text."""

    type: Literal["text"]
    jobId: JobId
    attempt: Attempt
    seq: int
    """Numbered by the worker, without gaps."""
    ts: int
    """Unix milliseconds."""
    data: TextEventData
    """The text and where it begins."""


class LogEventData(TypedDict):
    """The line."""

    level: Literal["debug", "info", "warning", "error"]
    message: str


class LogEvent(TypedDict):
    """A line for the activity panel."""

    type: Literal["log"]
    jobId: JobId
    attempt: Attempt
    seq: int
    """Numbered by the worker, without gaps."""
    ts: int
    """Unix milliseconds."""
    data: LogEventData
    """The line."""


JobEvent = QueuedEvent | RunningEvent | ClosedEvent | ProgressEvent | TextEvent | LogEvent
"""Something that happened to a job."""


class AuthFrame(TypedDict):
    """Sign in, or hand over a fresh token in place."""

    type: Literal["auth"]
    token: str
    """An access JWT, a ticket or a share token."""
    deviceId: NotRequired[str | None]
    """Shown in logs and the admin."""


class SubscribeFrame(TypedDict):
    """Watch a topic. Without after a snapshot comes first."""

    type: Literal["subscribe"]
    ref: NotRequired[int | str | None]
    """Comes back in the answer."""
    topic: str
    """job:<jobId>, jobs (mine) or jobs:all (staff)."""
    after: NotRequired[Position | None]


class UnsubscribeFrame(TypedDict):
    """Watch a topic no more."""

    type: Literal["unsubscribe"]
    ref: NotRequired[int | str | None]
    """Comes back in the answer."""
    topic: str
    """job:<jobId>, jobs (mine) or jobs:all (staff)."""


class CommandFrame(TypedDict):
    """Do something to a job."""

    type: Literal["command"]
    ref: NotRequired[int | str | None]
    """Comes back in the answer."""
    action: Literal["cancel", "pause", "resume", "retry"]
    jobId: JobId
    ifAttempt: NotRequired[Attempt | None]
    """Refuse unless the job is at that attempt."""


class PingFrame(TypedDict):
    """Ask for a pong."""

    type: Literal["ping"]


class WelcomeFrame(TypedDict):
    """Signed in."""

    type: Literal["welcome"]
    protocol: Literal[1]
    user: str | None
    """Null for a share token."""
    heartbeatSeconds: float
    expiresAt: int
    """Unix milliseconds."""


class SubscribedFrame(TypedDict):
    """The topic is watched: the missed events follow when recovered, else a snapshot or the list."""

    type: Literal["subscribed"]
    ref: int | str | None
    """Comes back in the answer."""
    topic: str
    position: Position | None
    recovered: bool
    textSha256: NotRequired[str]
    """At the close: of the text, as the feed has it."""


class SnapshotFrame(TypedDict):
    """The job as a whole: replaces what the client has."""

    type: Literal["snapshot"]
    topic: str
    position: Position
    job: Job


class EventsFrame(TypedDict):
    """One or more events, contiguous."""

    type: Literal["events"]
    topic: str
    events: list[JobEvent]


class StatusFrame(TypedDict):
    """How the worker is: no event, never replayed."""

    type: Literal["status"]
    topic: str
    worker: Literal["none", "alive", "late"]
    quietSeconds: float | None
    """Since the last sign of progress."""
    usualSeconds: float | None
    """Usual between two signs of progress in this step."""
    queuePosition: int | None
    """1 = next, among the due jobs of its type; null when it does not wait, or far behind."""
    eta: Time | None
    """When it will probably have ended; null when unknown."""


class JobsFrame(TypedDict):
    """The newest summaries, then those that changed."""

    type: Literal["jobs"]
    topic: str
    jobs: list[JobSummary]
    removed: list[JobId]


class UnsubscribedFrame(TypedDict):
    """The topic is not watched any more."""

    type: Literal["unsubscribed"]
    ref: NotRequired[int | str | None]
    """Comes back in the answer."""
    topic: str
    reason: NotRequired[Literal["deleted"]]
    """There when nobody asked for it."""


class AckFrame(TypedDict):
    """The command has taken effect, or had already."""

    type: Literal["ack"]
    ref: int | str | None
    """Comes back in the answer."""
    job: JobSummary


class ErrorFrame(TypedDict):
    """A request was refused; the socket stays open."""

    type: Literal["error"]
    ref: int | str | None
    """Comes back in the answer."""
    code: Literal["bad_message", "not_found", "forbidden", "conflict", "too_many_subscriptions", "rate_limited", "unavailable"]
    message: str


class HeartbeatFrame(TypedDict):
    """The server is there."""

    type: Literal["heartbeat"]
    ts: int
    """Unix milliseconds."""
    degraded: bool
    """Updates come late, from the database."""


class AuthRequiredFrame(TypedDict):
    """The sign-in ends soon: hand over a fresh token."""

    type: Literal["auth_required"]
    expiresAt: int
    """Unix milliseconds."""


class PongFrame(TypedDict):
    """The answer to a ping."""

    type: Literal["pong"]
