"""What may be done to jobs in the admin, and by whom."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.test import Client

from jobs import transitions
from jobs.admin.actions import ACTIONS, perform
from jobs.models import Job
from tests import runs
from tests.desk import LIST, Desk, member
from tests.rows import together

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(staff: Any) -> Desk:
    return Desk(staff)


def state_of(job: Job) -> str:
    return Job.objects.get(pk=job.pk).state


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


@pytest.mark.locks_rows
@pytest.mark.django_db(transaction=True)
def test_two_who_begin_at_opposite_ends_do_not_wait_for_each_other(ann: Any, staff: Any) -> None:
    jobs = [runs.create(ann) for _ in range(20)]

    pausing, cancelling = together(
        lambda: perform(ACTIONS["pause"], jobs, actor=staff), lambda: perform(ACTIONS["cancel"], jobs[::-1], actor=staff)
    )

    assert pausing.done == cancelling.changed == 20
    assert {state_of(job) for job in jobs} == {"cancelled"}


def test_a_run_of_somebody_else_is_refused(desk: Desk, ann: Any) -> None:
    job = runs.create(ann)
    token = desk.ask("cancel", job.pk).context["token"]
    other = Desk(member("operator", "view_job", "change_job"))
    for wrong in (token, f"{token}x", ""):
        assert other.client.post(f"{LIST}bulk/", {"token": wrong}).status_code == 302
    assert state_of(job) == "created"
