"""Whatever goes wrong under /api, /health and /metrics is a problem for programs: of the framework's own errors, too."""

import asyncio
import json
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from jobs.api import views
from omnibrowser import health
from omnibrowser.body_limit import LIMIT_BYTES, BodyLimit
from tests.api import Api
from tests.sockets import LiveServer
from tests.tokens import token_of

pytestmark = pytest.mark.usefixtures("redis")


def test_what_is_not_there(ann: Any) -> None:
    for path in (
        "/api",
        "/api/",
        "/api/nowhere",
        "/api/jobs/",
        "/api/jobs/a/b",
        "/health/",
        "/health/nowhere",
        "/api/jobs/%00",
        "/api/auth",
    ):
        status, problem = Api(ann)("GET", path)
        assert (status, problem["code"]) == (404, "not_found"), path


def test_what_one_cannot_do_there(ann: Any) -> None:
    calls = [("PUT", "/api/jobs"), ("DELETE", "/api/jobs"), ("GET", "/api/auth/token"), ("POST", "/api/jobs/j1"), ("POST", "/health")]
    for method, path in [*calls, ("DELETE", "/health/live"), ("PATCH", "/api/auth/logout")]:
        api = Api(ann)
        status, problem = api(method, path, {})
        assert (status, problem["code"]) == (405, "method_not_allowed"), path
        assert api.answer["Allow"]


def test_other_bodies_and_other_answers_than_json(ann: Any) -> None:
    headers = {"Authorization": f"Bearer {token_of(ann)}"}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "nonsense"):
        answer = Client().post("/api/jobs", "type=test.echo", content_type=kind, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), kind
    answer = Client().get("/api/jobs", headers={**headers, "Accept": "text/html"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_a_foreign_host(ann: Any) -> None:
    for path in ("/api/jobs", "/health", "/metrics"):
        answer = Client().get(path, headers={"Host": "evil.example"})
        assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (400, "bad_request", "application/problem+json")
    assert b"<h1>Not understood</h1>" in Client().get("/", headers={"Host": "evil.example"}).content


def test_a_bug_is_a_500_that_says_nothing(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the canary of a secret")

    monkeypatch.setattr(views, "summarize", broken)
    monkeypatch.setattr(health, "_checks", broken)
    Api(ann)("POST", "/api/jobs", {"type": "test.echo"})
    for path in ("/api/jobs", "/health"):
        api = Api(ann)
        status, problem = api("GET", path)
        assert (status, problem["code"]) == (500, "server_error")
        assert "canary" not in str(problem)
        assert api.answer["X-Request-ID"]


def test_a_database_that_is_away_is_a_503(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(views, "summarize", away)
    Api(ann)("POST", "/api/jobs", {"type": "test.echo"})
    api = Api(ann)
    status, problem = api("GET", "/api/jobs")
    assert (status, problem["code"], api.answer["Retry-After"]) == (503, "unavailable", "2")


def test_an_error_of_a_field_has_its_path(ann: Any) -> None:
    _, problem = Api(ann)("POST", "/api/jobs", {"type": "nobody", "priority": "x", "input": []})
    assert set(problem["errors"]) == {"type", "priority", "input"}
    assert all(isinstance(text, str) for texts in problem["errors"].values() for text in texts)


async def ask(body: list[bytes], *headers: tuple[bytes, bytes]) -> tuple[list[Any], int]:
    """Send a body in pieces to an application that reads it whole; return what is answered, and how many bytes it was given."""
    read = 0

    async def application(scope: Any, receive: Any, send: Any) -> None:
        nonlocal read
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            read += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})

    pieces = iter(body)
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(0)
        piece = next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: Any) -> None:
        sent.append(message)

    await BodyLimit(application)({"type": "http", "headers": headers}, receive, send)
    return sent, read


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ([b"x" * LIMIT_BYTES], [], 200),
        ([b"x" * LIMIT_BYTES, b"x"], [], 413),
        ([b"x" * 1000] * (LIMIT_BYTES // 1000 + 1000), [(b"content-length", b"5")], 413),
        ([b"x"], [(b"content-length", str(LIMIT_BYTES + 1).encode())], 413),
        ([b"x"], [(b"content-length", b"1"), (b"content-length", b"99999999999")], 413),
        ([b"x"], [(b"content-length", "²".encode("latin-1"))], 200),
        ([b"x"], [(b"content-length", b"9" * 30)], 200),
    ],
    ids=["at the limit", "beyond it", "one that says less", "one that says more", "one that says both", "no number", "no number either"],
)
async def test_a_body_has_an_end_whatever_it_says_of_itself(body: list[bytes], headers: list[Any], status: int) -> None:
    sent, read = await ask(body, *headers)
    assert sent[0]["status"] == status
    assert read <= LIMIT_BYTES
    if status == 413:
        assert json.loads(sent[1]["body"])["code"] == "too_large"


def test_a_body_without_a_length_is_cut_off(live: LiveServer, ann: Any) -> None:
    connection = HTTPConnection("127.0.0.1", live.port, timeout=10)
    pieces = iter([b"x" * 65536] * 40)
    headers = {"Authorization": f"Bearer {token_of(ann)}", "Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    with suppress(OSError):  # it does not wait for the end
        connection.request("POST", "/api/jobs", body=pieces, headers=headers, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "too_large")
    connection.close()


def test_a_body_of_an_ordinary_request_has_256_kib(ann: Any) -> None:
    fits = json.dumps({"type": "test.echo", "x": ""})
    for size, status in ((256 * 1024, 201), (256 * 1024 + 1, 413)):
        body = fits.replace('""', f'"{"x" * (size - len(fits))}"')
        assert len(body) == size
        assert Api(ann)("POST", "/api/jobs", body)[0] == status
