"""A minute of the soak, on a server of each sort. SOAK_SEED draws the faults of a run again; `make soak` takes ten minutes."""

import os
import random

from tests.chaos.soak import Plan, soak


def test_nothing_is_lost_in_a_minute_in_which_everything_fails() -> None:
    seed = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))
    verdict = soak(Plan(seed=seed, seconds=60, workers=2, jobs_at_once=3, calm=3))
    print(verdict)
    assert verdict.wrong == [], verdict
    assert verdict.deliveries
