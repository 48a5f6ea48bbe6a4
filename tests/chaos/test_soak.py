"""The soak: SOAK_SECONDS of faults (40 when unset), replayed by SOAK_SEED; `make soak` runs it for ten minutes."""

import os
import random

from tests.chaos.soak import soak


def test_a_minute_of_faults() -> None:
    seed = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))
    verdict = soak(seconds=float(os.environ.get("SOAK_SECONDS", "40")), seed=seed, jobs_at_once=6)
    print(verdict)
    assert verdict.wrong == [], verdict
    assert verdict.deliveries > 1000
