"""A watched topic of this process: who reads it, and whether its group is joined. What is read is said by the subclasses."""

import asyncio
from abc import ABC, abstractmethod
from typing import Protocol


class Reader(Protocol):
    """Who watches: woken when there may be something new, told when the topic is gone."""

    def wake(self, name: str) -> None:
        """There may be something new in the topic of this name."""

    def gone(self, name: str) -> None:
        """The job of this topic was deleted."""


class Watch(ABC):
    """One topic that somebody in this process watches, or did a while ago."""

    def __init__(self, name: str, group: str) -> None:
        self.name = name
        """Its name in this process: a list has one name per user."""
        self.group = group
        self.readers: set[Reader] = set()
        self.is_joined = False
        self.is_open = False
        """Whether there is something to be read."""
        self.opening: asyncio.Task[bool] | None = None
        self.idle_since: float | None = None

    @abstractmethod
    async def open(self) -> bool:
        """Read what there is. Returns False when there is no such thing. Raises the database's errors."""

    @abstractmethod
    def pull_soon(self) -> None:
        """Something may have been missed: look for it."""

    def wake(self) -> None:
        """Wake all readers."""
        for reader in self.readers:
            reader.wake(self.name)

    def detach(self, reader: Reader) -> None:
        """Wake the reader no more; what nobody reads is kept for a while."""
        self.readers.discard(reader)
        if not self.readers:
            self.idle_since = asyncio.get_running_loop().time()

    def is_idle(self, now: float, seconds: float) -> bool:
        """Tell whether nobody has read it for so long that it may be forgotten."""
        return self.idle_since is not None and now - self.idle_since > seconds and self.opening is None
