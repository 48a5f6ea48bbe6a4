"""Too many requests are 429, say when to try again, and are counted without Redis, too."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client

from realtime import throttle
from realtime.conf import settings
from realtime.redis_client import breaker, client
from tests.api import Api

pytestmark = pytest.mark.usefixtures("redis")


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(settings.__dict__, "api_rate", "5/min")
    monkeypatch.setitem(settings.__dict__, "token_rate", "3/min")
    throttle._own._counts.clear()
    yield
    throttle._own._counts.clear()


@contextmanager
def redis_away() -> Iterator[None]:
    breaker._open()
    breaker._retry_at += 60
    try:
        yield
    finally:
        breaker._failed = False


def test_a_user_has_so_many_requests_and_another_has_his_own(ann: Any, bob: Any) -> None:
    api = Api(ann)
    assert [api("GET", "/api/jobs")[0] for _ in range(5)] == [200] * 5
    status, problem = api("POST", "/api/jobs", {"type": "test.echo"})
    assert (status, problem["code"]) == (429, "throttled")
    assert 1 <= int(api.answer["Retry-After"]) <= 121
    assert Api(bob)("GET", "/api/jobs")[0] == 200
    keys = client().keys("throttle:*")
    assert all(0 < client().ttl(key) <= 120 for key in keys)


@pytest.mark.django_db(transaction=True)
def test_events_count_as_all_requests_do(ann: Any) -> None:
    api = Api(ann)
    assert [api("GET", "/api/jobs/none/events")[0] for _ in range(5)] == [404] * 5
    status, problem = api("GET", "/api/jobs/none/events")
    assert (status, problem["code"], api("GET", "/api/jobs")[0]) == (429, "throttled", 429)
    assert int(api.answer["Retry-After"]) >= 1


def test_an_address_has_so_many_tries_to_sign_in_whatever_it_calls_itself(ann: Any) -> None:
    for number in range(3):
        spoof = Api(x_forwarded_for=f"10.0.0.{number}")
        assert spoof("POST", "/api/auth/token", {"username": "ann", "password": f"wrong-{number}"})[0] == 401
    for name in ("ann", "nobody"):
        api = Api(x_forwarded_for="10.9.9.9")
        assert api("POST", "/api/auth/token", {"username": name, "password": "a-long-password"})[0] == 429
        assert int(api.answer["Retry-After"]) >= 1
    assert Api(ann)("GET", "/api/jobs")[0] == 200


def test_the_form_counts_the_tries_that_fail(ann: Any) -> None:
    for _ in range(5):
        assert Client().post("/sign-in/", {"username": "ann", "password": "a-long-password"}).status_code == 302
    for _ in range(3):
        assert Client().post("/sign-in/", {"username": "ann", "password": "wrong"}).status_code == 200
    refused = Client().post("/sign-in/", {"username": "ann", "password": "a-long-password"})
    assert (refused.status_code, b"Too many tries" in refused.content) == (429, True)
    assert int(refused["Retry-After"]) >= 1
    assert Api()("POST", "/api/auth/token", {"username": "ann", "password": "wrong"})[0] == 429


def test_without_redis_each_process_counts_for_itself(ann: Any) -> None:
    with redis_away():
        api = Api(ann)
        assert [api("GET", "/api/jobs")[0] for _ in range(6)] == [200] * 5 + [429]
        tries = [Api()("POST", "/api/auth/token", {"username": "ann", "password": "wrong"})[0] for _ in range(4)]
        assert tries == [401] * 3 + [429]
    assert api("GET", "/api/jobs")[0] == 200
