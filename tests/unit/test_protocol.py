"""Frames from clients: each message of the protocol, and everything that is none."""

import json
from typing import Any

import pytest

from realtime import protocol
from realtime.position import ORIGIN, Position
from realtime.protocol import Auth, Command, Ping, Subscribe, Unsubscribe, parse

GOOD = [
    ({"type": "auth", "token": "t"}, Auth("t", None)),
    ({"type": "auth", "token": "t", "deviceId": "desktop-17"}, Auth("t", "desktop-17")),
    ({"type": "auth", "token": "t", "deviceId": None}, Auth("t", None)),
    ({"type": "subscribe", "ref": 1, "topic": "job:j1"}, Subscribe(1, "job:j1", None)),
    ({"type": "subscribe", "ref": "a", "topic": "job:j1", "after": "1-42"}, Subscribe("a", "job:j1", Position(1, 42))),
    ({"type": "subscribe", "topic": "jobs", "after": "0-0"}, Subscribe(None, "jobs", ORIGIN)),
    ({"type": "unsubscribe", "ref": 2, "topic": "job:j1"}, Unsubscribe(2, "job:j1")),
    ({"type": "command", "ref": 3, "action": "cancel", "jobId": "j1"}, Command(3, "cancel", "j1", None)),
    ({"type": "command", "ref": 3, "action": "cancel", "jobId": "j1", "ifAttempt": 2}, Command(3, "cancel", "j1", 2)),
    ({"type": "ping"}, Ping()),
    ({"type": "ping", "unknown": [1, {"a": None}]}, Ping()),
]


@pytest.mark.parametrize(("frame", "message"), GOOD, ids=[json.dumps(frame) for frame, _ in GOOD])
def test_a_message_of_the_protocol(frame: dict[str, Any], message: protocol.Message) -> None:
    assert parse(json.dumps(frame)) == (message, frame.get("ref"), "")


BAD = [
    "", "nonsense", "null", "7", '"ping"', "[]", '["ping"]', "{}", '{"type":null}', '{"type":7}', '{"type":["ping"]}', '{"type":"pong"}',
    '{"type":"ping","type":"ping"}', '{"type":"ping"', '{"type":"ping"}x', '{"type":"ping","a":NaN}', '{"type":"ping","a":Infinity}',
    '{"type":"ping","a":1e999}', '{"type":"ping","a":99999999999999999999}', '{"type":"ping","a":"\\u0000"}',
    '{"type":"ping","a":"\\ud800"}',
    '{"type":"ping","a":' + "[" * 40 + "]" * 40 + "}", '{"type":"ping","a":' + "[" * 20_000 + "]" * 20_000 + "}",
    '{"type":"auth"}', '{"type":"auth","token":""}', '{"type":"auth","token":7}', '{"type":"auth","token":"' + "x" * 8193 + '"}',
    '{"type":"auth","token":"t","deviceId":7}', '{"type":"auth","token":"t","deviceId":""}',
    '{"type":"auth","token":"t","deviceId":"' + "x" * 201 + '"}',
    '{"type":"subscribe"}', '{"type":"subscribe","topic":""}', '{"type":"subscribe","topic":null}',
    '{"type":"subscribe","topic":"job:j1","after":""}', '{"type":"subscribe","topic":"job:j1","after":7}',
    '{"type":"subscribe","topic":"job:j1","after":"1"}', '{"type":"subscribe","topic":"job:j1","after":"1-"}',
    '{"type":"subscribe","topic":"job:j1","after":"1-2-3"}', '{"type":"subscribe","topic":"job:j1","after":"-1-2"}',
    '{"type":"subscribe","topic":"job:j1","after":"01-2"}', '{"type":"subscribe","topic":"job:j1","after":"1-9007199254740992"}',
    '{"type":"subscribe","topic":"job:j1","after":"$"}', '{"type":"subscribe","topic":"job:j1","after":"1-2\\n"}',
    '{"type":"subscribe","topic":"job:j1","after":"١-2"}',
    '{"type":"subscribe","topic":"job:j1","ref":true}', '{"type":"subscribe","topic":"job:j1","ref":1.5}',
    '{"type":"subscribe","topic":"job:j1","ref":{}}', '{"type":"subscribe","topic":"job:j1","ref":"' + "x" * 65 + '"}',
    '{"type":"unsubscribe"}', '{"type":"command"}', '{"type":"command","action":"cancel"}',
    '{"type":"command","action":"cancel","jobId":""}', '{"type":"command","action":"cancel","jobId":"a/b"}',
    '{"type":"command","action":"cancel","jobId":"-a"}', '{"type":"command","action":"cancel","jobId":"j1\\n"}',
    '{"type":"command","action":"cancel","jobId":"' + "x" * 65 + '"}', '{"type":"command","action":7,"jobId":"j1"}',
    '{"type":"command","action":"cancel","jobId":"j1","ifAttempt":0}',
    '{"type":"command","action":"cancel","jobId":"j1","ifAttempt":true}',
    '{"type":"command","action":"cancel","jobId":"j1","ifAttempt":"1"}',
    '{"type":"command","action":"cancel","jobId":"j1","ifAttempt":1.5}',
]  # fmt: skip


@pytest.mark.parametrize("frame", BAD, ids=[frame[:60] for frame in BAD])
def test_what_is_no_message_is_told_why(frame: str) -> None:
    message, _, wrong = parse(frame)
    assert message is None
    assert wrong


def test_the_ref_of_a_bad_message_is_given_back() -> None:
    assert parse('{"type":"subscribe","ref":9}')[1] == 9


def test_a_frame_of_events_is_their_json_to_the_letter() -> None:
    assert (
        protocol.events_frame("job:j", ['{"a":1.0}', '{"b" : "ü"}']) == '{"type":"events","topic":"job:j","events":[{"a":1.0},{"b" : "ü"}]}'
    )


def test_close_codes_say_whether_to_come_back() -> None:
    stop = {protocol.REFUSED, protocol.SESSION_ENDED, protocol.UNEXPECTED_FRAME}
    assert {code for code in protocol.CLOSE_CODES if code >= 4500} == stop
    assert all(4000 <= code <= 4999 for code in protocol.CLOSE_CODES)
