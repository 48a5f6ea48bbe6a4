"""Sockets that say nothing: so many of one address and no more, not for long, and nobody else is worse off."""

import os
import socket
import time
from collections import Counter
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from realtime.conf import settings
from tests.sockets import LiveServer
from tests.tokens import token_of
from tests.viewers import percentile
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

GUESTS = int(os.environ.get("GUESTS", "60"))
HANDSHAKE = (
    b"GET /ws/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def patch(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    for name, value in values.items():
        monkeypatch.setitem(settings.__dict__, name, value)


class Guest:
    """A socket that has shaken hands and says nothing."""

    def __init__(self, live: LiveServer, closing: ExitStack) -> None:
        self._socket = closing.enter_context(socket.create_connection(("127.0.0.1", live.port), timeout=15))
        self._socket.sendall(HANDSHAKE)
        self._read = b""
        while b"\r\n\r\n" not in self._read:
            self._read += self._socket.recv(4096)

    def code(self) -> int:
        """Return with which code it is closed."""
        while len(frame := self._read.partition(b"\r\n\r\n")[2]) < 4:
            self._read += self._socket.recv(4096)
        assert frame[0] == 0x88, frame
        return int.from_bytes(frame[2:4], "big")


def longest_ping_ms(client: Any, count: int = 100) -> float:
    """Return what the slowest hundredth of pings takes."""
    took = []
    for _ in range(count):
        at = time.perf_counter()
        assert client.ask_pong()
        took.append((time.perf_counter() - at) * 1000)
    return percentile(took, 99)


def test_those_who_say_nothing_are_sent_away_and_the_others_do_not_notice(
    live: LiveServer, ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = GUESTS // 2
    patch(monkeypatch, messages_burst=1000, guests_per_address=limit, sign_in_seconds=3600)
    others = live.signed_in(ann)
    alone = longest_ping_ms(others)
    with ExitStack() as closing:
        guests = [Guest(live, closing) for _ in range(GUESTS)]
        beside_them = longest_ping_ms(others)
        live.signed_in(bob)  # a token in the header needs no guest's place
        patch(monkeypatch, sign_in_seconds=0)
        codes = Counter(guest.code() for guest in guests)
    print(f"{GUESTS} guests: pings p99 {beside_them:.1f} ms, without them {alone:.1f} ms; closed with {dict(codes)}")
    assert codes == {4408: limit, 4429: GUESTS - limit}
    assert others.ask_pong()


def test_a_place_is_free_again_once_a_token_is_shown_or_the_guest_has_left(
    live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch(monkeypatch, guests_per_address=1)
    first = live.connect()
    assert live.connect().close_code() == 4429
    first.send("auth", token=token_of(ann))
    assert first.until("welcome")
    second = live.connect()
    assert live.connect().close_code() == 4429
    second.close()

    def is_let_in() -> bool:  # once the server has noticed
        try:
            third = live.connect()
            third.send("auth", token=token_of(ann))
            return bool(third.until("welcome"))
        except ConnectionClosed:
            return False

    wait_until(is_let_in)
