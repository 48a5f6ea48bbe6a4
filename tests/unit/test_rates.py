"""Rates: so many in any such time, wherever the clock stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.rates import Rate
from realtime.throttle import REMEMBERED, OwnCounts


@pytest.mark.parametrize(("text", "rate"), [("600/min", (600, 60)), ("20/m", (20, 60)), ("5/s", (5, 1)), ("1/hour", (1, 3600))])
def test_rates_are_read(text: str, rate: tuple[int, int]) -> None:
    assert Rate.parse(text) == Rate(*rate)


@pytest.mark.parametrize("text", ["", "20", "0/min", "-1/min", "20/minutes", "20 / min", "1.5/s", "x/min", "２/min/s"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="no rate"):
        Rate.parse(text)


@given(
    st.integers(1, 20),
    st.lists(st.floats(0, 30, allow_nan=False), min_size=1, max_size=150),
    st.floats(0, 1000, allow_nan=False),
)
def test_what_is_served_is_bounded_and_whoever_waits_as_told_is_served(limit: int, pauses: list[float], start: float) -> None:
    counts, rate, now = OwnCounts(), Rate(limit, 60), start
    served: list[float] = []
    for pause in pauses:
        now += pause
        wait_seconds = counts.take("ann", rate, now)
        if wait_seconds == 0:
            served.append(now)
            # The window before counts as if its requests had been spread evenly: never more than twice as many at once.
            assert sum(at > now - 60 for at in served) <= 2 * limit
        else:
            assert counts.take("ann", rate, now + wait_seconds + 0.001, counts=False) == 0


def test_at_the_edge_of_a_minute_nobody_gets_twice_as_many() -> None:
    counts, rate = OwnCounts(), Rate(20, 60)
    assert [counts.take("ann", rate, 59.9) for _ in range(20)] == [0.0] * 20
    assert counts.take("ann", rate, 60.1) > 0
    assert counts.take("bob", rate, 60.1) == 0


def test_a_process_remembers_so_many_callers_and_no_more() -> None:
    counts = OwnCounts()
    for number in range(REMEMBERED + 10):
        counts.take(str(number), Rate(1, 60), 0)
    assert len(counts._counts) == REMEMBERED
