"""Jobs of type `drill` that somebody else than the drill has created."""

from typing import Any

import pytest

from jobs.drill.handler import TYPE, permit_for
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("permit", ["", "yes", permit_for("another-job"), None], ids=["empty", "a word", "of another job", "none"])
def test_without_a_permit_of_its_own_it_kills_nobody(ann: Any, permit: Any) -> None:
    with runs.worker():
        job = runs.ended(runs.create(ann, TYPE, job_id="mine", input={"pieces": 4, "seconds": 0, "permit": permit}).pk)

    assert (job.state, job.attempt, job.result) == ("completed", 1, {"pieces": 4, "starts": [{"attempt": 1, "index": 0}]})


def test_what_makes_no_sense_fails(ann: Any) -> None:
    wrong: list[dict[str, Any]] = [{"pieces": 1001}, {"pieces": "many"}, {"seconds": 2}, {"seconds": True}, {"attempts": None}]
    with runs.worker():
        jobs = [runs.ended(runs.create(ann, TYPE, input=values).pk) for values in wrong]

    assert [(job.state, (job.error or {}).get("code"), job.failures) for job in jobs] == [("failed", "bad_input", 0)] * len(wrong)
