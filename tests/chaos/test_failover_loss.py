"""A failover that loses what came last. FAULTS F7."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.fleet import IN_URL, Server
from tests.proxy import Proxy
from tests.streams import streams_on
from tests.waiting import until


async def lose_what_came_last(tmp_path: Path, request: pytest.FixtureRequest, *, without: str = "") -> None:
    """The replica is behind when it becomes the master: positions that it never had are not used for anything else."""
    master, replica = Server(tmp_path), Server(tmp_path)
    for server in (master, replica):
        request.addfinalizer(server.kill)
    with Proxy("127.0.0.1", master.port) as replication, Proxy("127.0.0.1", master.port) as link:
        await asyncio.to_thread(replica.follow_at, replication.port)
        async with streams_on(f"redis://:{IN_URL}@127.0.0.1:{link.port}/0", SABOTAGE=without) as streams:
            replication.blackhole()
            had = last_entries(replica)
            await until(lambda: ahead(last_entries(master), had) >= 5)
            replica.client.replicaof("NO", "ONE")
            link.turn_to(replica.port)
            assert await streams.end() < 5
            await until(lambda: last_entries(replica) != had)
            assert {viewer.connections for viewer in streams.viewers} == {1}


async def test_a_failover_that_loses_what_came_last(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    await lose_what_came_last(tmp_path, request)


async def test_numbers_that_the_log_gives_are_given_twice(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with pytest.raises(AssertionError, match=r"offset|text"):
        await lose_what_came_last(tmp_path, request, without="numbering,fit")


def last_entries(server: Server) -> dict[str, Any]:
    return {key: server.client.xrevrange(key, count=1)[0][0] for key in server.client.scan_iter("job:event:*")}


def ahead(now: dict[str, Any], then: dict[str, Any]) -> int:
    """Return by how many events the job is ahead that is least ahead."""
    return min(int(entry.split("-")[1]) - int(then.get(key, "1-0").split("-")[1]) for key, entry in now.items())
