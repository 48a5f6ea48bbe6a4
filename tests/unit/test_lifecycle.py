"""Every pair of states: which arrows there are, and no other."""

import pytest

from jobs.lifecycle import ARROWS, CLOSING, TERMINAL, State, may_become

TABLE = {
    # from        created running paused completed failed cancelled
    "created":   "   -       x      x       -        -       x",
    "running":   "   x       -      x       x        x       x",
    "paused":    "   x       -      -       -        -       x",
    "completed": "   -       -      -       -        -       -",
    "failed":    "   x       -      -       -        -       -",
    "cancelled": "   x       -      -       -        -       -",
}  # fmt: skip
PAIRS = [
    (State(source), target, mark == "x")
    for source, marks in TABLE.items()
    for target, mark in zip(State, (mark for mark in marks if mark != " "), strict=True)
]


@pytest.mark.parametrize(("source", "target", "allowed"), PAIRS)
def test_arrow(source: State, target: State, allowed: bool) -> None:
    assert may_become(source, target) is allowed


def test_all_states_are_in_the_table() -> None:
    assert len(PAIRS) == len(State) ** 2
    assert set(ARROWS) == set(State)


def test_only_a_retry_leaves_a_terminal_state() -> None:
    assert TERMINAL < CLOSING
    assert all(ARROWS[state] <= {State.CREATED} for state in TERMINAL)
