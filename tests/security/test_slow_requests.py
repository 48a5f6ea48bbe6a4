"""Requests that never get to their end are given up, and stop nobody else. Sockets as they are, against a real server."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from omnibrowser import patient_http
from omnibrowser.body_limit import LIMIT_BYTES
from tests.sockets import LiveServer
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

CONNECTIONS = 200
WHOLE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
HANDSHAKE = b"GET /ws/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
POST = b"POST /api/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
UNFINISHED = {
    "nothing": b"",
    "half a word": b"GE",
    "half of the headers": WHOLE[:-2],
    "half of a handshake": HANDSHAKE,
    "half of a body": POST + b"Content-Length: 100\r\n\r\n" + b'{"type":',
    "a chunk of a body": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"5\r\nabcde\r\n",
}


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_http, "HEAD_SECONDS", 0.7)
    monkeypatch.setattr(patient_http, "BODY_SECONDS", 0.7)


@pytest.fixture
def closing() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def opened(live: LiveServer, closing: ExitStack, first: bytes = b"") -> socket.socket:
    connection = closing.enter_context(socket.create_connection(("127.0.0.1", live.port), timeout=15))
    connection.sendall(first)
    return connection


def rest_of(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes."""
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


def is_served(live: LiveServer, closing: ExitStack) -> bool:
    connection = opened(live, closing, WHOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    return rest_of(connection).startswith(b"HTTP/1.1 200")


def body_of(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("first", UNFINISHED.values(), ids=UNFINISHED)
def test_what_is_not_finished_is_given_up_and_told_so(live: LiveServer, closing: ExitStack, first: bytes) -> None:
    answer = rest_of(opened(live, closing, first))
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert (body_of(answer)["code"], b"Content-Type: application/problem+json" in answer) == ("too_slow", True)


@pytest.mark.parametrize("first", [b"\r\n", b"GET /"], ids=["an empty line", "half a line"])
def test_a_further_request_has_no_more_time_than_the_first(live: LiveServer, closing: ExitStack, first: bytes) -> None:
    connection = opened(live, closing, WHOLE)
    answer = b""
    while b'{"status": "ok"}' not in answer:
        answer += connection.recv(65536)
    connection.sendall(first)
    assert rest_of(connection).startswith(b"HTTP/1.1 408")


def test_hundreds_that_come_letter_by_letter_stop_nobody_and_are_closed(live: LiveServer, closing: ExitStack) -> None:
    slow = [opened(live, closing, b"GET / HTTP/1.1\r\nX-") for _ in range(CONNECTIONS)]
    assert is_served(live, closing)
    left = set(slow)

    def are_closed() -> bool:
        for connection in list(left):
            try:
                connection.sendall(b"a")  # never the end, and never silent either
            except OSError:
                left.remove(connection)
        return not left

    wait_until(are_closed, what="slow connections that are all closed")
    assert is_served(live, closing)


def test_whoever_waits_for_an_answer_is_not_late(live: LiveServer, closing: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = opened(live, closing, HANDSHAKE + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 101")
    late = opened(live, closing)
    assert rest_of(late).startswith(b"HTTP/1.1 408")  # so the socket, which is older, has outlived its request's time
    connection.sendall(b"\x89\x80\0\0\0\0")
    assert connection.recv(2) == b"\x8a\x00"


def test_a_body_that_is_too_long_gets_its_answer_though_all_of_it_is_sent_first(
    live: LiveServer, closing: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient_http, "BODY_SECONDS", 30)
    size = LIMIT_BYTES * 8
    connection = opened(live, closing, POST + b"Content-Length: %d\r\n\r\n" % size)
    for _ in range(8):
        connection.sendall(b"x" * LIMIT_BYTES)
    answer = rest_of(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_what_is_no_request_is_a_problem_too(live: LiveServer, closing: ExitStack) -> None:
    answer = rest_of(opened(live, closing, b"NONSENSE\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 400")
    assert body_of(answer)["code"] == "bad_request"
