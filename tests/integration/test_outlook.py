"""A job's place in line, and when it will probably have ended: in REST, and in `status` frames."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from jobs import outlook, transitions
from jobs.models import Job
from jobs.outlook import outlooks
from tests import runs
from tests.api import Api
from tests.sockets import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    outlook._past.clear()


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def past(owner: Any, seconds: float, *, steps: dict[str, float] | None = None, type: str = "test.wait") -> None:
    """Have a job be there that took so long, and its steps so long one after another."""
    job, recorder = runs.running(owner, type)
    transitions.complete(recorder.flush(), None)
    began, shown = ago(seconds + 100), []
    moment = began
    for name, taken in (steps or {}).items():
        ended = moment + timedelta(seconds=taken)
        shown.append({"name": name, "state": "done", "startedAt": _iso(moment), "finishedAt": _iso(ended)})
        moment = ended
    Job.objects.filter(pk=job.pk).update(started_at=began, finished_at=began + timedelta(seconds=seconds), steps=shown)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_until(job: Job) -> float | None:
    eta = outlooks([job])[job.pk].eta
    return None if eta is None else (eta - timezone.now()).total_seconds()


def place(job: Job) -> int | None:
    return outlooks([Job.objects.get(pk=job.pk)])[job.pk].queue_position


def test_places_follow_the_line_of_the_type(ann: Any, bob: Any) -> None:
    first, second = runs.create(ann), runs.create(bob)
    urgent, other = runs.create(ann, priority=5), runs.create(ann, "test.echo")
    later = runs.create(ann, run_at=timezone.now() + timedelta(hours=1))
    assert [place(job) for job in (urgent, first, second, other, later)] == [1, 2, 3, 1, None]
    runs.claim()
    assert [place(job) for job in (urgent, first, second)] == [None, 1, 2]


def test_a_place_far_behind_is_not_counted(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlook, "LINE_LIMIT", 2)
    jobs = [runs.create(ann) for _ in range(3)]
    assert [place(job) for job in jobs] == [1, 2, None]


def test_nothing_is_foretold_from_two_jobs(ann: Any) -> None:
    for known in (False, False, True):
        past(ann, 10)
        outlook._past.clear()
        waiting = runs.create(ann)
        assert (seconds_until(waiting) is not None) == known
        transitions.command(waiting.pk, "cancel", actor=ann)


def test_a_waiting_job_waits_for_those_before_it(ann: Any) -> None:
    for seconds in (10, 100, 10):
        past(ann, seconds)
    first, second = runs.create(ann), runs.create(ann)
    assert seconds_until(first) == pytest.approx(10, abs=2)
    assert seconds_until(second) == pytest.approx(20, abs=2)
    runs.claim()
    assert seconds_until(second) == pytest.approx(20, abs=2), "one runs, and one more has its turn before this is done"


def test_a_running_job_is_measured_by_its_steps_where_they_are_known(ann: Any) -> None:
    for _ in range(3):
        past(ann, 30, steps={"Analyzing": 10, "Generating": 20}, type="test.stream")
    job, recorder = runs.running(ann, "test.stream")
    recorder.progress(5, "Analyzing", None)
    transitions.flush([recorder.flush()])
    job.refresh_from_db()
    assert seconds_until(job) == pytest.approx(30, abs=2)
    recorder.progress(50, "Generating", None)
    transitions.flush([recorder.flush()])
    job.refresh_from_db()
    assert seconds_until(job) == pytest.approx(20, abs=2)
    Job.objects.filter(pk=job.pk).update(steps=[], started_at=ago(25))
    job.refresh_from_db()
    assert seconds_until(job) == pytest.approx(5, abs=2)


def test_a_page_asks_once_and_says_it(ann: Any, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(3):
        past(ann, 10)
    outlook._past.clear()
    for type in ("test.wait", "test.wait", "test.echo"):
        runs.create(ann, type)
    api = Api(ann)
    with django_assert_max_num_queries(4):
        _, page = api("GET", "/api/jobs")
    shown = [(job["type"], job["queuePosition"], job["eta"] is not None) for job in page["results"][:3]]
    assert shown == [("test.echo", 1, False), ("test.wait", 2, True), ("test.wait", 1, True)]
    assert {(job["queuePosition"], job["eta"]) for job in page["results"][3:]} == {(None, None)}


def test_viewers_are_told(live: LiveServer, ann: Any) -> None:
    for _ in range(3):
        past(ann, 10)
    before, job = runs.create(ann), runs.create(ann)
    viewer = live.signed_in(ann)
    viewer.subscribe(f"job:{job.pk}")
    status = viewer.until("status", queuePosition=2)
    assert (status["worker"], status["eta"] is not None) == ("none", True)
    transitions.command(before.pk, "cancel", actor=ann)
    assert viewer.until("status", queuePosition=1)["worker"] == "none"
