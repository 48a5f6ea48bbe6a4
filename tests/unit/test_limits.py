"""How many messages a socket may send: a burst, then so many a second; subscribing after a sign-in is free."""

import pytest

from realtime import limits
from realtime.limits import ABUSE, FREE_SUBSCRIBES, Allowance


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(limits, "time", clock)
    return clock


def take(allowance: Allowance, count: int, *, free: bool = False) -> int:
    return sum(allowance.take(free=free) for _ in range(count))


def test_a_burst_then_nothing(clock: Clock) -> None:
    allowance = Allowance(burst=5, per_second=2)
    assert take(allowance, 10) == 5


def test_it_fills_again_but_never_beyond_the_burst(clock: Clock) -> None:
    allowance = Allowance(burst=5, per_second=2)
    take(allowance, 5)
    clock.now += 1.5
    assert take(allowance, 10) == 3
    clock.now += 3600
    assert take(allowance, 10) == 5


def test_subscribes_after_the_sign_in_are_free(clock: Clock) -> None:
    allowance = Allowance(burst=5, per_second=2)
    assert take(allowance, FREE_SUBSCRIBES, free=True) == FREE_SUBSCRIBES
    assert take(allowance, 10, free=True) == 5


def test_a_fresh_token_makes_subscribing_free_again(clock: Clock) -> None:
    allowance = Allowance(burst=5, per_second=2)
    take(allowance, FREE_SUBSCRIBES + 5, free=True)
    allowance.begin()
    assert take(allowance, FREE_SUBSCRIBES + 10, free=True) == FREE_SUBSCRIBES


def test_so_many_refused_in_a_row_are_abuse(clock: Clock) -> None:
    allowance = Allowance(burst=1, per_second=1)
    take(allowance, ABUSE)
    assert not allowance.is_abused
    clock.now += 1
    assert allowance.take(free=False)
    take(allowance, ABUSE)
    assert allowance.is_abused
