"""Too much of everything: sizes, pieces, subscribes, reads of what is large. Each is bounded, and the others are served meanwhile."""

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterable
from typing import Any

import pytest
from websockets.asyncio.client import connect

from jobs.models import Job
from jobs.source import JobSource
from realtime.conf import settings
from realtime.limits import ABUSE, FREE_SUBSCRIBES
from tests import runs
from tests.sockets import LiveServer
from tests.tokens import token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

READERS = int(os.environ.get("READERS", "20"))
TEXT = "x" * 256 * 1024


def patch(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    for name, value in values.items():
        monkeypatch.setitem(settings.__dict__, name, value)


def test_a_frame_in_many_pieces_is_as_large_as_all_of_them(live: LiveServer, ann: Any) -> None:
    client = live.signed_in(ann)
    client.socket.send(["x" * 1024] * 65)
    assert client.close_code() == 1009


def test_nothing_is_unpacked_for_anybody(live: LiveServer) -> None:
    handshake = (
        "GET /ws/ HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.port), timeout=15) as connection:
        connection.sendall(handshake.encode())
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101")
        assert b"extensions" not in answer.lower()
        connection.sendall(b"\xc1\x80\0\0\0\0")  # a frame that says that it is packed
        while piece := connection.recv(4096):
            answer += piece
    assert answer.endswith(b"\x03\xea") or b"\x03\xea" in answer, "1002: no such frame was agreed upon"


def test_whoever_subscribes_without_end_is_sent_away_and_leaves_nothing(live: LiveServer, ann: Any) -> None:
    client = live.signed_in(ann)
    other = live.signed_in(ann)
    for index in range(FREE_SUBSCRIBES + settings.messages_burst + 5 * ABUSE):
        try:
            client.send("subscribe", ref=1, topic=f"job:none-{index}")
        except OSError:
            break
    assert client.close_code() == 4429
    assert other.ask_pong()


def test_many_who_come_back_to_a_long_text_at_once_cost_one_read(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patch(monkeypatch, sockets_per_user=READERS + 1)
    job = runs.create(ann)
    Job.objects.filter(pk=job.pk).update(text=TEXT, text_length=len(TEXT))
    reads = 0
    load = JobSource.load

    def counted(source: JobSource, job_ids: Iterable[str]) -> Any:
        nonlocal reads
        reads += 1
        return load(source, job_ids)

    monkeypatch.setattr(JobSource, "load", counted)
    other = live.signed_in(ann)
    longest_seconds, lengths = asyncio.run(_all_at_once(live, token_of(ann), f"job:{job.pk}", other))
    print(f"{READERS} readers of {len(TEXT)} bytes: {reads} reads, the longest ping of another {longest_seconds * 1000:.0f} ms")
    assert lengths == [len(TEXT)] * READERS
    assert reads <= 3


async def _all_at_once(live: LiveServer, token: str, topic: str, other: Any) -> tuple[float, list[int]]:
    """Have all read the topic from a position that no log reaches; meanwhile somebody else sends pings."""

    async def read() -> int:
        headers = {"Authorization": f"Bearer {token}"}
        async with connect(f"ws://127.0.0.1:{live.port}/ws/", additional_headers=headers, compression=None, max_size=2**22) as reader:
            await reader.send(json.dumps({"type": "subscribe", "ref": 1, "topic": topic, "after": "7-7"}))
            while (frame := json.loads(await reader.recv()))["type"] != "snapshot":
                pass
            return len(frame["job"]["streamingText"])

    reading = asyncio.gather(*(read() for _ in range(READERS)))
    longest = 0.0
    for _ in range(20):
        began = time.perf_counter()
        assert await asyncio.to_thread(other.ask_pong)
        longest = max(longest, time.perf_counter() - began)
    return longest, await reading


def test_the_embedded_redis_is_for_those_who_have_its_password_on_this_machine(redis: Any) -> None:
    with socket.create_connection(("127.0.0.1", redis.connection_pool.connection_kwargs["port"]), timeout=15) as stranger:
        for words in ("PING", "AUTH guessed", "AUTH default guessed", "FLUSHALL", "CONFIG GET *", "DEBUG SLEEP 0"):
            stranger.sendall(f"{words}\r\n".encode())
            assert stranger.recv(4096).startswith((b"-NOAUTH", b"-WRONGPASS")), words
    assert redis.config_get("bind")["bind"] == "127.0.0.1"
