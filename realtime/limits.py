"""How many messages a socket may send, and how many sockets a user or an address may have."""

import time
from collections import Counter
from typing import Any

FREE_SUBSCRIBES = 128
ABUSE = 100


class Allowance:
    """A bucket of `burst` messages that fills at `per_second`; signing in and the first subscribes after it are free."""

    def __init__(self, *, burst: int, per_second: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = float(burst)
        self._at = time.monotonic()
        self._free_subscribes = FREE_SUBSCRIBES
        self._refused_in_a_row = 0

    def begin(self) -> None:
        """Note a sign-in."""
        self._free_subscribes = FREE_SUBSCRIBES

    def take(self, *, free: bool) -> bool:
        """Take one message; `free` when it is a subscribe. Returns whether it may be served."""
        if free and self._free_subscribes > 0:
            self._free_subscribes -= 1
            return True
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            self._refused_in_a_row += 1
            return False
        self._left -= 1
        self._refused_in_a_row = 0
        return True

    @property
    def is_abused(self) -> bool:
        """Whether so many messages in a row were refused that nobody is listening to the refusals."""
        return self._refused_in_a_row >= ABUSE


class Places:
    """Counts the sockets that take a place of somebody: of a user, or of an address."""

    def __init__(self) -> None:
        self._taken: Counter[Any] = Counter()

    def take(self, holder: Any, limit: int) -> bool:
        """Take one of a holder's places. Returns whether there was one."""
        if self._taken[holder] >= limit:  # asking a Counter leaves nothing behind
            return False
        self._taken[holder] += 1
        return True

    def give_back(self, holder: Any) -> None:
        """Give a place back."""
        self._taken[holder] -= 1
        if self._taken[holder] <= 0:
            del self._taken[holder]
