"""One reader's place in one feed: all that a socket holds of a topic."""

from realtime.feed import Feed
from realtime.metrics import metrics
from realtime.position import Position
from realtime.protocol import Frame


class Cursor:
    """Where a reader is, and what it gets next."""

    def __init__(self, feed: Feed, position: Position | None) -> None:
        """Begin after `position`; with None, at a snapshot."""
        self._feed = feed
        self.position = position
        self._revision = feed.revision
        self._status: Frame | None = None

    @property
    def has_next(self) -> bool:
        """Whether there is a next frame."""
        feed = self._feed
        return self.position is None or self.position < feed.position or self._revision != feed.revision or self._status is not feed.status

    def next_frame(self) -> Frame | None:
        """Return the next frame for the reader and move on, None when it has all."""
        feed = self._feed
        if self.position is None or self._revision != feed.revision:
            return self._take_snapshot("joined" if self.position is None else "changed")
        if self.position >= feed.position:
            return self._next_status()
        batch = feed.batch(self.position)
        if batch is None:
            return self._take_snapshot("behind")
        frame, self.position = batch
        return frame

    def _next_status(self) -> Frame | None:
        status = self._feed.status
        if status is self._status:
            return None
        self._status = status
        return status

    def _take_snapshot(self, why: str) -> Frame:
        metrics().snapshots[why].inc()
        self.position, self._revision = self._feed.position, self._feed.revision
        return self._feed.snapshot()
