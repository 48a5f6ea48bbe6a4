"""What we stand on: versions without the known holes, a server that believes nothing that a client writes, logs without secrets."""

import json
import logging
import socket
from importlib.metadata import version
from typing import Any

import pytest
from packaging.version import Version

from jobs import service_tokens
from jobs.remote import tokens as worker_tokens
from omnibrowser.logs import Formatter
from realtime import tokens
from realtime.shares import issue_share
from tests.sockets import LiveServer
from tests.tokens import token_of

FLOORS = {
    "django": "5.2.14", "daphne": "4.2.2", "pyjwt": "2.13", "djangorestframework-simplejwt": "5.5.1", "djangorestframework": "3.15.2",
    "redis": "5", "uvicorn": "0.54", "h11": "0.16", "channels": "4.3.2", "cryptography": "46", "django-cors-headers": "4.9",
}  # fmt: skip


@pytest.mark.parametrize("name", FLOORS)
def test_no_version_is_one_with_a_known_hole(name: str) -> None:
    assert Version(version(name)) >= Version(FLOORS[name])


def exchange(port: int, lines: list[bytes], body: bytes = b"") -> bytes:
    """Send a request as it is, and return what comes back until the server has nothing more to say."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def ask(port: int, *headers: bytes, path: bytes = b"/api/jobs", host: bytes = b"localhost") -> bytes:
    return exchange(port, [b"GET " + path + b" HTTP/1.1", b"Host: " + host, b"Connection: close", *headers])


@pytest.mark.django_db(transaction=True)
def test_headers_that_anybody_can_write_change_nothing(live: LiveServer, ann: Any) -> None:
    authorization = b"Authorization: Bearer " + token_of(ann).encode()
    answer = ask(
        live.port, authorization, b"X-Forwarded-Host: evil.example", b"X_Forwarded_Host: evil.example", path=b"/api/jobs?pageSize=1"
    )
    assert b"evil.example" not in answer
    assert answer.startswith(b"HTTP/1.1 200")
    for spoof in (b"X_User: staff", b"Remote-User: staff", b"X-Forwarded-User: staff", b"On-Behalf-Of: staff", b"On_Behalf_Of: staff"):
        assert ask(live.port, spoof).startswith(b"HTTP/1.1 401")
    assert ask(live.port, b"Authorization_: x", b"AUTHORIZATION: Basic YW5uOmEtbG9uZy1wYXNzd29yZA==").startswith(b"HTTP/1.1 401")


@pytest.mark.django_db(transaction=True)
def test_a_request_that_is_none_is_refused_and_the_server_lives(live: LiveServer, ann: Any) -> None:
    tricks = [b"X: a\x00b", b"X: a\x0bb", b"X\x85: b", b"X: \xff", b": empty", b"X Y: b", b"Content-Length: -1", b"X: " + b"y" * 70_000]
    for header in [*tricks, b"Content-Length: 5\r\nContent-Length: 6", b"Transfer-Encoding: chunked\r\nContent-Length: 5"]:
        answer = ask(live.port, header)
        assert answer == b"" or int(answer.split(b" ", 2)[1]) in (400, 401, 431), (header[:40], answer[:80])
    for host in (b"evil.example", b"localhost, evil.example", b"localhost:1@evil.example", b"", b"[::1", b"local\xffhost"):
        assert ask(live.port, host=host).split(b" ", 2)[1] == b"400", host
    for line in (b"GET", b"\x00\x01\x02", b"GET http://evil.example/ HTTP/1.1", b"GET /api/jobs HTTP/9.9", b"G" * 70_000):
        exchange(live.port, [line, b"Host: localhost", b"Connection: close"])
    assert ask(live.port, path=b"/health/live").startswith(b"HTTP/1.1 200")


@pytest.mark.django_db
def test_no_token_gets_into_a_log(ann: Any) -> None:
    secrets = [*tokens.sign_in(ann).values(), issue_share(ann, "j1", seconds=60)[0], service_tokens.issue("host")]
    secrets.append(worker_tokens.issue("remote", ["test.echo"])[1])
    formatter = next(handler.formatter for handler in logging.getLogger().handlers if isinstance(handler.formatter, Formatter))
    told = []
    for secret in secrets:
        for text in (f"Bearer {secret}", json.dumps({"token": secret}), f"GET /x?token={secret}", f"[{secret}]", f"/shared/j1/#{secret}"):
            told.append(formatter.format(logging.LogRecord("x", logging.INFO, "x", 1, "said: %s", (text,), None)))
    leaked = [secret for secret in secrets if any(secret in line for line in told)]
    assert leaked == []
