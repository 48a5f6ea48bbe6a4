"""When a process that died is started again."""

from jobs.child_processes import STABLE_SECONDS, Restarts


def test_the_first_restart_comes_at_once_and_the_others_ever_later() -> None:
    restarts = Restarts(first_seconds=0.5, most_seconds=3)
    assert [restarts.delay_seconds(ran_seconds=1) for _ in range(6)] == [0, 0.5, 1, 2, 3, 3]


def test_whoever_ran_for_long_is_started_at_once() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.delay_seconds(ran_seconds=1)
    assert restarts.delay_seconds(ran_seconds=STABLE_SECONDS + 1) == 0
    assert restarts.delay_seconds(ran_seconds=1) == 0.5
