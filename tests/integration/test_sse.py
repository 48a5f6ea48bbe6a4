"""A job's events over HTTP: the stream that `curl -N` shows, and the list."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from django.test import Client as WebClient

from jobs import transitions
from jobs.models import Job
from jobs.recorder import Recorder
from realtime import event_log
from realtime.conf import settings
from realtime.hub import _hubs
from realtime.position import CLOSED
from realtime.redis_client import breaker
from tests import runs
from tests.shapes import checked
from tests.sockets import LiveServer
from tests.tokens import token_of
from tests.waiting import wait_until

Sent = tuple[str, str, Any]


def write(recorder: Recorder, text: str) -> None:
    recorder.write(text)
    append = recorder.take()
    assert append is not None
    assert event_log.append([append]) == [True]


@contextmanager
def request(live: LiveServer, path: str, user: Any, **headers: str) -> Iterator[HTTPResponse]:
    connection = HTTPConnection("127.0.0.1", live.port, timeout=10)
    authorization = {"Authorization": f"Bearer {token_of(user)}"} if user else {}
    connection.request("GET", path, headers={**authorization, **headers})
    yield connection.getresponse()
    connection.close()


@contextmanager
def stream(live: LiveServer, job: Job, user: Any, **headers: str) -> Iterator[HTTPResponse]:
    with request(live, f"/api/jobs/{job.pk}/events", user, Accept="text/event-stream", **headers) as response:
        yield response


def sent(response: HTTPResponse) -> Iterator[Sent]:
    """Yield what is sent as event, id and data, until the end."""
    fields: dict[str, str] = {}
    while line := response.readline().decode():
        if line == "\n" and fields:
            data = json.loads(fields["data"])
            checked("Job", data["job"]) if fields["event"] == "snapshot" else checked("JobEvent", data)
            yield fields["event"], fields["id"], data
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value


def listed(live: LiveServer, job: Job, user: Any, after: str = "") -> tuple[int, Any]:
    with request(live, f"/api/jobs/{job.pk}/events{after and '?after=' + after}", user) as response:
        return response.status, json.loads(response.read())


def test_a_stream_from_its_snapshot_to_its_end(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    write(recorder, "one ")
    with stream(live, job, ann) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert "no-cache" in response.headers["Cache-Control"]
        news = sent(response)
        kind, position, data = next(news)
        assert (kind, position, data["position"], data["job"]["streamingText"]) == ("snapshot", "1-2", "1-2", "one ")
        write(recorder, "two")
        kind, position, data = next(news)
        assert (kind, position, data["data"]) == ("text", "1-3", {"offset": 4, "text": "two"})
        transitions.complete(recorder.flush(), None)
        kind, position, data = next(news)
        assert (kind, position, data["data"]["state"]) == ("state", f"1-{CLOSED}", "completed")
        assert list(news) == []


def test_a_stream_goes_on_where_it_was(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    write(recorder, "a")
    write(recorder, "b")
    with stream(live, job, ann, **{"Last-Event-ID": "1-2"}) as response:
        kind, position, _ = next(sent(response))
        assert (kind, position) == ("text", "1-3")


@pytest.mark.parametrize("last", ["nonsense", "7-7", "1-0"])
def test_a_stream_that_cannot_go_on_begins_with_a_snapshot(live: LiveServer, ann: Any, last: str, redis: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("whole")
    transitions.flush([recorder.flush()])
    redis.flushall()
    with stream(live, job, ann, **{"Last-Event-ID": last}) as response:
        kind, _, data = next(sent(response))
        assert (kind, data["job"]["streamingText"]) == ("snapshot", "whole")


def test_the_end_again_is_204(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    transitions.complete(recorder.flush(), None)
    with stream(live, job, ann) as response:
        (only,) = sent(response)
        assert only[:2] == ("snapshot", f"1-{CLOSED}")
    with stream(live, job, ann, **{"Last-Event-ID": f"1-{CLOSED}"}) as response:
        assert response.status == 204
        assert response.read() == b""


def test_a_paused_job_is_no_end(live: LiveServer, ann: Any) -> None:
    job, _ = runs.running(ann)
    transitions.command(job.pk, "pause", actor=ann)
    with stream(live, job, ann, **{"Last-Event-ID": "1-1"}) as response:
        news = sent(response)
        assert next(news)[1] == f"1-{CLOSED}"
        transitions.command(job.pk, "resume", actor=ann)
        assert next(news)[1] == "2-0"


def test_a_heartbeat_is_a_comment(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.__dict__, "heartbeat_seconds", 0.1)
    job = runs.create(ann)
    with stream(live, job, ann) as response:
        next(sent(response))
        assert response.readline() == b": heartbeat\n"


def test_a_stream_leaves_nothing_behind(live: LiveServer, ann: Any) -> None:
    job = runs.create(ann)
    with stream(live, job, ann) as response:
        next(sent(response))
        assert live.loop is not None
        hub = _hubs[live.loop]
        assert len(hub.sockets) == 1
        (watch,) = hub._watches.values()
    response.close()
    wait_until(lambda: not hub.sockets and not watch.readers)


def test_a_stream_takes_one_of_its_users_places(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.__dict__, "sockets_per_user", 1)
    job = runs.create(ann)
    with request(live, "/api/jobs/no-such-job/events", ann, Accept="text/event-stream") as response:
        assert response.status == 404
    with stream(live, job, ann) as response:
        next(sent(response))
        with stream(live, job, ann) as second:
            assert second.status == 429
    response.close()

    def is_let_in() -> bool:  # once the server has noticed that the first one left
        with stream(live, job, ann) as third:
            return third.status == 200

    wait_until(is_let_in)


def test_a_stream_ends_with_its_user(live: LiveServer, ann: Any) -> None:
    job = runs.create(ann)
    with stream(live, job, ann) as response:
        news = sent(response)
        next(news)
        type(ann).objects.filter(pk=ann.pk).update(is_active=False)
        assert list(news) == []
    with stream(live, job, ann) as response:
        assert response.status == 401


def test_a_session_of_the_site_may_read_too(live: LiveServer, ann: Any, bob: Any) -> None:
    job = runs.create(ann)
    for user, status in ((ann, 200), (bob, 404)):
        web = WebClient()
        web.force_login(user)
        with stream(live, job, None, Cookie=f"sessionid={web.cookies['sessionid'].value}") as response:
            assert response.status == status


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_who_may_not_read(live: LiveServer, ann: Any, bob: Any, accept: str) -> None:
    job = runs.create(ann)
    for user, path, status in ((bob, job.pk, 404), (ann, "no-such-job", 404), (ann, "ü", 404), (None, job.pk, 401)):
        with request(live, f"/api/jobs/{path}/events".replace("ü", "%C3%BC"), user, Accept=accept) as response:
            problem = json.loads(response.read())
            assert (response.status, problem["status"]) == (status, status)
            assert response.headers["Content-Type"] == "application/problem+json"
    with request(live, f"/api/jobs/{job.pk}/events", None, Authorization="Bearer nonsense", Accept=accept) as response:
        assert response.status == 401


def test_the_list_is_all_or_what_comes_after(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    write(recorder, "x")
    status, body = listed(live, job, ann)
    assert (status, body["position"], body["complete"], len(body["events"])) == (200, "1-2", False, 3)
    status, body = listed(live, job, ann, "1-1")
    assert [event["seq"] for event in body["events"]] == [2]
    transitions.complete(recorder.flush(), None)
    status, body = listed(live, job, ann, "1-2")
    assert (body["position"], body["complete"]) == (f"1-{CLOSED}", True)
    status, body = listed(live, job, ann, f"1-{CLOSED}")
    assert (status, body["events"], body["complete"]) == (200, [], True)


@pytest.mark.parametrize("after", ["x", "1", "1-", "-1-1"])
def test_a_list_after_nonsense_is_400(live: LiveServer, ann: Any, after: str) -> None:
    assert listed(live, runs.create(ann), ann, after)[0] == 400


def test_a_list_that_the_log_cannot_give_is_410(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    for _ in range(settings.event_log_length + 1):
        write(recorder, "x")
    assert listed(live, job, ann)[0] == 410
    assert listed(live, job, ann, "1-100")[0] == 200
    transitions.flush([recorder.flush()])
    event_log.drop([job.pk])
    assert listed(live, job, ann, "1-100")[0] == 410


def test_a_list_without_redis_is_503(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    job = runs.create(ann)
    monkeypatch.setattr(breaker, "_failed", True)
    monkeypatch.setattr(breaker, "_retry_at", 2.0**40)
    assert listed(live, job, ann)[0] == 503


def test_other_methods_are_405(live: LiveServer, ann: Any) -> None:
    job = runs.create(ann)
    web = WebClient()
    web.force_login(ann)
    assert web.delete(f"/api/jobs/{job.pk}/events").status_code == 405
