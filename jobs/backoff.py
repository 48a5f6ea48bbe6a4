"""How long a job waits before it is tried again: longer each time, and never all jobs at the same moment."""

import random

FIRST_SECONDS, MOST_SECONDS = 1.0, 300.0


def retry_delay_seconds(*, failures: int) -> float:
    """Return the wait after the `failures`-th failure, drawn between none and the most (full jitter)."""
    return random.uniform(0, min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** (failures - 1)))  # noqa: S311  no secret
