"""Share tokens: whoever has one watches one job over REST, SSE and socket, and does nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jobs import transitions
from jobs.pruner import prune_once
from jobs.transitions import NewJob
from realtime.models import Share
from tests.api import Api
from tests.sockets import LiveServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def shared(owner: Any, job_id: str = "j1", **body: Any) -> str:
    """Create a job, share it, and return the token."""
    transitions.create(owner, NewJob(type="test.echo", job_id=job_id))
    status, answer = Api(owner)("POST", f"/api/jobs/{job_id}/share", body)
    assert status == 200
    assert answer["url"] == f"http://testserver/shared/{job_id}/#{answer['token']}"
    return str(answer["token"])


def test_one_may_read_this_job_and_no_other(ann: Any) -> None:
    viewer = Api(token=shared(ann))
    transitions.create(ann, NewJob(type="test.echo", job_id="j2"))
    assert viewer("GET", "/api/jobs/j1")[1]["jobId"] == "j1"
    assert viewer("GET", "/api/jobs/j1/events")[1]["position"] == "1-0"
    assert viewer("GET", "/api/jobs/j1/transitions")[0] == 200
    assert [viewer("GET", f"/api/jobs/{path}")[0] for path in ("j2", "j2/events", "j2/transitions", "none")] == [404] * 4


def test_one_may_do_nothing(ann: Any) -> None:
    viewer = Api(token=shared(ann))
    calls = [("POST", f"/api/jobs/j1/{action}") for action in ("cancel", "pause", "resume", "retry", "share")]
    calls += [("PATCH", "/api/jobs/j1"), ("DELETE", "/api/jobs/j1"), ("DELETE", "/api/jobs/j1/share")]
    calls += [("GET", "/api/jobs"), ("POST", "/api/jobs"), ("POST", "/api/auth/ticket"), ("POST", "/api/jobs/none/cancel")]
    assert {call: viewer(*call, {})[0] for call in calls} == dict.fromkeys(calls, 403)
    assert Client().get("/", HTTP_AUTHORIZATION=f"Bearer {shared(ann, 'j3')}").status_code == 302


def test_only_those_who_may_see_a_job_share_it(ann: Any, bob: Any, staff: Any) -> None:
    token = shared(ann)
    assert Api(bob)("POST", "/api/jobs/j1/share", {})[0] == 404
    assert Api(bob)("DELETE", "/api/jobs/j1/share", {})[0] == 404
    assert Api(staff)("POST", "/api/jobs/j1/share", {})[0] == 200
    assert token not in str(Share.objects.values())


@pytest.mark.parametrize("seconds", [0, -1, 30 * 24 * 3600 + 1, "60", True, [60]])
def test_how_long_it_lasts_is_bounded(ann: Any, seconds: Any) -> None:
    transitions.create(ann, NewJob(type="test.echo", job_id="j1"))
    status, problem = Api(ann)("POST", "/api/jobs/j1/share", {"expiresInSeconds": seconds})
    assert (status, list(problem["errors"])) == (400, ["expiresInSeconds"])


def test_it_ends(ann: Any) -> None:
    token = shared(ann, expiresInSeconds=60)
    assert timezone.now() + timedelta(seconds=50) < Share.objects.get().expires_at < timezone.now() + timedelta(seconds=61)
    Share.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Api(token=token)("GET", "/api/jobs/j1")[0] == 401
    prune_once()
    assert not Share.objects.exists()


def test_it_is_taken_back_and_goes_with_its_job(ann: Any) -> None:
    token = shared(ann)
    assert Api(ann)("DELETE", "/api/jobs/j1/share") == (204, None)
    assert Api(token=token)("GET", "/api/jobs/j1")[0] == 401
    token = Api(ann)("POST", "/api/jobs/j1/share", {})[1]["token"]
    transitions.command("j1", "cancel", actor=ann)
    transitions.delete("j1", actor=ann)
    assert Api(token=token)("GET", "/api/jobs/j1")[0] == 401


def test_it_goes_with_the_user_who_shared(ann: Any) -> None:
    token = shared(ann)
    type(ann).objects.update(is_active=False)
    assert Api(token=token)("GET", "/api/jobs/j1")[0] == 401


@pytest.mark.parametrize("token", ["share~", "share~x", "share~" + "A" * 43, "share~" + "A" * 9000, "share~a.b.c", "share~\x7f"])
def test_what_is_no_share_token(ann: Any, token: str) -> None:
    shared(ann)
    assert Api(token=token)("GET", "/api/jobs/j1")[0] == 401


def test_on_the_socket_one_watches_this_job_alone(live: LiveServer, ann: Any) -> None:
    token = shared(ann)
    transitions.create(ann, NewJob(type="test.echo", job_id="j2"))
    client = live.connect()
    client.send("auth", token=token)
    welcome = client.next()
    assert (welcome["type"], welcome["user"]) == ("welcome", None)
    assert client.subscribe("job:j1")["type"] == "subscribed"
    for topic in ("job:j2", "job:none", "jobs", "jobs:all"):
        assert client.subscribe(topic)["code"] == "not_found"
    assert client.ask("command", action="cancel", jobId="j1")["code"] == "not_found"
    transitions.command("j1", "cancel", actor=ann)
    assert client.until("events")["events"][0]["data"]["state"] == "cancelled"
    other = live.signed_in(ann)
    Api(ann)("DELETE", "/api/jobs/j1/share")
    assert client.close_code() == 4503
    assert other.ask_pong()
    again = live.connect()
    again.send("auth", token=token)
    assert again.close_code() == 4401


def test_a_socket_does_not_change_from_a_user_to_a_viewer(live: LiveServer, ann: Any) -> None:
    token = shared(ann)
    client = live.signed_in(ann)
    client.send("auth", token=token)
    assert client.close_code() == 4501


def test_the_page_says_nothing_of_the_job(ann: Any) -> None:
    shared(ann)
    pages = [Client().get(f"/shared/{job_id}/") for job_id in ("j1", "no")]
    assert [page.status_code for page in pages] == [200, 200]
    assert pages[0].content.replace(b"j1", b"no") == pages[1].content
    assert Client().get("/shared/-x/").status_code == 404
