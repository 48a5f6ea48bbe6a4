"""What a run saves, and that the next attempt starts from exactly there."""

from typing import Any

import pytest

from jobs import transitions
from jobs.errors import JobFailed, JobStopped, LeaseLost
from jobs.json_values import kept
from jobs.models import Job
from jobs.recorder import Recorder
from tests import runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def saved(job: Job) -> dict[str, Any]:
    checkpoint: dict[str, Any] = Job.objects.get(pk=job.pk).checkpoint or {}
    return checkpoint


def save(recorder: Recorder, data: Any) -> None:
    flush, half = recorder.checkpoint()
    transitions.checkpoint(flush, data, half=half)


def requeue(job: Job, recorder: Recorder) -> tuple[Job, Recorder]:
    transitions.interrupt(recorder.flush())
    return runs.claim(job.type)


def test_the_next_attempt_starts_from_the_last_checkpoint(ann: Any) -> None:
    job, recorder = runs.running(ann, "test.stream")
    recorder.write("kept 👍 ")
    recorder.progress(40, "Generating", "half way")
    save(recorder, {"index": 1})
    at_checkpoint = recorder.flush().seq
    recorder.write("lost")
    recorder.progress(60, None, None)
    transitions.flush([recorder.flush()])

    transitions.interrupt(recorder.flush())

    job.refresh_from_db()
    assert (job.text, job.text_length, job.progress, job.step, job.message) == ("kept 👍 ", 8, 40, "Generating", "half way")
    assert f'"keepText":8,"keepSeq":{at_checkpoint}' in job.queued_event
    assert saved(job)["data"] == {"index": 1}


def test_a_checkpoint_of_an_earlier_attempt_keeps_its_text_and_no_seq(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("kept ")
    save(recorder, 1)
    job, recorder = requeue(job, recorder)
    recorder.write("lost")

    transitions.interrupt(recorder.flush())

    job.refresh_from_db()
    assert job.text == "kept "
    assert '"keepText":5,"keepSeq":0' in job.queued_event


def test_a_checkpoint_renews_the_lease_and_forgives_the_kills(ann: Any) -> None:
    job, recorder = runs.running(ann)
    Job.objects.filter(pk=job.pk).update(kills=2, lease_expires_at=job.created_at)

    save(recorder, None)

    job.refresh_from_db()
    assert job.kills == 0
    assert not Job.objects.orphaned().exists()


def test_a_checkpoint_of_a_lost_attempt_writes_nothing(ann: Any) -> None:
    job, old = runs.running(ann)
    _, new = requeue(job, old)
    save(new, "new")
    old.write("stale")

    with pytest.raises(LeaseLost):
        save(old, "old")
    with pytest.raises(LeaseLost):
        transitions.save_answer(old.flush(), "key", 1)

    job.refresh_from_db()
    assert (saved(job)["data"], job.whole_text()) == ("new", "")


def test_a_flush_that_overtook_the_checkpoint_stays(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("one ")
    flush, half = recorder.checkpoint()
    recorder.write("two")
    transitions.flush([recorder.flush()])

    transitions.checkpoint(flush, 1, half=half)

    job.refresh_from_db()
    assert job.whole_text() == "one two"
    assert saved(job)["textLength"] == 4


def test_an_answer_leaves_text_and_data_of_the_checkpoint_as_they_are(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("kept ")
    save(recorder, "data")
    recorder.write("not kept")

    transitions.save_answer(recorder.flush(), "terms", ["a"])

    kept_there = saved(job)
    assert (kept_there["data"], kept_there["textLength"], kept_there["answers"]) == ("data", 5, {"terms": ["a"]})
    save(recorder, "later")
    assert saved(job)["answers"] == {"terms": ["a"]}


def test_an_answer_without_a_checkpoint_starts_the_next_attempt_from_the_beginning(ann: Any) -> None:
    job, recorder = runs.running(ann, "test.stream")
    recorder.write("not kept")
    transitions.save_answer(recorder.flush(), "terms", 1)

    transitions.interrupt(recorder.flush())

    job.refresh_from_db()
    assert (job.text, job.progress, [step["state"] for step in job.steps]) == ("", 0, ["pending", "pending"])
    assert '"keepText":0,"keepSeq":0' in job.queued_event


def test_half_a_character_waits_through_a_checkpoint(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("thumb: \ud83d")
    save(recorder, "the half is written")
    job, recorder = requeue(job, recorder)

    recorder.write("\udc4d!")

    transitions.complete(recorder.flush(), None)
    assert Job.objects.get(pk=job.pk).text == "thumb: 👍!"


def test_half_a_character_that_was_written_after_the_checkpoint_is_forgotten(ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("thumb: ")
    save(recorder, None)
    recorder.write("\ud83d")
    job, recorder = requeue(job, recorder)

    recorder.write("👍")
    recorder.finish()

    transitions.complete(recorder.flush(), None)
    assert Job.objects.get(pk=job.pk).text == "thumb: 👍"


@pytest.mark.parametrize("type", ["test.saving", "test.saving_blocking"])
def test_handlers_go_on_from_their_checkpoint(ann: Any, type: str) -> None:
    job = runs.create(ann, type, input={"interrupt_at": 2})

    with runs.worker():
        job = runs.ended(job.pk)

    assert job.state == "completed", job.error
    assert job.attempt == 2
    assert job.text == "[0:1][1:1][2:2][3:2]"
    assert job.result == {"answers": [[1, "plain"], [1, "async"]] if type == "test.saving" else [[1, "plain"]]}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"a": {1, 2}}, "bad_checkpoint"),
        (float("nan"), "bad_checkpoint"),
        ("\0", "bad_checkpoint"),
        ("\ud800", "bad_checkpoint"),
        (2**70, "bad_checkpoint"),
        ("x" * 65_536, "checkpoint_too_large"),
    ],
)
def test_what_json_cannot_hold_fails_the_job_with_a_readable_error(value: Any, code: str) -> None:
    with pytest.raises(JobFailed) as failed:
        kept(value, name="checkpoint", limit_bytes=65_536)

    assert failed.value.code == code
    assert failed.value.message.startswith("The checkpoint ")


def test_a_text_that_only_looks_like_an_escaped_nul_is_kept() -> None:
    assert kept({"path": r"C:\u0000", "pair": (1, 2)}, name="result", limit_bytes=1000) == {"path": r"C:\u0000", "pair": [1, 2]}


def test_a_wish_to_stop_is_met_at_the_checkpoint_after_it_is_saved(ann: Any) -> None:
    _, recorder = runs.running(ann)

    recorder.stop_at_checkpoint("interrupted")

    assert recorder.stopping
    recorder.write("goes on")
    with pytest.raises(JobStopped, match="interrupted"):
        recorder.check_stop_wish()
