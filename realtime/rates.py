"""How many requests somebody may make: `600/min` and the like. Any `limit` of them within `seconds`, wherever the clock stands."""

import re
from dataclasses import dataclass

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
_WRITTEN = re.compile(r"(\d{1,9})/(s|sec|second|m|min|minute|h|hour|d|day)")


@dataclass(frozen=True)
class Rate:
    """So many in so many seconds."""

    limit: int
    seconds: int

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Return the rate that is written like `20/min`. Raises ValueError."""
        found = _WRITTEN.fullmatch(text)
        if found is None or int(found[1]) < 1:
            raise ValueError(f"{text!r} is no rate: write a number and a time, as 20/min; the times are s, min, hour and day")
        return cls(int(found[1]), _UNITS[found[2][0]])

    def window(self, now: float) -> tuple[int, float]:
        """Return the number of the window that `now` is in, and how much of it is over, from 0 to 1."""
        number = int(now // self.seconds)
        return number, now / self.seconds - number

    def wait_seconds(self, *, before: int, current: int, elapsed: float) -> float:
        """Return how long the next has to wait, 0 when it need not: what the window before had counts as far as it is not over yet."""
        if before * (1 - elapsed) + current + 1 <= self.limit:
            return 0.0
        if current + 1 > self.limit:  # not before the next window, in which this one's count as those before
            return self.seconds * (1 - elapsed + 1 - (self.limit - 1) / current) if current else self.seconds * (1 - elapsed)
        return self.seconds * (1 - elapsed - (self.limit - current - 1) / before)
