"""A worker of the drill's own that goes on when somebody else has its job: what a machine does that was frozen for longer than a lease."""

import threading
from typing import Any

from jobs.drill.handler import TYPE
from jobs.drill.pieces import piece
from jobs.errors import JobNotClaimable, JobStopped
from jobs.run import ClaimedRun, claimed
from jobs.submit import submit
from realtime.redis_client import breaker

BEFORE = 5
"""So many pieces it writes while the job is its own."""


class LateWorker:
    """Creates a job, claims it, writes, and writes on when the job is somebody else's: only the fence can stop it then."""

    def __init__(self, job_id: str, owner: Any, values: dict[str, Any]) -> None:
        self._job_id, self._owner, self._input = job_id, owner, values
        self._thread = threading.Thread(target=self._work, name="late worker", daemon=True)
        self.has_written = threading.Event()
        self.is_late = threading.Event()
        self.was_refused: bool | None = None
        """Whether it was told, in the end, that the job is not its own; None while it works."""

    def start(self) -> bool:
        """Create and claim the job, and begin. Returns False when another worker was faster."""
        with breaker.held_open():  # nobody is told of it: else all workers would be after it
            submit(self._owner, TYPE, job_id=self._job_id, input=self._input)
        self._thread.start()
        self.has_written.wait()
        return self.was_refused is None

    def end(self) -> bool:
        """Have it write on, and return whether it was refused in the end."""
        self.is_late.set()
        self._thread.join()
        return self.was_refused is True

    def _work(self) -> None:
        try:
            with claimed(self._job_id) as run:
                self._write(run)
            self.was_refused = False
        except JobNotClaimable:
            self.was_refused = False
        except JobStopped:
            self.was_refused = True
        finally:
            self.has_written.set()  # whatever it was that went wrong, nobody waits for it

    def _write(self, run: ClaimedRun) -> None:
        for index in range(BEFORE):
            run.write(piece(index, run.attempt))
        self.has_written.set()
        self.is_late.wait()
        for index in range(BEFORE, self._input["pieces"]):
            run.write(piece(index, run.attempt))
