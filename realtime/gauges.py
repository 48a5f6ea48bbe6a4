"""How things are in a server process, taken once a second by the hub's sweeper: nothing on the way of a frame has to keep it."""

from collections import Counter
from collections.abc import Collection
from typing import Any

from realtime.metrics import frames_sent, metrics
from realtime.watch import Watch

SWEEP_SECONDS = 1.0


def measure(sockets: Collection[Any], watches: Collection[Watch], *, degraded: bool, passed_seconds: float) -> None:
    """Set the gauges, and count what was only tallied; `passed_seconds` since the last time."""
    wire = metrics()
    open_sockets = Counter(socket.transport for socket in sockets)
    for transport, gauge in wire.sockets.items():
        gauge.set(open_sockets[transport])
    wire.feeds.set(len(watches))
    wire.readers.set(sum(len(watch.readers) for watch in watches))
    wire.degraded.set(degraded)
    if degraded:
        wire.degraded_seconds.inc(passed_seconds)
    wire.lag_seconds.set(max(0.0, passed_seconds - SWEEP_SECONDS))
    if sent := frames_sent.take():
        wire.frames.inc(sent)
