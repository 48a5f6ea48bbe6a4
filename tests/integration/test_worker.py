"""A worker of this process, its clocks, its nudges and its database. FAULTS F23, F32, F39."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from jobs import flusher, transitions
from jobs.models import Job, Worker
from realtime import publisher
from tests import bad_handlers as bad_handlers
from tests import runs
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

HOUR_NS = 3600 * 10**9


class Clock:
    """The wall clock of this process, which somebody sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead_ns = 0
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + self.ahead_ns)


def test_a_clock_that_jumps_costs_no_lease_and_no_order(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    job = runs.create(ann, "test.stream", input={"chunks": 30, "seconds": 0.03})
    with runs.worker() as worker:
        for hours in (1, -2):
            length = Job.objects.get(pk=job.pk).text_length
            wait_until(lambda length=length: Job.objects.get(pk=job.pk).text_length > length)  # type: ignore[misc]
            clock.ahead_ns += hours * HOUR_NS
        row = runs.ended(job.pk)
        assert abs(Worker.objects.get(pk=worker.row.pk).heartbeat_at - timezone.now()) < timedelta(seconds=30)
    assert (row.state, row.attempt, row.failures, row.kills) == ("completed", 1, 0, 0)
    assert row.text == "".join(f"[{job.pk}:1:{index}]" for index in range(30))


def test_a_wrong_clock_does_not_move_the_next_try(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job, recorder = runs.running(ann)
    Clock(monkeypatch).ahead_ns = HOUR_NS

    transitions.retry_later(recorder.flush(), reason="error", delay_seconds=60, detail="")  # type: ignore[arg-type]

    job.refresh_from_db()
    assert job.run_at is not None
    assert abs(job.run_at - timezone.now() - timedelta(seconds=60)) < timedelta(seconds=30)


@pytest.mark.parametrize("size", [1, 64 * 1024 - 1, 64 * 1024 + 1, 200 * 1024])
def test_a_chunk_of_any_size_arrives_whole(ann: Any, size: int) -> None:
    text = ("€" * size)[: size // 3] + "x" * (size % 3)
    job = runs.create(ann, "test.echo", input={"text": text})
    with runs.worker():
        row = runs.ended(job.pk)
    assert (row.state, row.text) == ("completed", text)


def test_a_chunk_that_is_too_large_fails_the_job_and_nobody_else(ann: Any) -> None:
    job = runs.create(ann, "bad.writes_much", input={"bytes": 20 * 1024 * 1024})
    beside = runs.create(ann, "test.stream", input={"chunks": 10, "seconds": 0.02})
    with runs.worker():
        row = runs.ended(job.pk)
        assert runs.ended(beside.pk).state == "completed"
    assert row.error == {"code": "text_too_long", "message": "The job wrote more than 262144 bytes of text."}
    assert row.text == "before "


def test_a_job_starts_without_any_nudge(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "nudge", lambda *arguments: None)
    with runs.worker() as worker:
        wait_until(lambda: Worker.objects.filter(pk=worker.row.pk).exists())
        created_at = time.monotonic()
        job = runs.create(ann, "test.wait")
        wait_until(lambda: Job.objects.get(pk=job.pk).state == "running")
        assert time.monotonic() - created_at < 0.5 + 1


def test_what_ended_while_the_database_was_away_is_written_when_it_is_back(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[float] = []
    complete_all = transitions.complete_all

    def away(completions: Any) -> frozenset[str]:
        tries.append(time.monotonic())
        if len(tries) < 4:
            raise OperationalError("away")
        return complete_all(completions)

    monkeypatch.setattr(transitions, "complete_all", away)
    job = runs.create(ann, "test.echo", input={"value": "saved"})
    with runs.worker():
        row = runs.ended(job.pk)
    assert (row.state, row.result, row.attempt, len(tries)) == ("completed", "saved", 1, 4)


def test_a_run_whose_lease_could_not_be_renewed_goes_back_at_once_and_free_of_cost(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = runs.create(ann, "test.wait")
    with runs.worker() as worker:
        wait_until(lambda: Job.objects.get(pk=job.pk).texts.exists())
        (recorder, _) = worker._runs[job.pk]
        monkeypatch.setattr(flusher, "flush", _away)
        recorder.renewed_at -= 60
        row = wait_until(lambda: Job.objects.filter(pk=job.pk, attempt=2).first())
    assert (row.failures, row.kills) == (0, 0)
    assert [change.reason for change in row.transitions.filter(attempt=2, source="running")] == ["interrupted"]


def _away(*arguments: Any) -> None:
    raise OperationalError("away")
