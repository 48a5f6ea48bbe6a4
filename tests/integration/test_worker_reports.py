"""Reports of a remote worker in any order, again and again, with holes, from lost attempts: row and log stay one stream."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from jobs.errors import Fenced, Gap
from jobs.models import Job, JobTransition, Worker
from jobs.remote import attempts
from jobs.transitions import Reported
from realtime import event_log
from realtime.position import Position
from tests import runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

WORDS = [f"{index} 👍 " for index in range(12)]
OFFSETS = [sum(len(word) + 1 for word in WORDS[:index]) for index in range(len(WORDS) + 1)]

BESIDE = st.integers(-3, 1)
"""Where a report begins, seen from the next word that is wanted: mostly it says something again."""
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("report"), BESIDE, st.integers(1, 5)),
        st.tuples(st.just("stale"), BESIDE, st.integers(1, 5)),
        st.tuples(st.just("checkpoint"), st.just(0), st.just(0)),
        st.tuples(st.just("release"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=14,
)


class Stream:
    """What a worker that makes every mistake should have got through."""

    def __init__(self, worker: Worker, owner: Any) -> None:
        self.worker = worker
        self.job_id = runs.create(owner, "remote.job").pk
        self.kept = self.first = 0
        self.claim()

    def claim(self) -> None:
        (job,) = attempts.claim(self.worker, types=["remote.job"], limit=1)
        assert job["streamingText"] == "".join(WORDS[: self.kept])
        self.attempt: int = job["attempt"]
        self.first = self.accepted = self.kept  # the word that is written at seq 2 of this attempt, and the next one

    @property
    def seq(self) -> int:
        return 1 + self.accepted - self.first

    def report(self, beside: int, count: int, attempt: int) -> None:
        """Send some words, from beside the next one on."""
        begin = max(self.first, self.accepted + beside)
        words = range(begin, min(begin + count, len(WORDS)))
        if not words:
            return
        events = [Reported(seq=2 + word - self.first, type="text", data={"offset": OFFSETS[word], "text": WORDS[word]}) for word in words]
        try:
            position = attempts.report(self.worker, self.job_id, attempt, events)
        except Fenced:
            assert attempt != self.attempt
        except Gap as gap:
            assert words[0] > self.accepted
            self.check_gap(gap)
        else:
            assert attempt == self.attempt
            self.accepted = max(self.accepted, words[-1] + 1)
            assert position == Position(self.attempt, self.seq)

    def check_gap(self, gap: Gap) -> None:
        assert (gap.position, gap.text_length) == (f"{self.attempt}-{self.seq}", OFFSETS[self.accepted])

    def do(self, step: tuple[str, int, int]) -> None:
        name, beside, count = step
        if name == "checkpoint":
            attempts.checkpoint(self.worker, self.job_id, self.attempt, self.seq, {"next": self.accepted})
            self.kept = self.accepted
        elif name == "release":
            attempts.release(self.worker, self.job_id, self.attempt, self.seq)
            self.claim()
        else:
            self.report(beside, count, self.attempt - (name == "stale"))

    def check(self) -> None:
        job = Job.objects.get(pk=self.job_id)
        assert (job.attempt, job.seq, job.whole_text()) == (self.attempt, self.seq, "".join(WORDS[: self.accepted]))
        (entries,) = event_log.read_after([(self.job_id, Position(self.attempt, 0))])
        events = [json.loads(entry.json) for entry in entries]
        assert [event["seq"] for event in events] == list(range(1, self.seq + 1))
        assert "".join(event["data"]["text"] for event in events[1:]) == "".join(WORDS[self.first : self.accepted])


def test_row_and_log_are_the_fold_of_one_stream(ann: Any) -> None:
    worker = runs.worker_row("remote:any")

    # Not shrunk: each try is a database's work, and a dozen steps can be read as they are.
    @settings(
        max_examples=15, phases=[Phase.generate], deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(steps=STEPS)
    def run(steps: list[tuple[str, int, int]]) -> None:
        JobTransition.objects.all().delete()
        Job.objects.all().delete()
        stream = Stream(worker, ann)
        for step in steps:
            stream.do(step)
            stream.check()

    run()
