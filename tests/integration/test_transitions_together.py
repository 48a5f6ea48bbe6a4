"""Runs that are completed together end as each would by itself."""

import asyncio
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from django.utils import timezone

from jobs import transitions
from jobs.completions import Completions
from jobs.database import DatabaseThreads
from jobs.errors import LeaseLost
from jobs.models import Job, JobText, JobTransition
from jobs.recorder import Recorder
from jobs.transitions import Completion, Flush
from realtime.position import CLOSED
from tests import runs
from tests.rows import check

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def ended(recorder: Recorder) -> Flush:
    """Return a run at its end, with the events that are not published yet."""
    recorder.finish()
    append = recorder.take()
    return Flush(**{**recorder.flush().__dict__, "unpublished": append.entries if append else ()})


def rows_are_the_fold_of_their_logs() -> None:
    for job in Job.objects.all():
        check(job.pk)


def write(owner: Any, *, is_flushed: bool) -> Recorder:
    """Run a job that has written two pieces, the first of them flushed."""
    _, recorder = runs.running(owner, "test.stream")
    recorder.write("one 👍 ")
    recorder.progress(50, "Generating", "half")
    if is_flushed:
        transitions.flush([recorder.flush()])
    recorder.write("two")
    return recorder


def test_what_is_completed_together_is_whole(ann: Any) -> None:
    recorders = [write(ann, is_flushed=index % 2 == 0) for index in range(5)]
    results: list[Any] = [None, {"n": 1}, "text", [1, None], "x" * 40_000]

    held = transitions.complete_all([Completion(ended(recorder), result) for recorder, result in zip(recorders, results, strict=True)])

    assert held == {recorder.job_id for recorder in recorders}
    for recorder, result in zip(recorders, results, strict=True):
        job = Job.objects.get(pk=recorder.job_id)
        assert (job.state, job.seq, job.text, job.result, job.progress) == ("completed", CLOSED, "one 👍 two", result, 100)
        assert (job.worker, job.lease_expires_at, job.last_seq, job.text_length) == (None, None, 4, 10)
        assert [step["state"] for step in job.steps] == ["pending", "done"]
    assert not JobText.objects.exists()
    assert JobTransition.objects.filter(target="completed").count() == 5


def test_the_rows_are_the_fold_of_what_is_published(ann: Any) -> None:
    recorders = [write(ann, is_flushed=index % 2 == 0) for index in range(4)]

    transitions.complete_all([Completion(ended(recorder), {"n": 1}) for recorder in recorders])

    rows_are_the_fold_of_their_logs()


def test_lost_attempts_end_nothing_and_keep_nobody(ann: Any) -> None:
    lost, held = write(ann, is_flushed=True), write(ann, is_flushed=True)
    Job.objects.filter(pk=lost.job_id).update(lease_expires_at=timezone.now())
    transitions.rescue(limit=1)
    again, _ = runs.claim("test.stream")

    assert transitions.complete_all([Completion(ended(recorder), None) for recorder in (lost, held)]) == {held.job_id}

    again.refresh_from_db()
    assert (again.pk, again.state, again.attempt, again.text) == (lost.job_id, "running", 2, "")


@pytest.mark.locks_rows
def test_a_locked_row_keeps_nobody(ann: Any) -> None:
    locked, free = write(ann, is_flushed=False), write(ann, is_flushed=False)
    other = connections.create_connection("default")
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT id FROM jobs_job WHERE id = %s FOR UPDATE", [locked.job_id])
        assert transitions.complete_all([Completion(ended(recorder), None) for recorder in (locked, free)]) == {free.job_id}
    finally:
        other.rollback()
        other.close()


def together(flushes: list[tuple[Flush, Any]]) -> list[Any]:
    """Complete runs at the same moment; returns what each got: None, or an error."""

    async def complete_all() -> list[Any]:
        threads = DatabaseThreads(1, name="saving")
        try:
            writer = Completions(threads)
            return await asyncio.gather(*(writer.complete(*item) for item in flushes), return_exceptions=True)
        finally:
            await asyncio.to_thread(threads.end)

    return asyncio.run(complete_all())


def test_each_run_learns_what_became_of_it(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lost, *held = [write(ann, is_flushed=True) for _ in range(4)]
    Job.objects.filter(pk=lost.job_id).update(lease_expires_at=timezone.now())
    transitions.rescue(limit=1)

    answers = together([(ended(recorder), None) for recorder in (lost, *held)])

    assert [type(answer).__name__ for answer in answers] == ["LeaseLost", "NoneType", "NoneType", "NoneType"]
    assert set(Job.objects.values_list("state", flat=True)) == {"created", "completed"}


def test_one_that_cannot_be_written_keeps_nobody(ann: Any) -> None:
    recorders = [write(ann, is_flushed=True) for _ in range(3)]
    cannot_be_json = [(ended(recorders[0]), {1, 2}), *((ended(recorder), None) for recorder in recorders[1:])]

    answers = together(cannot_be_json)

    assert isinstance(answers[0], TypeError)
    assert answers[1:] == [None, None]


def test_while_the_database_is_away_all_are_told(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recorders = [write(ann, is_flushed=True) for _ in range(3)]

    def away(*arguments: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(transitions, "complete_all", away)
    monkeypatch.setattr(transitions, "complete", away)
    answers = together([(ended(recorder), None) for recorder in recorders])

    assert {type(answer) for answer in answers} == {OperationalError}
    assert Job.objects.filter(state="running").count() == 3


async def test_nobody_waits_for_ever_when_the_threads_are_gone() -> None:
    threads = DatabaseThreads(1, name="saving")
    await asyncio.to_thread(threads.end)
    fields: dict[str, Any] = dict.fromkeys(Flush.__dataclass_fields__)

    with pytest.raises(RuntimeError):
        await Completions(threads).complete(Flush(**fields), None)


def test_a_commit_that_fails_completes_nothing(ann: Any) -> None:
    recorders = [write(ann, is_flushed=True) for _ in range(2)]

    with transaction.atomic():
        transitions.complete_all([Completion(ended(recorder), None) for recorder in recorders])
        transaction.set_rollback(True)

    assert Job.objects.filter(state="running").count() == 2
    with pytest.raises(LeaseLost):
        transitions.complete(Flush(**{**recorders[0].flush().__dict__, "attempt": 7}), None)
