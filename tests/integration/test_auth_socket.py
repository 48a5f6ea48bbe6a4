"""Signing in on the socket: header, first frame, ticket; what is refused and with which code; and when it ends."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client as WebClient
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from websockets.exceptions import ConnectionClosed

from realtime import warm_sign_ins
from realtime.auth import Identity, identify, issue_ticket
from realtime.conf import RealtimeSettings, settings
from realtime.hub import _hubs
from realtime.models import Ticket
from tests.sockets import LiveServer
from tests.tokens import signed, token_of
from tests.waiting import wait_until


def patch(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    for name, value in values.items():
        monkeypatch.setitem(settings.__dict__, name, value)


def the_socket(live: LiveServer) -> Any:
    """Return the server's side of the only socket."""
    assert live.loop is not None
    (socket,) = _hubs[live.loop].sockets
    return socket


def test_by_the_header(live: LiveServer, ann: Any) -> None:
    client = live.connect(token_of(ann))
    welcome = client.next()
    assert {**welcome, "expiresAt": 0} == {"type": "welcome", "protocol": 1, "user": "ann", "heartbeatSeconds": 20, "expiresAt": 0}
    assert time.time() * 1000 < welcome["expiresAt"] <= (time.time() + 900) * 1000


def test_by_the_first_frame(live: LiveServer, ann: Any) -> None:
    client = live.connect()
    client.send("auth", token=token_of(ann), deviceId="desktop-17")
    assert client.next()["user"] == "ann"


def test_by_a_ticket_once(live: LiveServer, ann: Any) -> None:
    ticket, _ = issue_ticket(ann, timezone.now() + timedelta(hours=1))
    client = live.connect()
    client.send("auth", token=ticket)
    welcome = client.next()
    assert welcome["user"] == "ann"
    assert abs(welcome["expiresAt"] / 1000 - time.time() - 3600) < 10
    again = live.connect()
    again.send("auth", token=ticket)
    assert again.close_code() == 4401


def test_a_ticket_that_has_expired(live: LiveServer, ann: Any) -> None:
    ticket, expires_at = issue_ticket(ann, None)
    assert expires_at - timezone.now() < timedelta(seconds=31)
    Ticket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    client = live.connect()
    client.send("auth", token=ticket)
    assert client.close_code() == 4401


def test_a_ticket_is_stored_as_its_hash(ann: Any) -> None:
    ticket, _ = issue_ticket(ann, None)
    assert ticket not in str(Ticket.objects.values().get())


def test_of_a_hundred_uses_at_once_one_is_let_in(live: LiveServer, ann: Any) -> None:
    ticket, _ = issue_ticket(ann, None)

    def use(_: int) -> str:
        client = live.connect()
        client.send("auth", token=ticket)
        try:
            return str(client.next()["type"])
        except ConnectionClosed:
            return str(client.close_code())
        finally:
            client.close()

    with ThreadPoolExecutor(20) as threads:
        ends = list(threads.map(use, range(100)))
    assert sorted(set(ends)) == ["4401", "welcome"]
    assert ends.count("welcome") == 1


BAD_TOKENS = {
    "nonsense": "nonsense.token.here",
    "another key": jwt.encode({"token_type": "access", "exp": 2**33, "jti": "x", "user_id": "1"}, "x" * 40, algorithm="HS256"),
    "no key": jwt.encode({"token_type": "access", "exp": 2**33, "jti": "x", "user_id": "1"}, "", algorithm="none"),
    "umlaut": "ü.ü.ü",
}
ODD_CLAIMS: list[dict[str, Any]] = [{"user_id": True}, {"user_id": {}}, {"user_id": "\0"}, {"exp": 10**30}, {"aud": "x"}, {"sid": []}]


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_a_bad_token_is_told_to_stay_away(live: LiveServer, token: str) -> None:
    client = live.connect()
    client.send("auth", token=token)
    assert client.close_code() == 4501


def test_odd_claims_are_a_bad_token(live: LiveServer, ann: Any) -> None:
    assert {live.connect(signed(ann, **claims)).close_code() for claims in ODD_CLAIMS} == {4501}


def test_a_refresh_token_is_a_bad_token(live: LiveServer, ann: Any) -> None:
    assert live.connect(str(RefreshToken.for_user(ann))).close_code() == 4501


def test_an_expired_token_may_come_back(live: LiveServer, ann: Any) -> None:
    token = AccessToken.for_user(ann)
    token.set_exp(lifetime=timedelta(seconds=-5))
    assert live.connect(str(token)).close_code() == 4401


def test_a_deactivated_user_cannot_sign_in(live: LiveServer, ann: Any) -> None:
    ann.is_active = False
    ann.save()
    assert live.connect(token_of(ann)).close_code() == 4501


def test_no_cookie_is_read(live: LiveServer, ann: Any) -> None:
    web = WebClient()
    web.force_login(ann)
    client = live.connect(Cookie=f"sessionid={web.cookies['sessionid'].value}")
    client.send("ping")
    assert client.close_code() == 4509


ORIGINS = {
    "none": ({}, True),
    "its own": ({"Origin": "http://127.0.0.1:{port}"}, True),
    "allowed": ({"Origin": "app://desktop"}, True),
    "foreign": ({"Origin": "http://evil.example"}, False),
    "its own host as a prefix": ({"Origin": "http://127.0.0.1:{port}.evil.example"}, False),
    "null": ({"Origin": "null"}, False),
    "empty": ({"Origin": ""}, False),
    "its own as a user": ({"Origin": "http://127.0.0.1:{port}@evil.example"}, False),
}


