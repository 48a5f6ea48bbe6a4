"""Indexes that are being built in this process: each once, in a thread of its own, watched by every job that needs it."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from jobs.errors import JobError, JobFailed
from jobs.handlers.search.corpus import Corpus
from jobs.handlers.search.index import Hits, build, index_path, search

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
TRIES = 3
"""So often is an index that was removed or damaged built again for one search."""

Tell = Callable[[int, int], Awaitable[None]]
"""Told how many files of a corpus have been read, and how many there are."""
Warn = Callable[[str], Awaitable[None]]


class Abandoned(JobError):
    """No job waits for this index any more."""


class Build:
    """The building of one index, whose jobs look at it now and then. It ends early when none is left."""

    def __init__(self, path: Path, corpus: Corpus) -> None:
        self._path, self._corpus = path, corpus
        self._abandoned = threading.Event()
        self._finished = threading.Event()
        self._error: BaseException | None = None
        self.watchers = 0
        self.done, self.total = 0, 0
        self.warnings: list[str] = []
        threading.Thread(target=self._run, name=f"index {corpus.key}", daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether the index is there, or will not be."""
        return self._finished.is_set()

    def abandon(self) -> None:
        """End it after the file that is being read."""
        self._abandoned.set()

    def check(self) -> None:
        """Raise what the building ended with, if it did not end well."""
        if isinstance(self._error, sqlite3.OperationalError) and "fts5" in str(self._error):
            raise JobFailed("search_unavailable", "The SQLite of this Python has no FTS5, which searching needs.") from self._error
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            build(self._path, self._corpus, report=self._report, warn=self.warnings.append)
        except Abandoned:
            log.info("the index of %s is needed by no job any more: its building ends", self._corpus.name)
        except BaseException as error:  # handed over to those who wait
            self._error = error
        finally:
            self._finished.set()

    def _report(self, done: int, total: int) -> None:
        if self._abandoned.is_set():
            raise Abandoned
        self.done, self.total = done, total


_builds: dict[Path, Build] = {}


async def hits(corpus: Corpus, terms: Sequence[str], *, folder: Path, tell: Tell, warn: Warn) -> Hits:
    """Search a corpus for the terms. Its index is built first when there is none of the texts as they are now."""
    for remaining in reversed(range(TRIES)):
        path = await asyncio.to_thread(index_path, folder, corpus)
        if not path.exists():
            await _built(path, corpus, tell=tell, warn=warn)
        try:
            return await asyncio.to_thread(search, path, terms)
        except sqlite3.DatabaseError as error:
            if not remaining:
                raise
            log.warning("the index %s cannot be read and is built again: %s", path, error)
            path.unlink(missing_ok=True)
    raise AssertionError("unreachable: the last try returns or raises")


async def _built(path: Path, corpus: Corpus, *, tell: Tell, warn: Warn) -> None:
    build = _builds.get(path)
    if build is None or build.finished:
        build = _builds[path] = Build(path, corpus)
    build.watchers += 1
    try:
        while not build.finished:
            await tell(build.done, build.total)
            await asyncio.sleep(LOOK_SECONDS)
        build.check()
        await tell(build.done, build.total)
        for warning in build.warnings[:20]:
            await warn(warning)
        if len(build.warnings) > 20:
            await warn(f"{len(build.warnings) - 20} more files of {corpus.name} could not be read.")
    finally:
        build.watchers -= 1
        if not build.watchers:
            build.abandon()
            if _builds.get(path) is build:
                del _builds[path]
