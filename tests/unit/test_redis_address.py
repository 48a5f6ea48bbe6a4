"""The forms of REDIS_URL."""

import pytest

from realtime.redis_address import RedisAddress


@pytest.mark.parametrize("url", ["redis://:p%40ss@10.0.0.1:6379/3", "rediss://redis.example.com/0", "unix:///run/redis.sock?db=1"])
def test_one_server_is_the_address_to_the_letter(url: str) -> None:
    address = RedisAddress.parse(url)
    assert (address.url, address.nodes, address.master) == (url, (), None)
    assert address.for_layer() == {"hosts": [{"address": url, "socket_timeout": None}]}


def test_sentinels() -> None:
    address = RedisAddress.parse("rediss+sentinel://ann:p%40%2Fss@a,b:26380,[::1]:26381/main/2?sentinel_password=other")
    nodes = (("a", 26379), ("b", 26380), ("::1", 26381))
    options = {"username": "ann", "password": "p@/ss", "ssl": True, "db": 2}
    assert (address.nodes, address.master, address.options) == (nodes, "main", options)
    assert address.sentinel_options == {"password": "other"}
    (host,) = address.for_layer()["hosts"]
    sentinels = {"sentinels": list(nodes), "master_name": "main", "sentinel_kwargs": {"password": "other"}}
    assert host == {**options, **sentinels, "socket_timeout": None}


def test_a_cluster() -> None:
    address = RedisAddress.parse("redis+cluster://:p%40ss@a:7000,b,[::1]:7002")
    assert address.nodes == (("a", 7000), ("b", 6379), ("::1", 7002))
    config = address.for_layer()
    assert config["hosts"] == [{"address": "redis://:p%40ss@a:7000/0", "socket_timeout": None}]
    assert config["other_addresses"] == ["redis://:p%40ss@b:6379/0", "redis://:p%40ss@[::1]:7002/0"]


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("localhost:6379", "begins with none of"), ("http://a", "begins with none of"), ("redis+sentinel://a,b", "names the master"),
        ("redis+sentinel://a/main/x", "names the master"), ("redis+sentinel://a:b/main", "no host"), ("redis+sentinel:///main", "no host"),
        ("redis+sentinel://a/main?ssl=1", "sentinel_password"), ("redis+cluster://a,/0", "no host"),
        ("redis+cluster://a/1", "no databases"),
    ],
)  # fmt: skip
def test_what_is_no_address(url: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        RedisAddress.parse(url)
