"""The dashboard: the numbers behind the charts, on both databases, and what they cost."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import transitions
from jobs.admin import remembered, statistics
from jobs.admin.statistics import percentile
from jobs.models import Job
from tests import runs
from tests.desk import Desk, member

pytestmark = pytest.mark.django_db

DASHBOARD, WORKERS = "/admin/jobs/job/dashboard/", "/admin/jobs/worker/"
NOW = datetime(2026, 3, 5, 12, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    remembered.forget()


def ended(owner: Any, state: str = "completed", *, ago: timedelta, waited: float = 1, ran: float = 2, type: str = "test.echo") -> Job:
    """Return a job that ended so long before NOW."""
    at = NOW - ago
    started = at - timedelta(seconds=ran)
    queued = started - timedelta(seconds=waited)
    job = runs.create(owner, type)
    transitions.command(job.pk, "cancel", actor=owner)
    error = {"code": "broken", "message": "It is broken."} if state == "failed" else None
    values: dict[str, Any] = {"state": state}
    Job.objects.filter(pk=job.pk).update(
        **values, started_at=started, finished_at=at, error=error, queued_event=f'{{"ts":{int(queued.timestamp() * 1000)}}}'
    )
    return job


def read(name: str) -> statistics.Statistics:
    return statistics._read(statistics.SPANS[name], NOW)


def test_jobs_are_counted_in_the_piece_in_which_they_ended(ann: Any) -> None:
    ended(ann, ago=timedelta(0))
    ended(ann, "failed", ago=timedelta(minutes=2))
    ended(ann, ago=timedelta(minutes=2), waited=9, ran=30, type="test.wait")
    ended(ann, ago=timedelta(minutes=59))
    ended(ann, ago=timedelta(minutes=61))
    hour = read("hour")
    assert [dict(piece.ended) for piece in hour.pieces[-2:]] == [{"completed": 1, "failed": 1}, {"completed": 1}]
    assert hour.pieces[-1].begins == datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
    assert sum(piece.ended.total() for piece in hour.pieces) == 4
    assert sorted(round(time) for time in hour.pieces[-2].waited) == [1, 9]
    assert {(name, round(time)) for name, time in hour.pieces[-2].ran} == {("test.echo", 2), ("test.wait", 30)}
    assert hour.pieces[-2].codes == {"broken": 1}
    assert sum(piece.ended.total() for piece in read("day").pieces) == sum(piece.ended.total() for piece in read("week").pieces) == 5


def test_a_job_that_may_not_begin_yet_does_not_wait(ann: Any) -> None:
    job = ended(ann, ago=timedelta(minutes=1), waited=500)
    Job.objects.filter(pk=job.pk).update(run_at=NOW - timedelta(minutes=1, seconds=2 + 3))
    assert [round(time) for piece in read("hour").pieces for time in piece.waited] == [3]


def test_of_many_jobs_the_times_are_a_sample_and_all_are_counted(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "SAMPLE", 3)
    for number in range(6):
        ended(ann, "failed" if number < 4 else "completed", ago=timedelta(seconds=10 - number))
    piece = read("hour").pieces[-1]
    assert piece.is_sample
    assert (piece.ended["failed"], piece.ended["completed"], len(piece.ran)) == (4, 2, 3)
    assert piece.codes == {"broken": 4}


def test_what_waits_is_told_by_type_the_oldest_first(ann: Any) -> None:
    first, second, later = runs.create(ann, "test.echo"), runs.create(ann, "test.wait"), runs.create(ann, "test.wait")
    Job.objects.filter(pk=first.pk).update(created_at=NOW - timedelta(seconds=10))
    Job.objects.filter(pk=second.pk).update(created_at=NOW - timedelta(days=9), run_at=NOW - timedelta(seconds=60))
    Job.objects.filter(pk=later.pk).update(run_at=datetime(2099, 1, 1, tzinfo=UTC))
    assert [(row.type, row.count, round(row.oldest_seconds)) for row in read("hour").waiting] == [
        ("test.wait", 1, 60),
        ("test.echo", 1, 10),
    ]


def test_the_page_has_charts_with_axes_and_a_table_beside_each(staff: Any, ann: Any) -> None:
    desk = Desk(staff)
    for span in ("hour", "day", "week"):
        page = desk.get(DASHBOARD, span=span)
        assert page.count('<svg class="chart"') == page.count('class="chart-axis"') == page.count('class="dash-table"') == 3
        assert " style=" not in page
    assert desk.client.get(DASHBOARD, {"span": "year"}).status_code == 404
    assert Desk(member("nobody")).client.get(DASHBOARD).status_code == 403


def test_many_viewers_cost_what_one_does_and_each_reads_a_bounded_number_of_rows(staff: Any) -> None:
    desk = Desk(staff)
    with CaptureQueriesContext(connection) as captured:
        desk.get(DASHBOARD)
    assert len(captured) < 60
    assert all("LIMIT" in query["sql"] for query in captured if "jobs_job" in query["sql"])
    with CaptureQueriesContext(connection) as captured:
        desk.get(DASHBOARD)
    assert len(captured) <= 5


def test_a_page_that_keeps_itself_fresh_gets_its_part_alone(staff: Any) -> None:
    desk, worker = Desk(staff), runs.worker_row("here:7")
    for path in (DASHBOARD, WORKERS, f"{WORKERS}{worker.pk}/change/"):
        page = desk.get(path)
        part = desk.client.get(path, headers={"X-Live-Part": "1"}).content.decode()
        assert page.count('id="live"') == part.count('id="live"') == 1
        assert part.lstrip().startswith('<div id="live"')
        assert "<head" not in part
        assert ("here:7" in part) is (path != DASHBOARD)


def test_percentiles_are_values_that_there_were() -> None:
    assert percentile([], 50) is None
    assert [percentile([3, 1, 2, 4], percent) for percent in (50, 95, 100)] == [2, 4, 4]
