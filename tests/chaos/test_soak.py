"""The soak: SOAK_SECONDS of faults (40 when unset) on uvicorn, less on daphne and without guards; `make soak` runs ten minutes.

SOAK_SEED replays the faults of a run.
"""

import os
import random

import pytest

from tests.chaos.soak import soak
from tests.chaos.without import GUARDS

SEED = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))
SECONDS = float(os.environ.get("SOAK_SECONDS", "40"))


@pytest.mark.parametrize(("server", "seconds"), [("uvicorn", SECONDS), ("daphne", min(60, SECONDS))])
def test_nothing_is_lost_whatever_fails(server: str, seconds: float) -> None:
    verdict = soak(seconds=seconds, seed=SEED, server=server, jobs_at_once=6)
    print(verdict)
    assert verdict.wrong == [], verdict
    assert verdict.deliveries > 1000


@pytest.mark.parametrize("guard", sorted(GUARDS))
def test_a_guard_that_is_taken_out_is_missed(guard: str) -> None:
    verdict = soak(seconds=30, seed=SEED, jobs_at_once=6, without=guard)
    print(verdict)
    assert verdict.wrong, f"nobody noticed that there was no {guard}"
