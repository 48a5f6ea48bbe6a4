"""Guards that a soak can do without, to show that it notices: `SOAK_WITHOUT` names one, in the processes under test."""

import os
from collections.abc import Callable


def contiguity() -> None:
    """Feeds take any later event, whatever is missing before it."""
    from realtime import feed

    feed._goes_on = lambda position, held: True


def comparison() -> None:
    """Nobody compares feeds with log and row, and nobody proves that what is published arrives."""
    from realtime.job_watch import JobWatch
    from realtime.listener import Listener

    async def never(self: Listener) -> None:
        """Prove nothing."""

    JobWatch.compare = lambda self, row, logged, was: None  # type: ignore[method-assign]
    Listener.probe_once = never  # type: ignore[method-assign]


def row() -> None:
    """Where the log has a hole, the row is not read."""
    from realtime.job_watch import JobWatch

    JobWatch.follow = lambda self, row: None  # type: ignore[method-assign]


GUARDS: dict[str, Callable[[], None]] = {guard.__name__: guard for guard in (contiguity, comparison, row)}

if name := os.environ.get("SOAK_WITHOUT"):
    GUARDS[name]()
