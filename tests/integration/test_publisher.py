"""Publishing: a refusal is a question to the row, and Redis that is away is found out once, not again and again."""

import json
import time
from typing import Any

import pytest

from realtime import event_log, publisher, redis_client
from realtime.errors import RedisUnavailable
from realtime.event_log import Append, stream_key
from realtime.position import ORIGIN, Entry, Position
from realtime.redis_client import breaker
from tests.waiting import wait_until
from tests.watched import queued, running


def item(*events: dict[str, Any], job_id: str = "j") -> Append:
    return Append(job_id, [Entry(Position(event["attempt"], event["seq"]), json.dumps(event)) for event in events])


def positions() -> list[str]:
    return [str(entry.position) for entry in event_log.read_after([("j", ORIGIN)])[0]]


def never(item: Append) -> bool:
    raise AssertionError("nobody was to ask the row")


def test_what_is_accepted_asks_nobody(redis: Any) -> None:
    assert publisher.publish([item(queued(1), running(1))], still_true=never) == [True]
    assert publisher.publish([item(queued(1), running(1))], still_true=never) == [True]


def test_a_refusal_that_the_row_confirms_leaves_the_log_alone(redis: Any) -> None:
    publisher.publish([item(queued(2))], still_true=never)
    assert publisher.publish([item(queued(1), running(1))], still_true=lambda item: False) == [False]
    assert positions() == ["2-0"]


def test_a_refusal_that_the_row_denies_writes_the_log_anew(redis: Any) -> None:
    publisher.publish([item(queued(7))], still_true=never)
    assert publisher.publish([item(queued(1), running(1))], still_true=lambda item: True) == [True]
    assert positions() == ["1-0", "1-1"]


def test_a_key_that_is_no_log_is_written_anew_and_others_do_not_suffer(redis: Any) -> None:
    redis.hset(stream_key("j"), "a", "b")
    items = [item(queued(1)), item(queued(1), job_id="k")]
    assert publisher.publish(items, still_true=lambda item: item.job_id == "j") == [True, True]
    assert positions() == ["1-0"]


@pytest.mark.parametrize("setting", ["maxmemory", "min-replicas-to-write"], ids=["full", "without the replicas that it asks for"])
def test_a_redis_that_takes_no_writes_is_away_and_nothing_of_it_is_seen(redis: Any, setting: str) -> None:
    redis.config_set(setting, 1)
    try:
        with pytest.raises(RedisUnavailable):
            publisher.publish([item(queued(1))], still_true=never)
        assert not answers()
    finally:
        redis.config_set(setting, 0)
    wait_until(answers, what="a breaker that tries again")
    assert positions() == []


def answers() -> bool:
    redis_client.check()
    return not breaker.is_open


def test_a_redis_that_hangs_costs_one_wait(redis: Any) -> None:
    redis.execute_command("CLIENT", "PAUSE", 2000, "ALL")
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(RedisUnavailable):
            publisher.publish([item(queued(1))], still_true=never)
        publisher.nudge("workers", {"type": "work.waiting"})
        publisher.nudge_lists([(1, "j")])
    assert time.monotonic() - began < 2.5
    wait_until(answers, what="the end of the pause")


def test_nobody_waits_to_find_out_whether_a_redis_that_hangs_is_back(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def nudge() -> float:
        began = time.monotonic()
        publisher.nudge("workers", {"type": "work.waiting"})
        return time.monotonic() - began

    redis.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
    try:
        assert nudge() > 0.9
        took = []
        for _ in range(3):
            monkeypatch.setattr(breaker, "_retry_at", 0.0)  # it is time to try again
            took.append(nudge())
        assert min(took) < 0.9
    finally:
        redis.execute_command("CLIENT", "UNPAUSE")
    wait_until(lambda: nudge() and not breaker.is_open, what="somebody who has found out")


def test_a_redis_that_evicts_is_warned_of_once(redis: Any, caplog: pytest.LogCaptureFixture) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis_client._warn_of_eviction.cache_clear()
    try:
        for _ in range(2):
            redis_client.check()
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
    (warning,) = [record for record in caplog.records if "maxmemory-policy" in record.message]
    assert "allkeys-lru" in warning.getMessage()
    assert not breaker.is_open
