"""The admin's list and pages of jobs: what is shown, what may be done, and by whom."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs import transitions
from jobs.admin import remembered
from jobs.admin.columns import age_words
from jobs.models import Job
from tests import runs

pytestmark = pytest.mark.django_db

LIST = "/admin/jobs/job/"


def member(name: str, *permissions: str) -> Any:
    """Return a member of staff who may do what is named, as `view_job`."""
    user = get_user_model().objects.create_user(name, password="a-long-password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


class Desk:
    """A member of staff at the admin."""

    def __init__(self, user: Any) -> None:
        self.client = Client(enforce_csrf_checks=False)
        self.client.force_login(user)

    def get(self, path: str = LIST, **query: str) -> str:
        response = self.client.get(path, query)
        assert response.status_code == 200, response
        return response.content.decode()

    def page(self, job_id: str) -> str:
        return self.get(f"{LIST}{job_id}/change/")

    def ids(self, **query: str) -> list[str]:
        """Return the ids in the list, in order."""
        response = self.client.get(LIST, query)
        return [job.pk for job in response.context["cl"].result_list]

    def ask(self, action: str, *job_ids: str, filters: str = "", across: bool = False) -> Any:
        """Choose an action in the list; returns the page that asks."""
        action = "delete_selected" if action == "delete" else action
        data = {"action": action, "_selected_action": list(job_ids), "select_across": "1" if across else "0", "index": "0"}
        return self.client.post(f"{LIST}?{filters}", data)

    def do(self, action: str, *job_ids: str, filters: str = "", across: bool = False, **fields: str) -> list[str]:
        """Choose an action, say yes, and return what was said at the end."""
        response = self.ask(action, *job_ids, filters=filters, across=across)
        while response.status_code == 200 and "token" in (response.context or {}):
            response = self.client.post(f"{LIST}bulk/", {"token": response.context["token"], **fields})
        assert response.status_code == 302, response
        return [str(message) for message in self.client.get(response["Location"]).context["messages"]]

    def press(self, job_id: str, action: str) -> Any:
        """Press a button on a job's page."""
        return self.client.post(f"{LIST}{job_id}/do/{action}/", follow=True)


@pytest.fixture
def desk(staff: Any) -> Desk:
    return Desk(staff)


def state_of(job: Job) -> str:
    return Job.objects.get(pk=job.pk).state


def test_the_list_shows_what_one_looks_for(desk: Desk, ann: Any) -> None:
    job, recorder = runs.running(ann, query="Why is <b>this</b> so?")
    recorder.progress(42, "Searching", None)
    transitions.flush([recorder.flush()])
    page = desk.get()
    for words in (job.pk, "test.wait", "ann", "Running", "42 %", "Searching", "Why is &lt;b&gt;this&lt;/b&gt; so?", "1 job"):
        assert words in page
    assert "<b>this" not in page


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


def test_what_was_done_to_a_job_says_who_did_it(desk: Desk, staff: Any, ann: Any) -> None:
    job = runs.create(ann)
    assert "1 job cancelled." in desk.press(job.pk, "cancel").content.decode()
    job.refresh_from_db()
    assert job.state == "cancelled"
    last = job.transitions.latest("id")
    assert (last.actor, last.reason) == (staff, "staff")
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (staff, job.pk, "Cancelled.")
    assert "Cancelled." in desk.get(f"{LIST}{job.pk}/history/")
    assert "by staff" in desk.page(job.pk)


def test_an_action_says_how_many_it_changed_and_why_it_did_not_the_others(desk: Desk, ann: Any) -> None:
    over = runs.create(ann)
    transitions.command(over.pk, "cancel", actor=ann)
    running, _ = runs.running(ann)
    waiting = runs.create(ann)
    asked = desk.ask("pause", over.pk, waiting.pk, running.pk).content.decode()
    assert "2 of the 3 jobs" in asked
    assert (state_of(waiting), state_of(running)) == ("created", "running")
    said = desk.do("pause", over.pk, waiting.pk, running.pk)
    assert said == ["2 jobs paused.", "Not changed: 1 is cancelled: it cannot be paused."]
    assert (state_of(waiting), state_of(running)) == ("paused", "paused")
    assert desk.do("resume", waiting.pk) == ["1 job resumed."]
    assert desk.do("retry", over.pk) == ["1 job tried again."]
    assert (state_of(waiting), state_of(over)) == ("created", "created")


def test_a_selected_job_that_has_left_the_filters_is_told_of(desk: Desk, ann: Any) -> None:
    job = runs.create(ann)
    token = desk.ask("pause", job.pk, filters="state=created").context["token"]
    transitions.command(job.pk, "cancel", actor=ann)
    done = desk.client.post(f"{LIST}bulk/", {"token": token}, follow=True)
    assert [str(message) for message in done.context["messages"]] == ["Not changed: 1 is cancelled: it cannot be paused."]


