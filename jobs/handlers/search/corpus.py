"""What can be searched: a corpus says what it holds now, and reads it."""

from collections.abc import Callable, Iterator
from typing import Protocol

from jobs.handlers.search.passages import Passage

Report = Callable[[int, int], None]
"""Called with how many files have been read, and how many there are. Raises when the reading is to end."""
Warn = Callable[[str], None]
"""Called with a sentence for each file that cannot be read."""


class Corpus(Protocol):
    """A body of texts with one index."""

    @property
    def key(self) -> str:
        """The name of the index, good as the beginning of a file's name."""

    @property
    def name(self) -> str:
        """What people call it."""

    def fingerprint(self) -> str:
        """Return what changes when a text does."""

    def read(self, *, report: Report, warn: Warn) -> Iterator[Passage]:
        """Return every passage."""
