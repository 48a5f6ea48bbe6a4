"""What one attempt writes: numbered, sealed, and kept until the row and the log have it. The only writer of its job's events."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from jobs.conf import settings
from jobs.errors import JobFailed, JobStopped
from jobs.events import MESSAGE_LIMIT_BYTES, STEP_NAME_LIMIT, Event, FoldedJob
from jobs.metrics import metrics
from jobs.models import Job, folded, to_ts
from jobs.text import REPLACEMENT, TextLog, clean, cut_bytes, pieces, split_trailing_half
from jobs.transitions import Flush
from jobs.transitions.announce import encoded_entry, now_ts
from realtime.publisher import Append, Entry

log = logging.getLogger(__name__)

LOST = ("fenced", "lease_lost")
"""Reasons which say that somebody else may run the job by now."""
LEVELS = ("debug", "info", "warning", "error")


class Recorder:
    """Collects what a handler reports and seals it into events: text and progress of one window become one event each.

    Handlers write from the loop or from a thread, the publishing thread and the flushing thread take; one lock is between
    them. Text gets its seq before it may be flushed or published, so row and log never disagree about a position.
    """

    def __init__(self, job: Job, *, on_news: Callable[["Recorder"], None]) -> None:
        self.job_id, self.attempt = job.pk, job.attempt
        self._on_news = on_news
        self._lock = threading.Lock()
        self._view: FoldedJob = folded(job, job.text)  # whoever is claimed has no rows of JobText
        self._text = TextLog(job.text)
        self._text_bytes = len(job.text.encode())
        self._half = _half_of(job)
        self._pending: list[tuple[str, dict[str, Any]]] = []
        self._unpublished: list[Entry] = []
        self._seq, self._ts = job.seq, to_ts(job.updated_at)
        self._flushed_seq = job.seq
        self._lost_seq = 0
        self._ended: Exception | None = None
        self._stop_wish: str | None = None
        self._notices: list[Callable[[], object]] = []
        self.sealed_at = 0.0
        """Monotonic time of the last seal."""
        self.reported_at = time.monotonic()
        """Monotonic time of the handler's last call."""
        self.renewed_at = time.monotonic()
        """Monotonic time at which the last renewal of the lease was begun."""

    # The handler's side

    @property
    def stopping(self) -> bool:
        """Whether the run is to end."""
        return self._ended is not None or self._stop_wish is not None

    @property
    def ended(self) -> Exception | None:
        """What ended the run, None while it goes on."""
        return self._ended

    @property
    def must_wait(self) -> bool:
        """Whether the row lacks so much that the handler has to wait for the next flush."""
        return self._seq + len(self._pending) - self._flushed_seq >= settings.unflushed_limit and self._ended is None

    def check(self) -> None:
        """Raise what ended the run, if it has ended. Whoever asks reports."""
        self.reported_at = time.monotonic()
        if self._ended is not None:
            raise self._ended

    def write(self, text: str) -> None:
        """Append to the streaming text. Raises JobStopped, and JobFailed past the limit of a job's text."""
        if not isinstance(text, str):
            raise TypeError(f"run.write takes text, not {type(text).__name__}.")
        with self._lock:
            self.check()
            whole, self._half = split_trailing_half(self._half + text)
            whole = clean(whole)
            size = len(whole.encode())
            if self._text_bytes + size > settings.text_limit_bytes:
                self._ended = JobFailed("text_too_long", f"The job wrote more than {settings.text_limit_bytes} bytes of text.")
                raise self._ended
            if whole:
                self._text_bytes += size
                self._merge("text", {"text": whole})
        self._on_news(self)

    def progress(self, percent: float | None, step: str | None, message: str | None) -> None:
        """Report percent (0-100, never falls), step and message. Raises JobStopped, and ValueError for what makes no sense."""
        data: dict[str, Any] = {}
        if percent is not None:
            if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
                raise ValueError(f"run.progress takes 0 to 100 percent, not {percent!r}.")
            data["progress"] = int(percent) if percent == int(percent) else round(float(percent), 2)
        if step is not None:
            data["step"] = clean(step)
            if not 0 < len(data["step"]) <= STEP_NAME_LIMIT:
                raise ValueError(f"A step's name has 1 to {STEP_NAME_LIMIT} characters.")
        if message is not None:
            data["message"] = cut_bytes(clean(message), MESSAGE_LIMIT_BYTES)
        with self._lock:
            self.check()
            if data:
                self._merge("progress", data)
        self._on_news(self)

    def log(self, message: str, level: str) -> None:
        """Add a line for the activity panel. Raises JobStopped, and ValueError for an unknown level."""
        if level not in LEVELS:
            raise ValueError(f"A level is one of {', '.join(LEVELS)}, not {level!r}.")
        with self._lock:
            self.check()
            self._pending.append(("log", {"level": level, "message": cut_bytes(clean(message), MESSAGE_LIMIT_BYTES)}))
        self._on_news(self)

    def _merge(self, type: str, data: dict[str, Any]) -> None:
        """Put `data` into the window's event of the same type. A new step name begins a new window: none is dropped."""
        for known_type, known in reversed(self._pending):
            begins_step = known_type == "progress" and "step" in known
            if known_type == type == "text":
                known["text"] += data["text"]
                return
            if known_type == type == "progress" and data.get("step", known.get("step")) == known.get("step"):
                data["progress"] = max(known.get("progress", 0), data["progress"]) if "progress" in data else known.get("progress")
                known.update({key: value for key, value in data.items() if value is not None})
                return
            if begins_step or (type == "progress" and "step" in data):
                break
        self._pending.append((type, data))

    # The worker's side

    def stop(self, reason: str) -> None:
        """End the run from outside: the handler's next call raises JobStopped."""
        self.end(JobStopped(reason))

    def fenced(self) -> None:
        """End the run because the attempt does not hold its job any more, and say so, once."""
        if self.end(JobStopped("fenced")):
            told = {"job_id": self.job_id, "attempt": self.attempt}
            log.info("fenced: job %s attempt %s is not ours any more", self.job_id, self.attempt, extra=told)

    def end(self, error: Exception) -> bool:
        """End the run: whatever is written from now on raises `error`. Returns whether it had not ended before."""
        with self._lock:
            is_first = self._ended is None
            if is_first:
                self._ended = error
        if is_first and isinstance(error, JobStopped) and error.reason in LOST:
            metrics().leases_lost.labels(error.reason).inc()
        for notice in self._notices:
            notice()
        return is_first

    def stop_at_checkpoint(self, reason: str) -> None:
        """Ask the run to end where nothing is lost: its next checkpoint is saved and then raises JobStopped."""
        self._stop_wish = reason

    def check_stop_wish(self) -> None:
        """End the run if that was wished for; called when a checkpoint is saved. Raises JobStopped then."""
        if self._stop_wish is not None:
            self.stop(self._stop_wish)
            self.check()

    def finish(self) -> None:
        """End the run from inside: its handler is done. Half a character that still waits never gets its other half."""
        with self._lock:
            if self._half and self._ended is None:
                self._half = ""
                self._merge("text", {"text": REPLACEMENT})
        self.stop("ended")

    def when_ended(self, notice: Callable[[], object]) -> None:
        """Have `notice` called when the run is ended from outside; it may be called more than once."""
        self._notices.append(notice)
        if self._ended is not None:
            notice()

    @property
    def has_news(self) -> bool:
        """Whether something waits to be published."""
        return bool(self._pending or self._unpublished)

    @property
    def wants_flush(self) -> bool:
        """Whether so much is unflushed that the next flush should not wait for its time, or the log waits for the row."""
        return self._seq - self._flushed_seq >= settings.flush_events or self._flushed_seq < self._lost_seq or self.must_wait

    def take(self) -> Append | None:
        """Seal, and return what is to be published now; nothing while the log waits for the row to cover a hole in it."""
        with self._lock:
            self._seal()
            if not self._unpublished or self._flushed_seq < self._lost_seq:
                return None
            entries, self._unpublished = self._unpublished, []
            return Append(self.job_id, entries)

    def lost(self, append: Append) -> None:
        """Note that these events did not get into the log: the row has to cover them before the log goes on."""
        with self._lock:
            self._lost_seq = append.entries[-1].position.seq

    def flush(self) -> Flush:
        """Seal, and return the run as it is now."""
        with self._lock:
            return self._flush()

    def checkpoint(self) -> tuple[Flush, int | None]:
        """Seal, and return the run as it is now, with the code point of the half of a character that waits for its other half."""
        with self._lock:
            return self._flush(), ord(self._half) if self._half else None

    def _flush(self) -> Flush:
        self._seal()
        view = self._view
        return Flush(
            job_id=self.job_id, attempt=self.attempt, seq=self._seq, ts=self._ts, progress=view.progress, step=view.step,
            steps=view.steps, message=view.message, text=self._text, text_length=self._text.length,
        )  # fmt: skip

    def flushed(self, seq: int | None, begun_at: float) -> None:
        """Note when a renewal of the lease was begun, and that the row has all up to `seq` if it does."""
        with self._lock:
            self._flushed_seq = max(self._flushed_seq, seq or 0)
            self.renewed_at = max(self.renewed_at, begun_at)
        if self._unpublished:
            self._on_news(self)

    def _seal(self) -> None:
        """Give what is pending its numbers; from then on it is what it is, for row and log alike."""
        if not self._pending:
            return
        self._ts = max(self._ts, now_ts())
        for type, data in self._pending:
            if type == "text":
                for piece in pieces(data["text"]):
                    self._number("text", {"offset": self._text.length, "text": piece})
                    self._text.append(piece)
                continue
            if "progress" in data:
                data["progress"] = max(data["progress"], self._view.progress)
            self._view.fold(self._number(type, data))
        self._pending = []
        self.sealed_at = time.monotonic()

    def _number(self, type: str, data: dict[str, Any]) -> Event:
        self._seq += 1
        event = {"type": type, "jobId": self.job_id, "attempt": self.attempt, "seq": self._seq, "ts": self._ts, "data": data}
        self._unpublished.append(encoded_entry(event))
        return event


def _half_of(job: Job) -> str:
    """Return the half of a character with which the text ends that the attempt starts from."""
    half = (job.checkpoint or {}).get("half")
    return chr(half) if half else ""
