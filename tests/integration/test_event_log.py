"""The event log on a real Valkey: what it takes, what it refuses, how long it lives, and what it makes of what is none of ours."""

import json
from typing import Any

import pytest
from channels.layers import get_channel_layer

from realtime import event_log, layers
from realtime.conf import settings
from realtime.event_log import Append, stream_key
from realtime.position import CLOSED, ORIGIN, Entry, Position
from realtime.topics import job_group
from tests.watched import closed, queued, running, text


def entries(*events: dict[str, Any]) -> list[Entry]:
    return [Entry(Position(event["attempt"], event["seq"]), json.dumps(event)) for event in events]


def append(*events: dict[str, Any], job_id: str = "j") -> bool:
    return event_log.append([Append(job_id, entries(*events))])[0]


def positions(job_id: str = "j", after: Position = ORIGIN) -> list[str]:
    return [str(entry.position) for entry in event_log.read_after([(job_id, after)])[0]]


def decoded(message: dict[str, Any]) -> dict[str, Any]:
    layer: Any = get_channel_layer()
    nudge: dict[str, Any] = layer.deserialize(message["data"])
    return nudge


BEGUN = queued(1), running(1)


def test_what_is_appended_is_read_to_the_letter(redis: Any) -> None:
    event = text(1, 2, 0, "über 👍\n\"'")
    written = entries(*BEGUN, event)
    assert event_log.append([Append("j", written)]) == [True]
    assert event_log.read_after([("j", ORIGIN), ("j", Position(1, 1)), ("k", ORIGIN)]) == [written, written[2:], []]
    assert event_log.last_positions(["j", "k"]) == [Position(1, 2), None]


def test_a_repeat_is_no_refusal_and_adds_nothing(redis: Any) -> None:
    assert append(*BEGUN)
    assert append(*BEGUN)
    assert append(BEGUN[1], text(1, 2, 0, "x"))
    assert positions() == ["1-0", "1-1", "1-2"]


@pytest.mark.parametrize("event", [running(1), text(1, 2, 0, "other"), queued(1, keep_seq=1)], ids=["later there", "other there", "below"])
def test_something_else_at_or_beyond_the_position_is_a_refusal(redis: Any, event: dict[str, Any]) -> None:
    assert append(queued(1), text(1, 2, 0, "x"))
    assert not append(event)
    assert positions() == ["1-0", "1-2"]


def test_several_logs_are_written_in_one_call_and_each_has_its_answer(redis: Any) -> None:
    append(running(2), job_id="b")
    asked = [Append("a", entries(*BEGUN)), Append("b", entries(*BEGUN)), Append("c", entries(*BEGUN))]
    assert event_log.append(asked) == [True, False, True]


def test_a_log_keeps_its_last_events(redis: Any) -> None:
    append(*BEGUN)
    for seq in range(2, settings.event_log_length + 50):
        append(text(1, seq, seq - 2, "x"))
    assert redis.xlen(stream_key("j")) == settings.event_log_length
    assert positions()[-1] == f"1-{settings.event_log_length + 49}"


def test_a_log_lives_a_day_after_its_last_event_and_ten_minutes_after_the_close(redis: Any) -> None:
    append(*BEGUN)
    assert 24 * 3600 - 5 < redis.ttl(stream_key("j")) <= 24 * 3600
    append(closed(1, last_seq=1, length=0))
    assert 595 < redis.ttl(stream_key("j")) <= 600
    append(queued(2, keep_seq=1))
    assert redis.ttl(stream_key("j")) > 600


def test_every_key_has_an_end(redis: Any) -> None:
    append(*BEGUN)
    append(*BEGUN, job_id="k")
    assert all(redis.ttl(key) > 0 for key in redis.scan_iter())


def test_a_log_of_another_life_refuses_until_it_is_dropped(redis: Any) -> None:
    append(queued(7))
    assert not append(*BEGUN)
    event_log.drop(["j"])
    assert append(*BEGUN)


def test_a_key_that_is_no_log_is_no_log(redis: Any) -> None:
    redis.set(stream_key("j"), "what somebody else put here")
    append(*BEGUN, job_id="k")
    assert event_log.read_after([("j", ORIGIN), ("k", Position(1, 0))])[1] == entries(BEGUN[1])
    assert event_log.last_positions(["j", "k"]) == [None, Position(1, 1)]
    assert event_log.append([Append("j", entries(*BEGUN)), Append("k", entries(text(1, 2, 0, "x")))]) == [False, True]
    event_log.drop(["j"])
    assert append(*BEGUN)


@pytest.mark.parametrize(
    "fields",
    [
        {"x": "1"}, {"e": "no json"}, {"e": "[]"}, {"e": "null"}, {"e": b"\xff"}, {"e": "[" * 100_000}, {"e": json.dumps(running(9))},
        {"e": json.dumps({**text(1, 2, 0, "x"), "data": None})}, {"e": json.dumps({**text(1, 2, 0, "x"), "attempt": "1"})},
    ],
    ids=lambda fields: str(fields)[:40],
)  # fmt: skip
def test_what_is_no_event_ends_the_log(redis: Any, fields: dict[Any, Any]) -> None:
    append(*BEGUN)
    redis.xadd(stream_key("j"), fields, id="1-2")
    redis.xadd(stream_key("j"), {"e": json.dumps(text(1, 3, 0, "x"))}, id="1-3")
    assert positions() == ["1-0", "1-1"]


def test_a_nudge_carries_the_news_on_the_group_s_channel(redis: Any) -> None:
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(layers.group_channel(job_group("j")))
        heard.get_message(timeout=5)
        append(*BEGUN)
        message = None
        while message is None:
            message = heard.get_message(timeout=5)
    nudge = decoded(message)
    assert (nudge["type"], nudge["topic"], nudge["first"], nudge["position"]) == ("job.events", "job:j", "1-0", "1-1")
    assert json.loads(nudge["events"]) == list(BEGUN)


def test_a_refusal_nudges_nobody(redis: Any) -> None:
    append(queued(7))
    with redis.pubsub(ignore_subscribe_messages=True) as heard:
        heard.subscribe(layers.group_channel(job_group("j")))
        heard.get_message(timeout=5)
        append(*BEGUN)
        append(queued(8, keep_seq=0))
        message = None
        while message is None:
            message = heard.get_message(timeout=5)
    assert decoded(message)["position"] == "8-0"


def test_the_closing_seq_is_held_exactly(redis: Any) -> None:
    append(*BEGUN, closed(1, last_seq=1, length=0))
    assert event_log.last_positions(["j"]) == [Position(1, CLOSED)]
