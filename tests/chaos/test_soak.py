"""The soak: SOAK_SECONDS of faults (40 when unset) on one server of each sort, less on each alone and without guards.

`make soak` takes ten minutes of them, and everything is killed 30 times at least. SOAK_SEED draws the faults of a run again.
"""

import os
import random

import pytest

from tests.chaos.soak import GUARDS, Plan, soak

SEED = int(os.environ.get("SOAK_SEED", random.randrange(10**6)))
SECONDS = float(os.environ.get("SOAK_SECONDS", "40"))
IS_WHOLE = SECONDS >= 600


def test_nothing_is_lost_whatever_fails() -> None:
    verdict = soak(Plan(seed=SEED, seconds=SECONDS, kills=30 if IS_WHOLE else 1, database="postgres"))
    print(verdict)
    assert verdict.wrong == [], verdict
    assert verdict.deliveries >= (100_000 if IS_WHOLE else 1000)


@pytest.mark.parametrize("server", ["uvicorn", "daphne"])
def test_nothing_is_lost_on_two_servers_of_one_sort(server: str) -> None:
    verdict = soak(Plan(seed=SEED, seconds=min(60, SECONDS), servers=server, jobs_at_once=6))
    print(verdict)
    assert verdict.wrong == [], verdict


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_that_is_taken_out_is_missed(guard: str) -> None:
    verdict = soak(Plan(seed=SEED, seconds=30, jobs_at_once=6, without=guard))
    print(verdict)
    assert verdict.wrong, f"nobody noticed that there was no {guard}"
