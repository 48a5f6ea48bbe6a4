"""What a client may not do to a socket, and what it gets for it."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from realtime.conf import settings
from realtime.hub import _hubs
from realtime.limits import ABUSE, FREE_SUBSCRIBES
from tests import runs
from tests.sockets import LiveServer
from tests.tokens import token_of
from tests.waiting import wait_until


def patch(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    for name, value in values.items():
        monkeypatch.setitem(settings.__dict__, name, value)


BAD_FRAMES = ["nonsense", "[]", "7", "{}", '{"type":"no.such"}', '{"type":"subscribe"}', '{"type":"subscribe","topic":"nonsense"}']


@pytest.mark.parametrize("frame", BAD_FRAMES)
def test_a_bad_message_leaves_the_socket_open(live: LiveServer, ann: Any, frame: str) -> None:
    client = live.signed_in(ann)
    client.socket.send(frame)
    assert client.next()["code"] == "bad_message"
    assert client.ask_pong()


def test_a_binary_frame_ends_it(live: LiveServer, ann: Any) -> None:
    client = live.signed_in(ann)
    client.socket.send(b'{"type":"ping"}')
    assert client.close_code() == 4509


@pytest.mark.parametrize("pad", ["x" * 70_000, "ü" * 40_000], ids=["characters", "bytes"])
def test_a_frame_that_is_too_big_ends_it(live: LiveServer, ann: Any, pad: str) -> None:
    client = live.signed_in(ann)
    client.send("ping", pad=pad)
    assert client.close_code() == 1009


def test_a_socket_has_128_topics_and_the_next_is_refused(live: LiveServer, ann: Any) -> None:
    jobs = [runs.create(ann) for _ in range(settings.topics_per_socket + 1)]
    client = live.signed_in(ann)
    answers = [client.subscribe(f"job:{job.pk}") for job in jobs]
    assert {answer["type"] for answer in answers[:-1]} == {"subscribed"}
    assert answers[-1]["code"] == "too_many_subscriptions"
    client.ask("unsubscribe", topic=f"job:{jobs[0].pk}")
    assert client.subscribe(f"job:{jobs[-1].pk}")["type"] == "subscribed"


def test_too_many_messages_are_refused_and_then_the_socket_is(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patch(monkeypatch, messages_burst=5, messages_per_second=0.001)
    client = live.signed_in(ann)
    for _ in range(5):
        assert client.ask_pong()
    client.send("ping")
    assert client.next()["code"] == "rate_limited"
    for _ in range(ABUSE):
        client.send("ping")
    assert client.close_code() == 4429


def test_the_first_subscribes_do_not_count(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patch(monkeypatch, messages_burst=1, messages_per_second=0.001)
    client = live.signed_in(ann)
    assert {client.subscribe("job:no-such-job")["code"] for _ in range(FREE_SUBSCRIBES)} == {"not_found"}
    client.subscribe("job:no-such-job")
    assert client.subscribe("job:no-such-job")["code"] == "rate_limited"


def test_a_user_has_so_many_sockets(live: LiveServer, ann: Any, bob: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patch(monkeypatch, sockets_per_user=2)
    first, _ = live.signed_in(ann), live.signed_in(ann)
    assert live.connect(token_of(ann)).close_code() == 4429
    live.signed_in(bob)
    first.close()

    def is_let_in() -> bool:  # once the server has noticed that the first one left
        try:
            return bool(live.signed_in(ann).ask_pong())
        except ConnectionClosed:
            return False

    wait_until(is_let_in)


@pytest.fixture
def nobody_looks_for_garbage() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("goodbye", [True, False], ids=["closed", "cut"])
@pytest.mark.usefixtures("nobody_looks_for_garbage")
def test_of_a_socket_that_has_ended_nothing_waits_for_a_search_for_garbage(live: LiveServer, ann: Any, goodbye: bool) -> None:
    assert live.loop is not None
    job = runs.create(ann)
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    client.subscribe("jobs")
    (socket,) = map(weakref.ref, _hubs[live.loop].sockets)
    if goodbye:
        client.close()
    else:
        client.socket.socket.shutdown(2)
    wait_until(lambda: socket() is None, what="a socket that is gone")
