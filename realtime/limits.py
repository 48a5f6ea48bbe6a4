"""How many messages a socket may send, and how many sockets may be open that nobody has signed in at."""

import time
from collections import Counter

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


class Guests:
    """Counts the sockets that have shown no token yet, by the address that they come from."""

    def __init__(self) -> None:
        self._by_address: Counter[str] = Counter()

    def take(self, address: str, limit: int) -> bool:
        """Take one place of an address. Returns whether there was one."""
        if self._by_address[address] >= limit:  # asking a Counter leaves nothing behind
            return False
        self._by_address[address] += 1
        return True

    def give_back(self, address: str) -> None:
        """Give a place back."""
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]
