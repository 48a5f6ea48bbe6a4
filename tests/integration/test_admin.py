"""The admin's list and pages of jobs: what is shown."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import transitions
from jobs.admin import remembered
from jobs.admin.columns import age_words
from jobs.models import Job
from realtime.position import CLOSED
from tests import runs
from tests.desk import LIST, Desk, member

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(staff: Any) -> Desk:
    return Desk(staff)


def test_the_list_shows_what_one_looks_for(desk: Desk, ann: Any) -> None:
    job, recorder = runs.running(ann, query="Why is <b>this</b> so?")
    recorder.progress(42, "Searching", None)
    transitions.flush([recorder.flush()])
    page = desk.get()
    for words in (job.pk, "test.wait", "ann", "Running", "42 %", "Searching", "Why is &lt;b&gt;this&lt;/b&gt; so?", "1 job"):
        assert words in page
    assert "<b>this" not in page


def test_an_empty_list_says_whether_there_is_nothing_or_nothing_like_that(desk: Desk, ann: Any) -> None:
    workers = "/admin/jobs/worker/"
    assert "There are no jobs yet." in desk.get()
    assert "No worker runs." in desk.get(workers)
    runs.create(ann)
    for page in (desk.get(state="failed"), desk.get(q="nothing-like-that"), desk.get(workers, condition="lost")):
        assert "is like that." in page


def test_an_age_is_said_in_its_largest_unit() -> None:
    said = {-1: "0 s", 0: "0 s", 59.9: "59 s", 60: "1 min", 3599: "59 min", 7300: "2 h", 200_000: "2 d"}
    assert {seconds: age_words(seconds) for seconds in said} == said


def test_one_finds_a_job_by_its_id_its_owner_and_its_query(desk: Desk, ann: Any, bob: Any) -> None:
    first = runs.create(ann, query="About context managers", job_id="first-1")
    second = runs.create(bob, query="On ANN and 100% others", job_id="second-2")
    assert desk.ids(q="first-1") == desk.ids(q="firs") == desk.ids(q="managers about") == [first.pk]
    assert desk.ids(q="bob") == [second.pk]
    assert desk.ids(q="ann") == [second.pk, first.pk]
    assert desk.ids(q="100%") == [second.pk]
    assert desk.ids(q="nothing") == desk.ids(q="0%0") == []
    assert desk.ids(q="\0") == [second.pk, first.pk]


def test_the_filters_narrow_the_list(desk: Desk, ann: Any, bob: Any) -> None:
    waiting = runs.create(ann, "test.echo")
    running, _ = runs.running(bob)
    assert desk.ids(state="created") == desk.ids(state__exact="created") == [waiting.pk]
    assert desk.ids(type="test.wait") == desk.ids(owner="bob") == desk.ids(worker=running.worker_id or "") == [running.pk]
    assert desk.ids(age="1h", owner="ann") == [waiting.pk]
    assert desk.ids(age="over1h") == desk.ids(owner="nobody") == desk.ids(worker="none") == desk.ids(type="none\0") == []


def test_a_filter_that_is_not_offered_is_refused(desk: Desk, ann: Any) -> None:
    assert desk.client.get(LIST, {"text__regex": "(a+)+$"}).status_code == 400
    assert desk.client.get(LIST, {"owner__password__startswith": "a"}).status_code == 400
    assert desk.client.get(f"{LIST}export/", {"owner__id__exact": "x"}).status_code == 404


def test_pages_follow_each_other_and_stay_the_same_while_jobs_are_created(desk: Desk, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.admin.jobs.JobAdmin.list_per_page", 3)
    made = [runs.create(ann, job_id=f"job-{number}").pk for number in range(8)]
    Job.objects.filter(pk__in=made[2:6]).update(created_at=Job.objects.get(pk=made[2]).created_at)  # the same moment: the id decides
    seen: list[str] = []
    url = LIST
    for _ in range(3):
        changes = desk.client.get(url).context["cl"]
        seen += [job.pk for job in changes.result_list]
        runs.create(ann)
        url = LIST + (changes.older_query or "")
    assert seen == made[::-1]
    assert changes.older_query is None
    back = desk.client.get(LIST + changes.newer_query).context["cl"]
    assert [job.pk for job in back.result_list] == made[2:5][::-1]
    assert len(desk.ids(older="what is this")) == 3


def test_a_page_takes_few_queries_however_many_jobs_there_are(desk: Desk, ann: Any) -> None:
    def queries(path: str) -> int:
        remembered.forget()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert desk.client.get(path).status_code == 200
        assert all("jobs_job" not in query["sql"] or "LIMIT" in query["sql"] or '"id" =' in query["sql"] for query in captured)
        return len(captured)

    job = runs.create(ann)
    few, few_on_page = queries(LIST), queries(f"{LIST}{job.pk}/change/")
    for _ in range(30):
        runs.create(ann)
    assert queries(LIST) == few <= 15
    assert queries(f"{LIST}{job.pk}/change/") == few_on_page <= 7


def test_the_page_of_a_job_shows_all_of_it_and_nothing_as_html(desk: Desk, ann: Any) -> None:
    evil = "<script>alert(1)</script>"
    job, recorder = runs.running(ann, query=evil, input={"deep": [evil]})
    recorder.write(f"{evil} written")
    recorder.progress(30, "one", evil)
    transitions.fail(recorder.flush(), code="broken", message=f"{evil} broke", detail=f"Traceback: {evil}", failures=1)
    page = desk.page(job.pk)
    assert evil not in page.replace('<script id="page-data" type="application/json">', "")
    for words in ("written", "broke", "Traceback: &lt;script&gt;", "broken", "deep", "one", "Failed", "here:1", "by its owner", "Created"):
        assert words in page or words == "by its owner"
    assert page.count("<tr>") >= 3


def test_the_page_of_a_job_shows_what_a_later_attempt_starts_from(desk: Desk, ann: Any) -> None:
    job, recorder = runs.running(ann)
    transitions.save_answer(recorder.checkpoint()[0], "terms", ["lease"])
    assert "Checkpoint" not in desk.page(job.pk)
    transitions.checkpoint(recorder.checkpoint()[0], {"sentence": 7})
    page = desk.page(job.pk)
    for words in ("Checkpoint", "&quot;sentence&quot;: 7", "&quot;terms&quot;"):
        assert words in page


def test_the_page_of_a_job_bears_what_an_import_left_out(desk: Desk, ann: Any) -> None:
    job = runs.create(ann)
    transitions.command(job.pk, "cancel", actor=ann)
    Job.objects.filter(pk=job.pk).update(closed_event=None, queued_event="")
    job.transitions.all().delete()
    assert job.pk in desk.page(job.pk)


def test_the_counts_are_of_now_and_of_the_last_day(desk: Desk, ann: Any) -> None:
    remembered.forget()
    runs.create(ann, "test.echo")
    over, old = runs.create(ann), runs.create(ann)
    for job in (over, old):
        transitions.command(job.pk, "cancel", actor=ann)
    Job.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=2))
    shown = desk.client.get(f"{LIST}live/", {"id": [over.pk, "../etc", "gone"]}).json()
    words = {row["state"]: row["words"] for row in shown["counts"]["states"]}
    assert (words["created"], words["cancelled"], words["running"]) == ("1", "1", "0")
    assert [row["type"] for row in shown["counts"]["types"]] == ["test.echo", "test.wait"]
    now = {"state": "cancelled", "progress": 0, "step": None, "attempt": 1, "position": f"1-{CLOSED}"}
    assert shown["jobs"] == [{"jobId": over.pk, **now}]
    runs.create(ann)
    assert desk.client.get(f"{LIST}live/").json()["counts"] == shown["counts"], "it is read for all at most every two seconds"
    remembered.forget()
    assert desk.client.get(f"{LIST}live/").json()["counts"] != shown["counts"]


def test_no_page_needs_a_script_or_a_style_inside_it(desk: Desk, ann: Any) -> None:
    job, _ = runs.running(ann)
    worker = f"/admin/jobs/worker/{job.worker_id}/change/"
    pages = [desk.get(path) for path in (LIST, f"{LIST}dashboard/", f"{LIST}{job.pk}/change/", f"{LIST}{job.pk}/delete/", worker)]
    pages += [desk.ask("cancel", job.pk).content.decode(), Desk(member("viewer", "view_job")).get()]
    for page in pages:
        assert not re.search(r"<style|<script(?![^>]* src=)(?![^>]*application/json)|<[^>]+ (style|on[a-z]+)=", page)