def test_an_action_on_all_that_the_filters_match_takes_no_other_job(desk: Desk, ann: Any, bob: Any) -> None:
    hers = [runs.create(ann) for _ in range(3)]
    his = runs.create(bob)
    asked = desk.ask("cancel", hers[0].pk, filters="owner=ann", across=True)
    late = runs.create(ann)  # nobody has seen it on the page that asks
    assert "3 jobs" in asked.content.decode()
    done = desk.client.post(f"{LIST}bulk/", {"token": asked.context["token"]})
    assert done["Location"] == f"{LIST}?owner=ann"
    assert [state_of(job) for job in (*hers, his, late)] == ["cancelled"] * 3 + ["created"] * 2


def test_a_run_is_done_in_batches_each_of_them_short(desk: Desk, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [runs.create(ann) for _ in range(7)]
    monkeypatch.setattr("jobs.admin.bulk.BATCH", 3)
    monkeypatch.setattr("jobs.admin.bulk.PART", 1)
    monkeypatch.setattr("jobs.admin.bulk.BATCH_SECONDS", 0.000001)
    asked = desk.ask("cancel", jobs[0].pk, across=True)
    token, seen = asked.context["token"], []
    while token:
        answer = desk.client.post(f"{LIST}bulk/", {"token": token}, headers={"accept": "application/json"}).json()
        token = answer.get("token")
        seen.append(answer.get("done"))
        monkeypatch.setattr("jobs.admin.bulk.BATCH_SECONDS", 1.0 if len(seen) > 2 else 0.000001)
    assert {state_of(job) for job in jobs} == {"cancelled"}
    assert seen[-1] is None
    assert answer["next"] == LIST


def test_what_is_not_in_the_log_was_not_done(desk: Desk, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [runs.create(ann) for _ in range(3)]

    def fails(*arguments: Any, **options: Any) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr("jobs.admin.actions.write_log", fails)
    with pytest.raises(OperationalError):
        desk.do("cancel", *(job.pk for job in jobs))
    assert {state_of(job) for job in jobs} == {"created"}


def test_the_priority_of_many_can_be_set(desk: Desk, ann: Any) -> None:
    job = runs.create(ann)
    assert desk.do("priority", job.pk, priority="7") == ["1 job given another priority."]
    job.refresh_from_db()
    assert job.priority == 7
    asked = desk.ask("priority", job.pk)
    refused = desk.client.post(f"{LIST}bulk/", {"token": asked.context["token"], "priority": "99999"})
    assert "whole number" in refused.content.decode()


def test_a_deleted_job_is_gone_from_the_list(desk: Desk, ann: Any) -> None:
    job = runs.create(ann)
    assert desk.do("delete", job.pk) == ["Not changed: 1 is created: it cannot be deleted."]
    desk.do("cancel", job.pk)
    assert desk.client.get(f"{LIST}{job.pk}/delete/").context["run"].total == 1
    assert desk.do("delete", job.pk) == ["1 job deleted."]
    assert desk.ids() == []
    assert desk.client.get(f"{LIST}{job.pk}/change/").status_code == 302


def test_one_who_may_only_view_can_change_nothing(ann: Any) -> None:
    job, desk = runs.create(ann), Desk(member("viewer", "view_job"))
    page, listed = desk.page(job.pk), desk.get()
    assert "data-view-only" in page
    assert "/do/" not in page
    assert 'name="action"' not in listed
    assert "action-checkbox" not in listed
    desk.ask("cancel", job.pk)
    assert desk.press(job.pk, "cancel").status_code == 403
    assert desk.client.post(f"{LIST}{job.pk}/delete/").status_code == 403
    assert desk.client.post(f"{LIST}{job.pk}/change/", {"state": "completed"}).status_code == 405
    assert state_of(job) == "created"


def test_an_operator_may_change_jobs_but_not_delete_them(ann: Any) -> None:
    job, desk = runs.create(ann), Desk(member("operator", "view_job", "change_job"))
    assert desk.do("cancel", job.pk) == ["1 job cancelled."]
    assert desk.press(job.pk, "delete").status_code == 403
    assert "Delete" not in desk.page(job.pk)


def test_one_without_permission_sees_nothing(ann: Any) -> None:
    job, desk = runs.create(ann), Desk(member("nobody"))
    for path in (LIST, f"{LIST}{job.pk}/change/", f"{LIST}{job.pk}/history/"):
        assert desk.client.get(path).status_code == 403
    assert Client().get(LIST).status_code == 302


def test_a_run_of_somebody_else_is_refused(desk: Desk, ann: Any) -> None:
    job = runs.create(ann)
    token = desk.ask("cancel", job.pk).context["token"]
    other = Desk(member("operator", "view_job", "change_job"))
    for wrong in (token, f"{token}x", ""):
        assert other.client.post(f"{LIST}bulk/", {"token": wrong}).status_code == 302
    assert state_of(job) == "created"


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
    assert shown["jobs"] == [{"jobId": over.pk, "state": "cancelled", "progress": 0, "step": None, "attempt": 1}]
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
