"""Events beyond what the fold cases say: how they are written, what steps do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.events import MAX_STEPS, Damaged, FoldedJob, encode, end_steps, enter_step, fold, iso_time, pending_steps, plain_number
from tests.watched import closed, queued, running, text


def states(steps: list[dict[str, Any]]) -> list[str]:
    return [step["state"] for step in steps]


def test_json_on_the_wire_is_compact_and_not_escaped() -> None:
    assert encode({"a": [1, "ü"]}) == '{"a":[1,"ü"]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(float("nan"))


@pytest.mark.parametrize(("ts", "written"), [(0, "1970-01-01T00:00:00.000Z"), (1763740000007, "2025-11-21T15:46:40.007Z"), (None, None)])
def test_times_have_exactly_three_decimals(ts: int | None, written: str | None) -> None:
    assert iso_time(ts) == written


def test_whole_numbers_have_no_decimals() -> None:
    assert (encode(plain_number(40.0)), encode(plain_number(0.5))) == ("40", "0.5")


def test_a_new_step_ends_the_one_before_it() -> None:
    steps = enter_step(enter_step(pending_steps(["a", "b"]), "a", "t1"), "b", "t2")

    assert states(steps) == ["done", "running"]
    assert steps[0] == {"name": "a", "state": "done", "startedAt": "t1", "finishedAt": "t2"}


def test_the_same_step_again_runs_again_and_keeps_its_start() -> None:
    steps = pending_steps(["a", "b"])
    for name, at in (("a", "t1"), ("b", "t2"), ("a", "t3")):
        steps = enter_step(steps, name, at)

    assert steps[0] == {"name": "a", "state": "running", "startedAt": "t1", "finishedAt": None}
    assert enter_step(steps, "a", "t4") == steps


def test_a_65th_step_is_not_listed_and_ends_the_one_before_it() -> None:
    steps: list[dict[str, Any]] = []
    for index in range(MAX_STEPS + 1):
        steps = enter_step(steps, f"step {index}", "t")

    assert len(steps) == MAX_STEPS
    assert set(states(steps)) == {"done"}


@pytest.mark.parametrize(("completed", "state"), [(True, "done"), (False, "stopped")])
def test_the_close_ends_the_running_step_and_leaves_skipped_ones(completed: bool, state: str) -> None:
    steps = enter_step(pending_steps(["a", "b"]), "a", "t1")

    assert states(end_steps(steps, completed=completed, at="t2")) == [state, "pending"]


def test_entering_a_step_leaves_older_lists_as_they_are() -> None:
    before = enter_step(pending_steps(["a", "b"]), "a", "t1")
    copy = [dict(step) for step in before]

    enter_step(before, "b", "t2")
    end_steps(before, completed=True, at="t3")

    assert before == copy


@pytest.mark.parametrize(
    "event",
    [text(1, 3, 5, "x"), closed(1, last_seq=2, length=3, text="on!"), closed(1, last_seq=2, length=99)],
    ids=["offset", "sha256", "longer than the text"],
)
def test_what_does_not_fit_changes_nothing(event: dict[str, Any]) -> None:
    job = FoldedJob()
    for known in (queued(1), running(1), text(1, 2, 0, "one ")):
        job.fold(known)
    before = job.fields()

    with pytest.raises(Damaged):
        job.fold(event)

    assert job.fields() == before


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=6))
def test_folding_a_snapshot_and_folding_all_events_is_the_same(chunks: list[str]) -> None:
    whole = FoldedJob()
    for known in (queued(1), running(1)):
        whole.fold(known)
    snapshot = whole.fields()
    for index, chunk in enumerate(chunks):
        event = text(1, index + 2, whole.text_length, chunk)
        whole.fold(event)
        snapshot = fold(snapshot, event)

    assert snapshot == whole.fields()
