"""Topics, the groups behind them, and the ids of jobs."""

import pytest

from realtime.topics import is_job_id, job_group, job_id_of, job_topic


@pytest.mark.parametrize("job_id", ["j", "0", "a" * 64, "a.b_c-d", "019ab8f2-7d2e-7c1b-8a57-111111111111"])
def test_ids_of_jobs(job_id: str) -> None:
    assert is_job_id(job_id)
    assert job_id_of(job_topic(job_id)) == job_id


@pytest.mark.parametrize("text", ["", "a" * 65, "-a", ".a", "_a", "a b", "a/b", "a:b", "ä", "a\n", "٣", None, 7, b"a"])
def test_what_is_no_id(text: object) -> None:
    assert not is_job_id(text)


@pytest.mark.parametrize("topic", ["", "jobs", "jobs:all", "job", "job:", "job:a b", "job:a\n", "Job:a", "user:1"])
def test_topics_that_are_no_jobs(topic: str) -> None:
    assert job_id_of(topic) is None


def test_the_group_of_a_job_is_named_after_it() -> None:
    assert job_group("j1") == "job.j1"