@pytest.mark.parametrize(("headers", "is_allowed"), ORIGINS.values(), ids=ORIGINS)
def test_origins(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], is_allowed: bool) -> None:
    patch(monkeypatch, allowed_origins=("app://desktop",))
    client = live.connect(token_of(ann), **{name: value.format(port=live.port) for name, value in headers.items()})
    assert (client.next()["type"] == "welcome") if is_allowed else (client.close_code() == 4501)


def test_whoever_says_nothing_is_sent_away(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    patch(monkeypatch, sign_in_seconds=0.1)
    assert live.connect().close_code() == 4408


@pytest.mark.parametrize("frame", ['{"type":"ping"}', '{"type":"subscribe","topic":"job:j"}', "nonsense", b"\x00"])
def test_the_first_frame_is_auth_or_nothing(live: LiveServer, frame: str | bytes) -> None:
    client = live.connect()
    client.socket.send(frame)
    assert client.close_code() == 4509


def test_a_fresh_token_is_handed_over_in_place(live: LiveServer, ann: Any, bob: Any) -> None:
    token = AccessToken.for_user(ann)
    token.set_exp(lifetime=timedelta(seconds=50))
    client = live.connect(str(token))
    first = client.next()
    asked = client.until("auth_required", seconds=3)
    assert asked["expiresAt"] == first["expiresAt"]
    client.send("auth", token=token_of(ann))
    assert client.until("welcome")["expiresAt"] > first["expiresAt"]
    client.send("auth", token=token_of(bob))
    assert client.close_code() == 4501


def test_a_sign_in_ends_25_seconds_after_its_token(live: LiveServer, ann: Any) -> None:
    client = live.signed_in(ann)
    identity = the_socket(live).identity
    object.__setattr__(identity, "expires_at", int((time.time() - 20) * 1000))
    client.until("auth_required", seconds=3)
    object.__setattr__(identity, "expires_at", int((time.time() - 26) * 1000))
    assert client.close_code() == 4401


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "other"}], ids=["deactivated", "password"])
def test_a_user_who_is_locked_out_is_closed_within_seconds(live: LiveServer, ann: Any, bob: Any, change: dict[str, Any]) -> None:
    client, other = live.signed_in(ann), live.signed_in(bob)
    began = time.monotonic()
    type(ann).objects.filter(pk=ann.pk).update(**change)
    assert client.close_code() == 4503
    assert time.monotonic() - began < 5
    assert other.ask_pong()


def test_the_token_of_an_open_socket_asks_the_database_nothing(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def counted(token: object) -> Identity:
        asked.append(token)
        return identify(token)

    monkeypatch.setattr(warm_sign_ins, "identify", counted)
    token, other = token_of(ann), token_of(ann)
    clients = []
    for shown in (token, token, other):
        clients.append(live.connect(shown))
        assert clients[-1].next()["type"] == "welcome"
    assert asked == [token, other]


def test_whoever_shows_the_token_of_an_open_socket_goes_with_it(live: LiveServer, ann: Any) -> None:
    token = token_of(ann)
    first = live.connect(token)
    assert first.next()["type"] == "welcome"
    type(ann).objects.filter(pk=ann.pk).update(is_active=False)
    second = live.connect(token)
    assert second.close_code() in (4501, 4503)
    assert first.close_code() == 4503
    assert live.connect(token).close_code() == 4501


def test_a_token_that_no_socket_holds_any_more_is_looked_at_again(live: LiveServer, ann: Any) -> None:
    token = token_of(ann)
    client = live.connect(token)
    assert client.next()["type"] == "welcome"
    client.close()
    assert live.loop is not None
    known = _hubs[live.loop].sign_ins
    wait_until(lambda: not known.is_warm, what="a token that is forgotten")
    type(ann).objects.filter(pk=ann.pk).update(is_active=False)
    assert live.connect(token).close_code() == 4501


def test_a_deleted_user_is_closed_within_seconds(live: LiveServer, ann: Any) -> None:
    client = live.signed_in(ann)
    ann.delete()
    assert client.close_code() == 4503


def test_a_change_of_rights_asks_for_a_new_sign_in(live: LiveServer, staff: Any) -> None:
    client = live.signed_in(staff)
    type(staff).objects.filter(pk=staff.pk).update(is_staff=False)
    assert client.close_code() == 4401


def test_a_socket_ends_with_the_session_of_its_ticket(live: LiveServer, ann: Any) -> None:
    web, other = WebClient(), WebClient()
    web.force_login(ann)
    other.force_login(ann)
    clients = []
    for browser in (web, other):
        ticket = browser.post("/api/auth/ticket").json()["ticket"]
        clients.append(live.connect())
        clients[-1].send("auth", token=ticket)
        assert clients[-1].next()["type"] == "welcome"
    web.post("/sign-out/")
    assert clients[0].close_code() == 4503
    assert clients[1].ask_pong()


def test_a_ticket_of_a_session_that_has_ended_is_worth_nothing(live: LiveServer, ann: Any) -> None:
    web = WebClient()
    web.force_login(ann)
    ticket = web.post("/api/auth/ticket").json()["ticket"]
    SessionStore(web.cookies["sessionid"].value).flush()
    client = live.connect()
    client.send("auth", token=ticket)
    assert client.close_code() == 4401


def test_settings_of_the_protocol() -> None:
    known = RealtimeSettings()
    assert (known.heartbeat_seconds, known.sign_in_seconds, known.ticket_seconds, known.send_limit_seconds) == (20, 10, 30, 10)
    assert (known.topics_per_socket, known.frame_limit_bytes, known.sockets_per_user) == (128, 65536, 50)
