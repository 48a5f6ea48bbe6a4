"""Tokens and links in the admin: shown once, revoked, taken back; and the groups of staff."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.utils import timezone

from jobs import service_tokens
from jobs.admin.shares import HOURS
from jobs.api.serializers import LONGEST_SHARE_SECONDS
from jobs.models import ServiceToken, WorkerToken
from jobs.remote import tokens as worker_tokens
from realtime.errors import SignInExpired
from realtime.models import Share
from realtime.shares import issue_share, viewer_of
from tests import runs
from tests.desk import LIST, Desk, member

pytestmark = pytest.mark.django_db

WORKER_TOKENS, SERVICE_TOKENS, SHARES = "/admin/jobs/workertoken/", "/admin/jobs/servicetoken/", "/admin/realtime/share/"


def shown(desk: Desk, path: str, **fields: Any) -> str:
    """Make a secret with the form; returns what the answer shows."""
    answer = desk.client.post(f"{path}add/", fields)
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "messages" not in answer.cookies, "a cookie would have the secret"
    value: str = answer.context["secret"].value
    assert f">{value}</pre>" in answer.content.decode()
    return value


@pytest.mark.parametrize(
    ("path", "fields", "find", "model"),
    [
        (WORKER_TOKENS, {"name": "crawler", "types": "search"}, worker_tokens.find, WorkerToken),
        (SERVICE_TOKENS, {"name": "shop"}, service_tokens.find, ServiceToken),
    ],
)
def test_a_token_is_shown_once_and_revoked(staff: Any, path: str, fields: dict[str, str], find: Any, model: Any) -> None:
    desk = Desk(staff)
    token = shown(desk, path, **fields)
    assert find(token).name == fields["name"]
    row = model.objects.get()
    for page in (path, f"{path}{row.pk}/change/", f"{path}{row.pk}/history/"):
        assert token not in desk.get(page)
    assert "Good" in desk.get(path)
    for words in (f"Revoked: {fields['name']}.", "All are revoked already."):
        answer = desk.client.post(path, {"action": "revoke", "_selected_action": [row.pk]}, follow=True)
        assert words in answer.content.decode()
    assert find(token) is None
    assert [(entry.user, entry.object_id, entry.is_addition()) for entry in LogEntry.objects.order_by("id")] == [
        (staff, str(row.pk), True),
        (staff, str(row.pk), False),
    ]
    assert desk.client.post(f"{path}add/", fields).context["errors"], "a revoked token keeps its name"


def test_a_link_is_shown_once_and_taken_back(staff: Any, ann: Any) -> None:
    desk, job = Desk(staff), runs.create(ann)
    assert f"{SHARES}add/?job_id={job.pk}" in desk.page(job.pk)
    link = shown(desk, SHARES, job_id=job.pk, hours="1")
    address, _, token = link.partition("#")
    assert address.endswith(f"/shared/{job.pk}/")
    assert viewer_of(token)[0].job_id == job.pk
    share = Share.objects.get()
    assert timedelta(minutes=59) < share.expires_at - timezone.now() < timedelta(minutes=61)
    assert share.user == staff
    assert token not in desk.get(SHARES)
    desk.client.post(SHARES, {"action": "delete_selected", "_selected_action": [share.pk], "post": "yes"})
    with pytest.raises(SignInExpired):
        viewer_of(token)
    assert [(entry.user, entry.is_addition()) for entry in LogEntry.objects.order_by("id")] == [(staff, True), (staff, False)]


def test_links_that_are_over_are_listed_when_asked_for(staff: Any, ann: Any) -> None:
    desk, job = Desk(staff), runs.create(ann)
    issue_share(ann, job.pk, seconds=60)
    Share.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert job.pk not in desk.get(SHARES)
    assert job.pk in desk.get(SHARES, end="all", q=job.pk[:4])
    assert desk.client.post(f"{SHARES}add/", {"job_id": "nowhere", "hours": "1"}).context["errors"]
    assert max(HOURS) * 3600 == LONGEST_SHARE_SECONDS


def test_the_groups_of_staff_may_do_what_they_are_for(ann: Any) -> None:
    for _ in range(2):
        call_command("staff_groups", stdout=StringIO())
    job, worker = runs.create(ann), runs.worker_row()
    viewer, operator = member("viewer"), member("operator")
    viewer.groups.add(Group.objects.get(name="Job viewers"))
    operator.groups.add(Group.objects.get(name="Job operators"))
    for desk, may in ((Desk(viewer), False), (Desk(operator), True)):
        for page in (LIST, f"{LIST}dashboard/", "/admin/jobs/worker/", SHARES):
            desk.get(page)
        assert (f"/admin/jobs/worker/{worker.pk}/do/stop_taking/" in desk.get(f"/admin/jobs/worker/{worker.pk}/change/")) is may
        assert (desk.press(job.pk, "cancel").status_code == 200) is may
        assert (desk.client.get(f"{SHARES}add/").status_code == 200) is may
        assert desk.press(job.pk, "delete").status_code == 403
        for path in (WORKER_TOKENS, SERVICE_TOKENS):
            assert desk.client.get(path).status_code == 403
