"""Positions: their text, their order, and what counts as an event. Whether one follows is in `fold_cases.json`."""

from typing import Any

import pytest

from realtime.position import CLOSED, ORIGIN, Position, Verdict, is_event, judge
from tests.watched import closed, queued, running, text


@pytest.mark.parametrize("written", ["0-0", "1-0", "2-57", f"1-{CLOSED}", f"{CLOSED}-{CLOSED}"])
def test_a_position_is_read_as_it_is_written(written: str) -> None:
    assert str(Position.parse(written)) == written


@pytest.mark.parametrize(
    "written", ["", "1", "1-", "-1", "1-2-3", " 1-2", "1-2 ", "01-2", "1-02", "a-b", "1--2", "1-9007199254740992", None, 7]
)
def test_what_is_no_position(written: object) -> None:
    with pytest.raises(ValueError, match="position"):
        Position.parse(written)


def test_positions_are_ordered_by_attempt_then_seq() -> None:
    shuffled = [Position(1, 10), Position(2, 0), ORIGIN, Position(1, CLOSED), Position(1, 0), Position(1, 2)]
    assert sorted(shuffled) == [ORIGIN, Position(1, 0), Position(1, 2), Position(1, 10), Position(1, CLOSED), Position(2, 0)]


def test_real_events_are_events() -> None:
    assert all(is_event(event) for event in (queued(1), running(1), text(1, 2, 0, "x"), closed(1, last_seq=2, length=0)))


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": "1"}, {"attempt": True}, {"attempt": 0}, {"attempt": 1.0}, {"attempt": None}, {"attempt": CLOSED + 1},
        {"seq": -1}, {"seq": "2"}, {"seq": CLOSED + 1}, {"ts": "now"}, {"jobId": 7}, {"type": None}, {"data": None}, {"data": []},
        {"seq": 0}, {"seq": 0, "data": {"keepSeq": "0"}}, {"seq": 0, "data": {"keepSeq": 0}}, {"seq": CLOSED},
        {"type": "state", "seq": CLOSED, "data": {"lastSeq": None}},
    ],
)  # fmt: skip
def test_what_only_looks_like_an_event(changes: dict[str, Any]) -> None:
    assert not is_event({**text(1, 2, 0, "x"), **changes})


@pytest.mark.parametrize("value", [None, 7, "x", [], {}])
def test_what_is_no_event(value: object) -> None:
    assert not is_event(value)


def test_the_attempt_after_next_is_a_gap() -> None:
    assert judge(Position(1, CLOSED), queued(3)) is Verdict.GAP
    assert judge(ORIGIN, queued(2)) is Verdict.GAP
