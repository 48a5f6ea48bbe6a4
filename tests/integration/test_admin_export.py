"""CSV of the admin's list, and what becomes of the jobs of a deleted user."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.db.models import ProtectedError
from hypothesis import given
from hypothesis import strategies as st

from jobs import owners, transitions
from jobs.admin import export
from jobs.conf import settings
from jobs.models import Job, JobTransition
from tests import runs
from tests.desk import LIST, Desk, member


def exported(desk: Desk, **filters: str) -> list[dict[str, str]]:
    answer = desk.client.get(f"{LIST}export/", filters)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


@pytest.mark.django_db
def test_what_the_filters_match_is_exported_batch_by_batch(staff: Any, ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH", 2)
    made = [runs.create(ann, query="=1+1") for _ in range(5)]
    runs.create(bob)
    _, recorder = runs.running(ann, "test.echo")
    transitions.fail(recorder.flush(), code="broken", message="@evil\r\nand more")
    desk = Desk(staff)
    rows = exported(desk, owner="ann")
    assert [row["jobId"] for row in rows[1:]] == [job.pk for job in reversed(made)]
    assert (rows[0]["errorCode"], rows[0]["errorMessage"], rows[0]["state"]) == ("broken", "'@evil\r\nand more", "failed")
    assert {row["query"] for row in rows[1:]} == {"'=1+1"}
    entry = LogEntry.objects.get()
    assert (entry.user, entry.change_message) == (staff, "Exported 6 jobs, filtered by: owner=ann")
    monkeypatch.setattr(export, "EXPORT_LIMIT", 3)
    assert len(exported(desk)) == 3


@pytest.mark.django_db
def test_one_without_permission_exports_nothing(ann: Any) -> None:
    assert Desk(member("nobody")).client.get(f"{LIST}export/").status_code == 403


@given(st.text())
def test_no_text_is_a_formula(text: str) -> None:
    said = export.safe(text)
    assert not said.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert said.removeprefix("'") == text.replace("\0", "").removeprefix("'")


def over(owner: Any, query: str) -> Job:
    """Return a job with some content that failed."""
    _, recorder = runs.running(owner, query=query)
    recorder.write("secret text")
    return transitions.fail(recorder.flush(), code="broken", message="secret error", detail="secret traceback")


@pytest.mark.django_db
def test_jobs_are_deleted_with_their_user(ann: Any, bob: Any) -> None:
    over(ann, "secret query")
    runs.running(ann)
    kept = runs.create(bob)
    ann.delete()
    assert list(Job.with_deleted.all()) == [kept]


@pytest.mark.django_db
@pytest.mark.parametrize("by", ["the user", "a queryset"])
def test_or_all_is_taken_out_of_them_but_what_statistics_need(ann: Any, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    monkeypatch.setattr("jobs.owners.settings", replace(settings, deleted_users_jobs="anonymise"))
    job = over(ann, "secret query")
    waiting = runs.create(ann)
    with pytest.raises(ProtectedError, match="protected"):
        ann.delete()
    transitions.command(waiting.pk, "cancel", actor=ann)
    ann.delete() if by == "the user" else get_user_model().objects.filter(username="ann").delete()
    left = Job.with_deleted.get(pk=job.pk)
    assert (left.type, left.state, left.finished_at, left.owner.get_username()) == ("test.wait", "failed", job.finished_at, owners.NOBODY)
    assert not left.owner.has_usable_password()
    assert not left.owner.is_active
    assert Job.objects.count() == 0
    row = str(Job.with_deleted.filter(pk=job.pk).values()) + str(list(JobTransition.objects.values()))
    assert "secret" not in row
    left.owner.delete()
    assert Job.with_deleted.count() == 0


@pytest.mark.django_db
def test_staff_delete_a_user_with_jobs_in_the_admin(staff: Any, ann: Any) -> None:
    over(ann, "secret query")
    desk = Desk(staff)
    page = f"/admin/auth/user/{ann.pk}/delete/"
    assert desk.client.get(page).status_code == 200
    assert Job.objects.count() == 1, "looking at what would be deleted deletes nothing"
    assert desk.client.post(page, {"post": "yes"}).status_code == 302
    assert Job.with_deleted.count() == 0
