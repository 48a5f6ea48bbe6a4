"""How long to wait before trying again. The browser's `backoff.js` is its twin."""

import random
from collections.abc import Callable


class Backoff:
    """Not at all the first time, then exponentially longer, with full jitter, so that many clients do not come back at once."""

    def __init__(self, *, min_seconds: float = 0.25, max_seconds: float = 20, rng: Callable[[], float] = random.random) -> None:
        """Wait between `min_seconds` and a ceiling that doubles with each try, up to `max_seconds`."""
        self._min_seconds = min_seconds
        self._max_seconds = max_seconds
        self._random = rng
        self._tries = 0

    def next(self) -> float:
        """Return the seconds to wait before the next try."""
        tries, self._tries = self._tries, self._tries + 1
        if tries == 0:
            return 0
        ceiling = min(self._max_seconds, self._min_seconds * 2.0 ** min(tries, 30))
        return self._min_seconds + self._random() * (ceiling - self._min_seconds)

    def skip_first(self) -> None:
        """Leave out the try that would come at once."""
        self._tries = max(self._tries, 1)

    def reset(self) -> None:
        """Begin anew: what was tried has worked."""
        self._tries = 0
