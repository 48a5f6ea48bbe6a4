"""Processes that end with their parent, and are started again when they die.

Knows no Django: Valkey is started before the settings are read.
"""

import ctypes
import os
import signal
import sys

STABLE_SECONDS = 30
"""Whoever has run for so long is not what fails at each start: its next restart comes at once again."""
_PR_SET_PDEATHSIG = 1


def end_with(parent_pid: int) -> None:
    """In a child, first of all: have the kernel send it SIGTERM when its parent dies (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent_pid:  # it died before we asked
            os._exit(1)


class Restarts:
    """When a process that keeps dying is started again: at once, and later each time it did not run for long."""

    def __init__(self, *, first_seconds: float = 0.5, most_seconds: float = 10) -> None:
        self._first_seconds, self._most_seconds = first_seconds, most_seconds
        self._next_seconds = 0.0

    def delay_seconds(self, *, ran_seconds: float) -> float:
        """Return how long to wait before it is started again, now that it has died after `ran_seconds`."""
        if ran_seconds > STABLE_SECONDS:
            self._next_seconds = 0.0
        delay = self._next_seconds
        self._next_seconds = min(self._most_seconds, max(self._first_seconds, delay * 2))
        return delay
