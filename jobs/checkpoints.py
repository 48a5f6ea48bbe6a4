"""What of a run is durable: its checkpoints, and the answers that `once` got. Written to the row at once, by a thread that may block."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from copy import deepcopy
from typing import Any

from django.db import InterfaceError, OperationalError

from jobs import transitions
from jobs.database import DatabaseThreads, checked
from jobs.errors import LeaseLost
from jobs.json_values import kept
from jobs.models import Job
from jobs.recorder import Recorder

log = logging.getLogger(__name__)

CHECKPOINT_LIMIT_BYTES = 64 * 1024
"""Most that a checkpoint's data may take, and most that all answers together may take."""
KEY_LIMIT = 200
RETRY_SECONDS = 0.2


class Checkpoints:
    """Saves for one run, one thing after another, so that a later checkpoint is never replaced by an earlier one."""

    def __init__(self, job: Job, recorder: Recorder, *, database: DatabaseThreads) -> None:
        saved = job.checkpoint or {}
        self.data: Any = saved.get("data")
        """What the last checkpoint saved, of this attempt or an earlier one; None before the first."""
        self._answers: dict[str, Any] = saved.get("answers", {})
        self._recorder = recorder
        self._database = database
        self._one_at_a_time = threading.Lock()

    def save(self, data: Any) -> "Future[None]":
        """Begin to save a checkpoint. Raises JobFailed for data that cannot be kept."""
        plain = kept(data, name="checkpoint", limit_bytes=CHECKPOINT_LIMIT_BYTES)
        return self._database.submit(lambda: self._save(plain))

    def has_answer(self, key: str) -> bool:
        """Tell whether `once` was answered for this key, in whichever attempt."""
        if not isinstance(key, str) or not 0 < len(key) <= KEY_LIMIT:
            raise ValueError(f"run.once takes a key of 1 to {KEY_LIMIT} characters, not {key!r}.")
        return key in self._answers

    def answer(self, key: str) -> Any:
        """Return the saved answer; the handler may change it, it is a copy."""
        return deepcopy(self._answers[key])

    def save_answer(self, key: str, answer: Any) -> "Future[None]":
        """Begin to save an answer. Raises JobFailed for one that cannot be kept."""
        plain = kept(answer, name="answer", limit_bytes=CHECKPOINT_LIMIT_BYTES)
        kept({**self._answers, key: plain}, name="answers", limit_bytes=CHECKPOINT_LIMIT_BYTES)
        return self._database.submit(lambda: self._save_answer(key, plain))

    def _save(self, data: Any) -> None:
        with self._one_at_a_time:
            flush, half = self._recorder.checkpoint()
            self._write(lambda: transitions.checkpoint(flush, data, half=half), seq=flush.seq)
            self.data = data
        self._recorder.check_stop_wish()

    def _save_answer(self, key: str, answer: Any) -> None:
        with self._one_at_a_time:
            flush, _ = self._recorder.checkpoint()
            self._write(lambda: transitions.save_answer(flush, key, answer), seq=None)
            self._answers[key] = answer

    def _write(self, write: Callable[[], None], *, seq: int | None) -> None:
        """Write to the row; while the database is away it is tried again, until the lease may be over and the run is stopped."""
        while True:
            self._recorder.check()
            begun_at = time.monotonic()
            try:
                checked(write)
            except LeaseLost:
                self._recorder.fenced()
            except (OperationalError, InterfaceError) as error:
                log.warning("job %s could not be saved, trying again: %s", self._recorder.job_id, error)
                time.sleep(RETRY_SECONDS)
            else:
                self._recorder.flushed(seq, begun_at)
                return
