"""Whatever comes in: no 5xx, and nothing is stored that was refused, or that a later read breaks on. The same on both databases."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from jobs import transitions
from jobs.models import Job
from jobs.remote import tokens as worker_tokens
from jobs.transitions import NewJob
from tests.api import Api
from tests.security.inputs import NO_JSON, NO_OBJECT, NO_TEXT, VALUES
from tests.sockets import LiveServer
from tests.tokens import token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

COMMANDS = ("jobs/j1/cancel", "jobs/j1/pause", "jobs/j1/resume", "jobs/j1/share")
POSTS = ("jobs", *COMMANDS, "auth/token", "auth/refresh", "auth/logout")
DOORS = [("PATCH", "/api/jobs/j1"), *(("POST", f"/api/{path}") for path in POSTS)]
WORKER_POSTS = ("claim", "heartbeat", "jobs/j1/events", "jobs/j1/checkpoint", "jobs/j1/complete")
WORKER_DOORS = [("POST", f"/api/worker/{path}") for path in WORKER_POSTS]
CHARSETS = ("utf-16", "latin-1", "foo", "'utf-8'", "utf-7")

FIELDS = ("type", "query", "input", "jobId", "priority", "runAt", "maxAttempts", "timeoutSeconds")


class Tally:
    """Counts what was tried, and what came of it."""

    def __init__(self) -> None:
        self.tried, self.failed, self.stored = 0, 0, 0
        self.surprises: list[Any] = []

    def note(self, what: Any, status: int, *, expected: bool) -> None:
        self.tried += 1
        self.failed += status >= 500
        if not expected:
            self.surprises.append((what, status))

    def check(self, capsys: pytest.CaptureFixture[str], door: str) -> None:
        with capsys.disabled():
            print(f"\n{door}: {self.tried} tried, {self.failed} x 5xx, {self.stored} stored", end=" ")
        assert (self.failed, self.stored, self.surprises) == (0, 0, [])


def rows() -> list[Any]:
    return list(Job.with_deleted.order_by("pk").values())


def sent(client: Client, doors: list[tuple[str, str]], bodies: dict[str, bytes]) -> Iterator[tuple[Any, int, str]]:
    for method, path in doors:
        for name, body in bodies.items():
            answer = client.generic(method, path, body, content_type="application/json")
            yield (method, path, name), answer.status_code, answer.json().get("code", "")


def test_what_is_no_json_object(ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    transitions.create(ann, NewJob(type="test.echo", job_id="j1"))
    before, tally = rows(), Tally()
    client = Client(headers={"Authorization": f"Bearer {token_of(ann)}"}, raise_request_exception=False)
    for what, status, code in sent(client, DOORS, NO_JSON | NO_TEXT):
        tally.note(what, status, expected=(status, code) == (400, "bad_json"))
    for what, status, code in sent(client, DOORS, NO_OBJECT):
        tally.note(what, status, expected=(status, code) == (400, "invalid"))
    for charset in CHARSETS:
        answer = client.generic("POST", "/api/jobs", b'{"type":"test.echo"}', content_type=f"application/json; charset={charset}")
        tally.note(charset, answer.status_code, expected=answer.status_code == 400)
    for size in (256 * 1024 + 1, 3 * 1024 * 1024):
        answer = client.post("/api/jobs", b" " * size, content_type="application/json")
        tally.note(size, answer.status_code, expected=answer.status_code == 413)
    tally.stored = sum(row not in before for row in rows())
    tally.check(capsys, "REST, no JSON")


def test_what_workers_send(ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    transitions.create(ann, NewJob(type="test.echo", job_id="j1"))
    before, tally = rows(), Tally()
    _, token = worker_tokens.issue("remote", ["test.echo"])
    client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)
    for what, status, _ in sent(client, WORKER_DOORS, NO_JSON | NO_OBJECT):
        tally.note(what, status, expected=status == 400)
    tally.stored = sum(row not in before for row in rows())
    tally.check(capsys, "workers")


def test_values_that_no_field_has_and_those_that_one_may_have(ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    api, tally, created = Api(ann), Tally(), 0
    for field in FIELDS:
        for value in VALUES:
            status, job = api("POST", "/api/jobs", json.dumps({"type": "test.echo", field: value}))
            is_right = status in (200, 201) or (status == 400 and next(iter(job["errors"])).split(".")[0] == field)
            tally.note((field, value), status, expected=is_right)
            created += status == 201
            if status == 201:
                tally.note(("read", field, value), api("GET", f"/api/jobs/{job['jobId']}")[0], expected=True)
    for value in VALUES:
        for field in ("priority", "runAt", "state"):
            status, _ = api("PATCH", f"/api/jobs/{Job.objects.values_list('pk', flat=True)[0]}", json.dumps({field: value}))
            tally.note(("patch", field, value), status, expected=status in (200, 400, 409))
    tally.note("list", api("GET", "/api/jobs?pageSize=200")[0], expected=True)
    tally.stored = Job.objects.count() - created
    tally.check(capsys, "REST, values")


def test_paths_and_headers(ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    client = Client(headers={"Authorization": f"Bearer {token_of(ann)}"}, raise_request_exception=False)
    for name in ("%00", "..", "%2e%2e", "a" * 65, "a" * 5000, "%ff", "ü", "%F0%9F%98%80", "a%0d%0aX:y", "a%2fb", "'", "%25s", ".x"):
        for tail in ("", "/events", "/transitions"):
            status = client.get(f"/api/jobs/{name}{tail}").status_code
            tally.note(name, status, expected=status == 404)
    for header in ("Last-Event-ID", "X-Request-ID", "Accept-Language", "If-None-Match", "Range"):
        for value in ("\x01", "x" * 5000, "ü", "1-2-3", "9" * 40 + "-1", "-1--1"):
            status = client.get("/api/jobs", headers={header: value}).status_code
            tally.note((header, value), status, expected=status == 200)
    for after in ("x", "1", "1-", "-1-0", "9" * 30 + "-0", "1-1-1", "%00", "１-0"):
        status = client.get(f"/api/jobs/none/events?after={after}").status_code
        tally.note(after, status, expected=status == 404)
    tally.check(capsys, "paths and headers")


def test_frames(live: LiveServer, ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    transitions.create(ann, NewJob(type="test.echo", job_id="j1"))
    before, tally = rows(), Tally()
    texts = [body.decode(errors="surrogateescape") for body in (NO_JSON | NO_TEXT | NO_OBJECT).values()]
    frames = [text for text in texts if text.isascii() and len(text) < 60_000]
    frames += [json.dumps({"type": kind}) for kind in ("", "auth2", "__class__", "welcome", "events")]
    odd: dict[str, list[Any]] = {
        "topic": [None, 1, "", "job:", "job:-", "job:a/b", "jobs:", "x" * 101, "job:\u202e"],
        "after": [1, "1", "1-", "a-b", "9" * 30 + "-1", [], "-1-1"],
        "ref": [[], {}, "x" * 65, 1.5, True],
    }
    frames += [json.dumps({"type": "subscribe", "ref": 1, "topic": "job:j1", key: value}) for key in odd for value in odd[key]]
    odd = {"jobId": [None, 1, "", "a/b", "x" * 65], "action": [None, 1, "", "delete", "x" * 30], "ifAttempt": ["1", 0, -1, True, 1.5]}
    frames += [
        json.dumps({"type": "command", "ref": 1, "action": "cancel", "jobId": "j1", key: value}) for key in odd for value in odd[key]
    ]
    for start in range(0, len(frames), 50):  # as many as a socket may send at once
        client = live.signed_in(ann)
        for frame in frames[start : start + 50]:
            client.socket.send(frame)
            answer = client.until("error")
            tally.note(frame[:60], 0, expected=answer["code"] == "bad_message")
        assert client.ask_pong()
        client.close()
    tally.stored = sum(row not in before for row in rows())
    tally.check(capsys, "socket")
