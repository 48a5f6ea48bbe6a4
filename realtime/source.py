"""What realtime asks of those who know what a job is. Implemented by `jobs.source`, handed over in `asgi.py`."""

from collections.abc import Iterable
from typing import Any, Protocol

from realtime.position import Position


class Signs(Protocol):
    """Signs of progress: what the job writes."""

    @property
    def last_ts(self) -> int | None:
        """When the last one was, in Unix milliseconds; None when the job does not run."""

    @property
    def usual_seconds(self) -> float | None:
        """How long it usually takes from one to the next in this step; None while that is not known."""


class Watched(Protocol):
    """A job as a feed holds it: whole, and true at a position."""

    edits: int

    @property
    def position(self) -> Position:
        """The event up to which it is the fold of all."""

    @property
    def text_sha256(self) -> str | None:
        """At the close: the text's SHA-256; else None."""

    @property
    def trace_parent(self) -> str | None:
        """Where the job's trace began; None when it is not traced."""

    @property
    def is_over(self) -> bool:
        """Whether it is closed for good, unless somebody retries it."""

    @property
    def signs(self) -> "Signs":
        """When the job last gave a sign of progress, and how often it usually does."""

    def is_certainly_for(self, user: Any) -> bool:
        """Tell whether the user may watch it, as far as that can be told without asking anybody; False when not."""

    def fold(self, event: dict[str, Any]) -> None:
        """Apply the next event; raises ValueError, and changes nothing, when it does not fit."""

    def adopt(self, row: Any) -> None:
        """Take over from `row`, this job as it was read again, what no event carries."""

    def render(self) -> dict[str, Any]:
        """Return the job as a snapshot carries it."""


class Source(Protocol):
    """May this user watch, and what is true now? Every method is called in a thread and may block."""

    def may_watch(self, user: Any, job_id: str) -> bool:
        """Tell whether the user may see the job; one that is not there nobody may see."""

    def load(self, job_ids: Iterable[str]) -> dict[str, Any]:
        """Return the jobs that are there, as Watched, by id."""

    def positions(self, job_ids: Iterable[str]) -> dict[str, tuple[Position, int]]:
        """Return the rows' positions and counts of edits, by id."""

    def statuses(self, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return how the workers behind the jobs are, by id: `worker`, `queuePosition` and `eta` of the protocol's status."""

    def newest(self, owner_id: Any, limit: int) -> list[dict[str, Any]]:
        """Return the summaries of the newest jobs of an owner, or of all."""

    def summaries(self, owner_id: Any, job_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the summaries of those jobs that are there and are the owner's, or anybody's, by id."""

    def command(self, user: Any, job_id: str, action: str, if_attempt: int | None) -> dict[str, Any]:
        """Do the action for the user and return the job's summary. Raises RequestRefused."""
