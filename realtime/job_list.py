"""A list of jobs as its readers see it: who begins gets the newest, then what has changed. Of each job only the last is kept."""

from collections.abc import Iterable
from typing import Any

from realtime.protocol import Frame, encode

REMEMBERED = 1000
"""So many changed jobs are remembered; a reader that missed more begins again."""

Summary = dict[str, Any]


class JobList:
    """What all readers of one list share. Each frame is encoded once, whoever asks for it."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.version = 0
        """Counts changes: a reader has all up to a version."""
        self._forgotten = 0
        self._newest: list[Summary] = []
        self._newest_version = -1
        self._changed: dict[str, tuple[int, Summary | None]] = {}
        self._frames: dict[int, Frame] = {}
        self._first: Frame | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has changed since the newest jobs were read."""
        return self._newest_version == self.version

    @property
    def known(self) -> dict[str, Summary]:
        """What readers were told of the jobs that are still there, by id."""
        told: dict[str, Summary | None] = {job["jobId"]: job for job in self._newest}
        told.update({job_id: summary for job_id, (_, summary) in self._changed.items()})
        return {job_id: summary for job_id, summary in told.items() if summary is not None}

    def begin(self, newest: Iterable[Summary], version: int) -> None:
        """Have those who begin from now on begin with these, which were read when the list was at `version`."""
        self._newest, self._newest_version, self._first = list(newest), version, None

    def change(self, changed: Iterable[Summary], removed: Iterable[str]) -> bool:
        """Take jobs as they are now, and ids of jobs that are gone. Returns whether readers learn anything by that."""
        before = self.version
        for summary in changed:
            self._note(summary["jobId"], summary)
        for job_id in removed:
            self._note(job_id, None)
        if self.version == before:
            return False
        self._frames.clear()
        return True

    def _note(self, job_id: str, summary: Summary | None) -> None:
        if job_id in self._changed:
            if self._changed[job_id][1] == summary:
                return
        elif summary is not None and summary in self._newest:
            return
        self.version += 1
        self._changed.pop(job_id, None)  # to the end: the dictionary is in the order of versions
        self._changed[job_id] = self.version, summary
        if len(self._changed) > REMEMBERED:
            self._forgotten, _ = self._changed.pop(next(iter(self._changed)))

    def first(self) -> tuple[Frame, int]:
        """Return what a reader begins with, and up to which version it has all then."""
        if self._first is None:
            self._first = Frame(encode({"type": "jobs", "topic": self.topic, "jobs": self._newest, "removed": []}))
        return self._first, self._newest_version

    def after(self, version: int) -> Frame | None:
        """Return what a reader lacks that has all up to `version`; None when it missed too much and has to begin again."""
        if version < self._forgotten:
            return None
        if version not in self._frames:
            news = [(job_id, summary) for job_id, (at, summary) in self._changed.items() if at > version]
            frame = {"type": "jobs", "topic": self.topic, "jobs": [summary for _, summary in news if summary is not None]}
            removed = [job_id for job_id, summary in news if summary is None]
            self._frames[version] = Frame(encode({**frame, "removed": removed}))
        return self._frames[version]


class ListCursor:
    """One reader's place in a list."""

    def __init__(self, jobs: JobList) -> None:
        self._jobs = jobs
        self._version: int | None = None

    @property
    def has_next(self) -> bool:
        """Whether there is a next frame."""
        return self._version != self._jobs.version

    def next_frame(self) -> Frame | None:
        """Return the next frame for the reader and move on, None when it has all."""
        if self._version == self._jobs.version:
            return None
        frame = None if self._version is None else self._jobs.after(self._version)
        if frame is None:
            frame, self._version = self._jobs.first()
        else:
            self._version = self._jobs.version
        return frame
