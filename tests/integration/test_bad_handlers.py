"""Handlers that misbehave, in a worker of this process: each ends with the right state and a readable reason, and nobody else suffers."""

from collections.abc import Iterator
from typing import Any

import pytest

from jobs import transitions
from jobs.models import Job, JobTransition
from tests import bad_handlers, runs
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def _enough() -> Iterator[None]:
    bad_handlers.enough.clear()
    yield
    bad_handlers.enough.set()


def outcome(owner: Any, type: str, **values: Any) -> tuple[str, dict[str, str]]:
    """Run a job to its end, beside one that has to be able to run then, and return its state and its error."""
    job = runs.create(owner, type, input=values)
    with runs.worker(concurrency=2):
        ended = runs.ended(job.pk)
        assert runs.ended(runs.create(owner, "test.echo", input={"value": 1}).pk).state == "completed"
        bad_handlers.enough.set()
    return ended.state, ended.error or {}


@pytest.mark.parametrize("value", ["set", "nan", "object", "coroutine", "nul", "deep"])
def test_what_json_cannot_hold_is_no_result(ann: Any, value: str) -> None:
    state, error = outcome(ann, "bad.returns", value=value)
    assert (state, error["code"]) == ("failed", "bad_result")
    assert error["message"].startswith("The result ")


def test_nul_and_half_an_emoji_become_replacement_characters(ann: Any) -> None:
    job = runs.create(ann, "bad.writes_what_is_no_text")
    with runs.worker():
        row = runs.ended(job.pk)
    assert (row.state, row.text, row.text_length) == ("completed", "a�b �", 5)


def test_a_handler_that_never_awaits_is_as_good_as_another(ann: Any) -> None:
    assert outcome(ann, "bad.forgets_to_await") == ("completed", {})


def test_a_handler_that_cancels_itself_has_failed(ann: Any) -> None:
    state, error = outcome(ann, "bad.cancels_itself")
    assert (state, error) == ("failed", {"code": "handler_error", "message": "The handler raised CancelledError."})


def test_system_exit_in_a_thread_is_an_error_of_the_handler(ann: Any) -> None:
    state, error = outcome(ann, "bad.quits_blocking")
    assert (state, error) == ("failed", {"code": "handler_error", "message": "The handler raised SystemExit."})


@pytest.mark.parametrize("type", ["bad.stalls", "bad.stalls_blocking"])
def test_an_attempt_that_reports_nothing_has_timed_out(ann: Any, type: str) -> None:
    state, error = outcome(ann, type, reports=5)
    assert (state, error) == ("failed", {"code": "timeout", "message": "The attempt reported nothing for 0.3 s."})
    assert JobTransition.objects.filter(target="failed").latest("id").reason == "timeout"


@pytest.mark.parametrize("type", ["bad.goes_on", "bad.goes_on_blocking"])
def test_a_handler_that_swallows_its_stop_is_left_behind(ann: Any, type: str) -> None:
    job = runs.create(ann, type)
    with runs.worker(concurrency=1) as worker:
        wait_until(lambda: Job.objects.get(pk=job.pk).text_length or Job.objects.get(pk=job.pk).texts.exists())
        transitions.command(job.pk, "cancel", actor=ann)
        length = Job.objects.get(pk=job.pk).text_length
        assert runs.ended(runs.create(ann, "test.echo", input={"value": 1}).pk).state == "completed"
        bad_handlers.enough.set()
        wait_until(lambda: not worker._runs)
    row = Job.objects.get(pk=job.pk)
    assert (row.state, row.text_length) == ("cancelled", length)


@pytest.mark.parametrize("type", ["bad.goes_on", "bad.goes_on_blocking"])
def test_a_handler_whose_time_is_over_has_timed_out_whatever_it_does(ann: Any, type: str) -> None:
    job = runs.create(ann, type, timeout_seconds=0.3)
    with runs.worker(concurrency=1):
        row = runs.ended(job.pk)
        bad_handlers.enough.set()
    assert row.error == {"code": "timeout", "message": "The attempt took longer than 0.3 s."}


def test_the_heartbeat_goes_on_while_a_handler_computes(ann: Any) -> None:
    computing = runs.create(ann, "bad.computes", input={"seconds": 1.5})
    with runs.worker(concurrency=2):
        wait_until(lambda: Job.objects.get(pk=computing.pk).texts.exists())
        first = Job.objects.get(pk=computing.pk).lease_expires_at
        assert first is not None
        wait_until(lambda: (later := Job.objects.get(pk=computing.pk).lease_expires_at) and (later - first).total_seconds() > 0.6)
        assert Job.objects.get(pk=computing.pk).state == "running"
        assert runs.ended(computing.pk).result == "computed"
