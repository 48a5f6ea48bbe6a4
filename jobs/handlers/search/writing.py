"""The pace of writing: at once, or so many words a second."""

import asyncio
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.errors import JobFailed

FASTEST = 1_000_000
SHORTEST_PAUSE_SECONDS = 0.02
"""Shorter ones are saved up: several words are written at once then."""
LONGEST_PAUSE_SECONDS = 3600
_BEHIND_SECONDS = 0.25

_WORD = re.compile(r"\s*\S+\s*")


def words_per_second(input: Mapping[str, Any]) -> float:
    """Return the wished pace, 0 for none. Raises JobFailed for what is no pace."""
    value = input.get("wordsPerSecond", 0)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= FASTEST:
        raise JobFailed("bad_input", f"input.wordsPerSecond is a number from 0 (at once) to {FASTEST}.")
    return value


def words(text: str) -> Iterator[str]:
    """Return the words of `text` with the space around them; joined they are `text`."""
    return (match[0] for match in _WORD.finditer(text))


class Pace:
    """Waits between words. The time that anything else takes counts: the pace is kept over the whole."""

    def __init__(self, words_per_second: float) -> None:
        self._pause_seconds = min(1 / words_per_second, LONGEST_PAUSE_SECONDS) if words_per_second else 0
        self._due = time.monotonic()

    @property
    def is_at_once(self) -> bool:
        """Whether nothing waits."""
        return not self._pause_seconds

    async def wait(self) -> None:
        """Wait until the next word is due."""
        now = time.monotonic()
        self._due = max(self._due + self._pause_seconds, now - _BEHIND_SECONDS)
        if self._due - now > SHORTEST_PAUSE_SECONDS:
            await asyncio.sleep(self._due - now)
