"""What is counted about the wire. Made at the first use, so that commands which count nothing load nothing, and after a fork.

Processes that answer for one another share a folder, whose path is in `PROMETHEUS_MULTIPROC_DIR` before they count anything.
"""

import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
DELIVERY_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30)
CLOSE_CODES = frozenset({1000, 1001, 1005, 1006, 1009, 1012, 1013, 4401, 4408, 4413, 4429, 4501, 4503, 4509})
"""Codes that have a line of their own; a client may close with any other."""


class Tally:
    """A count that is taken over by a metric once a second, where counting at once would cost too much."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0

    def take(self) -> int:
        """Return the count and begin anew."""
        count, self.count = self.count, 0
        return count


frames_sent = Tally()


class WireMetrics:
    """Where something happens often, its child is looked up once, here."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self.delivery_seconds = Histogram(
            "realtime_delivery_seconds",
            "From the time of an event to its frame on the sockets that are ready, once a turn in which there are any.",
            buckets=DELIVERY_BUCKETS,
        )
        self.frames = Counter("realtime_frames_sent", "Frames with news that were sent to sockets and streams.")
        snapshots = Counter("realtime_snapshots_sent", "Snapshots that were sent, by why.", ["why"])
        self.snapshots = {why: snapshots.labels(why) for why in ("joined", "behind", "changed")}
        gaps = Counter("realtime_gaps_repaired", "Times that a feed got from log or row what no nudge brought.", ["source"])
        self.gaps = {source: gaps.labels(source) for source in ("log", "row")}
        rows = Counter("realtime_rows_read", "Whole jobs that were read for feeds, however many readers each has, by why.", ["why"])
        self.rows_read = {why: rows.labels(why) for why in ("opened", "repaired", "changed", "degraded")}
        refusals = Counter("realtime_log_refusals", "Appends that the event log refused, by what the row said to it.", ["outcome"])
        self.log_refusals = {outcome: refusals.labels(outcome) for outcome in ("fenced", "rewritten")}
        self.redis_failures = Counter("realtime_redis_failures", "Calls to Redis that failed; while it is away, one a second.")
        self.sign_ins = Counter("realtime_sign_ins", "Sockets that were signed in.")
        closes = Counter("realtime_socket_closes", "Sockets that have ended, by the code; dropped without one: none.", ["code"])
        self.closes = {str(code): closes.labels(code) for code in [*sorted(CLOSE_CODES), "none", "other"]}
        self.degraded_seconds = Counter("realtime_degraded_seconds", "Seconds in which updates came from the database.")
        sockets = Gauge("realtime_sockets", "Open sockets, and streams over HTTP.", ["transport"], multiprocess_mode="livesum")
        self.sockets = {transport: sockets.labels(transport) for transport in ("websocket", "http")}
        self.feeds = Gauge("realtime_feeds", "Watched topics, those nobody reads at the moment included.", multiprocess_mode="livesum")
        self.readers = Gauge("realtime_readers", "Subscriptions of sockets and streams.", multiprocess_mode="livesum")
        self.degraded = Gauge("realtime_degraded", "1 while updates come from the database.", multiprocess_mode="livemax")
        self.lag_seconds = Gauge("realtime_loop_lag_seconds", "How late the event loop was last.", multiprocess_mode="livemax")

    def count_close(self, code: int | None) -> None:
        """Count a socket that has ended."""
        self.closes["none" if code is None else str(code) if code in CLOSE_CODES else "other"].inc()


making = threading.Lock()
"""Whoever makes metrics holds it: two at once would both register them."""
_metrics: WireMetrics | None = None


def metrics() -> WireMetrics:
    """Return this process's metrics."""
    global _metrics
    if _metrics is None:
        with making:
            if _metrics is None:
                choose_values()
                _metrics = WireMetrics()
    return _metrics


def choose_values() -> None:
    """Keep what is counted from now on in the shared folder, if there is one: it may be younger than the library."""
    from prometheus_client import disable_created_metrics, values

    disable_created_metrics()  # type: ignore[no-untyped-call]
    if os.environ.get(FOLDER) and values.ValueClass is values.MutexValue:
        values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]


def exposition(accept: str, more: Sequence[Any] = ()) -> tuple[bytes, str]:
    """Return what Prometheus reads and its content type: this process's metrics, or those of all that share its folder, and `more`."""
    from prometheus_client import REGISTRY, CollectorRegistry
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    if folder := os.environ.get(FOLDER):
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    for collector in more:
        registry.register(collector)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class SharedFolder:
    """The folder of processes that answer for one another, made by their parent."""

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="omnibrowser-metrics-"))

    @property
    def environment(self) -> dict[str, str]:
        """What the processes need in their environment."""
        return {FOLDER: str(self._path)}

    def forget(self, pid: int) -> None:
        """Drop what a dead process said of how things are; what it counted stays counted."""
        for path in self._path.glob(f"gauge_live*_{pid}.db"):
            path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self._path, ignore_errors=True)
