"""The schemas of the wire: what is made from them is up to date, and they say what the code does."""

from typing import Any

import pytest

from jobs.events import MAX_STEPS, STEP_NAME_LIMIT
from jobs.lifecycle import Reason, State
from jobs.recorder import LEVELS
from jobs.schemas import asyncapi, definitions, frame_type, read, types
from jobs.transitions import ACTIONS
from realtime import protocol
from realtime.topics import JOB_ID
from tests.shapes import checked, checked_frame, closed
from tests.watched import closed as closed_event
from tests.watched import event, queued, running, text


def test_the_types_are_made_from_the_schemas() -> None:
    assert types.TYPESCRIPT.read_text() == types.typescript(), "run python -m jobs.schemas.types"
    assert types.PYTHON.read_text() == types.python(), "run python -m jobs.schemas.types"


def test_words_are_those_of_the_code() -> None:
    known: dict[str, Any] = definitions()
    assert known["State"]["enum"] == [state.value for state in State]
    assert known["Reason"]["enum"] == [reason.value for reason in Reason]
    assert known["LogEvent"]["properties"]["data"]["properties"]["level"]["enum"] == list(LEVELS)
    assert known["CommandFrame"]["properties"]["action"]["enum"] == list(ACTIONS)
    assert known["JobId"]["pattern"] == f"^{JOB_ID.pattern}$"
    assert known["Step"]["properties"]["name"]["maxLength"] == STEP_NAME_LIMIT
    assert known["Job"]["properties"]["steps"]["maxItems"] == MAX_STEPS
    assert known["WelcomeFrame"]["properties"]["protocol"]["const"] == protocol.PROTOCOL_VERSION


@pytest.mark.parametrize(
    "made", [queued(1), queued(2, keep_text=3), running(1), text(1, 2, 0, "x"), closed_event(1, last_seq=2, length=8)], ids=str
)
def test_events_are_what_their_schemas_say(made: dict[str, Any]) -> None:
    checked("JobEvent", made)


@pytest.mark.parametrize(
    "bad",
    [
        event("text", 1, 2, {"offset": 0}), event("text", 1, 1, {"offset": 0, "text": "x"}),
        event("text", 1, 2, {"offset": 0, "text": "x", "more": 1}), event("note", 1, 2, {}), {**running(1), "extra": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_event_is_noticed(bad: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="not a JobEvent"):
        checked("JobEvent", bad)


def test_client_frames_are_what_the_server_takes() -> None:
    for schema in read("client_frames").values():
        frame = {key: _example(value) for key, value in schema["properties"].items() if key in schema["required"]}
        assert protocol.parse(protocol.encode(frame))[0] is not None, frame
    taken = {frame_type(schema) for schema in read("client_frames").values()}
    assert protocol.parse('{"type":"nothing"}')[2] == f"type is one of {', '.join(sorted(taken, key=_order))}."


def test_readers_may_meet_keys_that_they_do_not_know() -> None:
    assert "additionalProperties" not in str(definitions())
    assert "additionalProperties" in str(closed(definitions()))
    checked_frame({"type": "pong"})


def test_the_description_of_the_socket_has_every_frame() -> None:
    document = asyncapi.document()
    messages = {frame_type(schema) for file in ("client_frames", "server_frames") for schema in read(file).values()}
    assert set(document["components"]["messages"]) == messages
    assert set(asyncapi.ANSWERS) == {frame_type(schema) for schema in read("client_frames").values()}


def _example(schema: dict[str, Any]) -> Any:
    known = {"#/definitions/JobId": "j1", "#/definitions/Position": "1-2"}
    return schema.get("const") or (schema.get("enum") or [known.get(schema.get("$ref", ""), "job:j1")])[0]


def _order(kind: str) -> int:
    return ["auth", "subscribe", "unsubscribe", "command", "ping"].index(kind)
