"""Who sees others' jobs and may not change them: the same answer over REST, over the socket and on the page."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from jobs.models import Job
from jobs.transitions import ACTIONS
from tests import runs
from tests.api import Api
from tests.desk import member
from tests.sockets import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


@pytest.fixture
def watcher(db: None) -> Any:
    return member("watcher", "view_job")


def test_over_rest_others_jobs_are_seen_and_no_more(ann: Any, watcher: Any) -> None:
    job, api = runs.create(ann), Api(watcher)
    path = f"/api/jobs/{job.pk}"
    before = Job.objects.values().get()
    assert api("GET", path)[0] == 200
    requests = [("PATCH", path, {"state": "cancelled"}), ("PATCH", path, {"priority": 1}), ("DELETE", path, None)]
    requests += [*(("POST", f"{path}/{name}", {}) for name in (*ACTIONS, "share")), ("DELETE", f"{path}/share", None)]
    answers = [api(*request) for request in requests]
    assert {(status, body["code"]) for status, body in answers} == {(403, "forbidden")}
    assert Job.objects.values().get() == before


def test_each_permission_is_for_what_it_says(ann: Any) -> None:
    operator, cleaner = Api(member("operator", "view_job", "change_job")), Api(member("cleaner", "view_job", "delete_job"))
    path = f"/api/jobs/{runs.create(ann).pk}"
    assert cleaner("POST", f"{path}/cancel", {})[0] == 403
    assert operator("POST", f"{path}/share", {})[0] == 403
    assert operator("POST", f"{path}/cancel", {})[0] == 200
    assert operator("DELETE", path)[0] == 403
    assert cleaner("DELETE", path)[0] == 204


def test_of_ones_own_job_nobody_is_asked_for_a_permission(watcher: Any) -> None:
    path = f"/api/jobs/{runs.create(watcher).pk}"
    api = Api(watcher)
    assert [api("POST", f"{path}/{name}", {})[0] for name in ("share", "cancel")] == [200, 200]
    assert api("DELETE", path)[0] == 204


def test_over_the_socket_a_permission_is_asked_for_anew_each_time(live: LiveServer, ann: Any, watcher: Any) -> None:
    job = runs.create(ann)
    client = live.signed_in(watcher)
    assert client.subscribe(f"job:{job.pk}")["type"] == "subscribed"
    refused = client.ask("command", action="pause", jobId=job.pk)
    assert (refused["type"], refused["code"]) == ("error", "forbidden")
    watcher.user_permissions.add(Permission.objects.get(codename="change_job"))
    assert client.ask("command", action="pause", jobId=job.pk)["type"] == "ack"
    watcher.user_permissions.clear()
    assert client.ask("command", action="resume", jobId=job.pk)["code"] == "forbidden"


def test_the_page_offers_what_one_may_do(ann: Any, watcher: Any, staff: Any) -> None:
    path = f"/jobs/{runs.create(ann).pk}/"
    for user, may in ((ann, True), (staff, True), (watcher, False)):
        client = Client()
        client.force_login(user)
        page = client.get(path).content.decode()
        assert (" watch-only" not in page, 'id="share"' in page, "jobs/job.js" in page) == (may, may, may), user
