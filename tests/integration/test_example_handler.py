"""The handler to copy does what it says."""

from collections import Counter
from typing import Any

import pytest

from jobs.handlers import example
from jobs.models import Job
from tests import runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def counted(owner: Any, **values: Any) -> Job:
    with runs.worker():
        return runs.ended(runs.create(owner, "wordcount", **values).pk)


def result(job: Job) -> dict[str, Any]:
    assert isinstance(job.result, dict)
    return job.result


def test_words_are_counted_line_by_line(ann: Any) -> None:
    job = counted(ann, input={"text": "one two\n\nTwo three"})

    assert job.state == "completed"
    assert job.text == "1: 2 words\n2: 0 words\n3: 2 words\ntwo: 2\none: 1\nthree: 1\n"
    assert job.result == {"words": 4, "different": 3, "most": {"two": 2, "one": 1, "three": 1}}
    assert [(step["name"], step["state"]) for step in job.steps] == [("Counting", "done"), ("Reporting", "done")]


def test_the_query_is_counted_when_there_is_no_text(ann: Any) -> None:
    assert result(counted(ann, query="three little words"))["words"] == 3


@pytest.mark.parametrize("text", ["", " \n", 5, None, ["a"]])
def test_what_is_no_text_fails_at_once(ann: Any, text: Any) -> None:
    job = counted(ann, input={"text": text})

    assert (job.state, job.failures) == ("failed", 0)
    assert job.error == {"code": "bad_input", "message": "There is no text: give it as input.text or as the query."}


def test_a_later_attempt_counts_no_line_twice(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class FailsOnce(Counter[str]):
        updates = 0

        def update(self, *args: Any, **kwargs: Any) -> None:
            type(self).updates += 1
            if self.updates == 250:
                raise RuntimeError("once")
            super().update(*args, **kwargs)

    monkeypatch.setattr(example, "Counter", FailsOnce)

    job = counted(ann, input={"text": "a b\n" * 300})

    assert (job.state, job.attempt, job.failures) == ("completed", 2, 1)
    assert result(job)["words"] == 600
    assert [line.split(":")[0] for line in job.text.splitlines()[:300]] == [str(number) for number in range(1, 301)]
