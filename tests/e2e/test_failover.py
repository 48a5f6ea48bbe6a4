"""Redis on more machines than one: Sentinels that fail over, and a Cluster."""

import asyncio
from pathlib import Path

import pytest

from tests.fleet import Cluster, Fleet
from tests.streams import seen_by_all, streams_on
from tests.viewers import Viewer, agree


async def test_sentinels_name_another_master_and_everything_goes_on(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    fleet = await asyncio.to_thread(Fleet, tmp_path)
    request.addfinalizer(fleet.stop)
    async with streams_on(fleet.url) as streams:
        first = fleet.master
        first.kill()
        await seen_by_all(streams, True, seconds=5)
        await seen_by_all(streams, False, seconds=10)
        assert fleet.master is not first
        assert await streams.end() < 5
        assert {viewer.connections for viewer in streams.viewers} == {1}
        late = await Viewer([streams.site.socket_url], streams.token, "j0").watch()
        agree([late], await streams.rows())


async def test_a_cluster_and_one_of_its_nodes_away(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    cluster = await asyncio.to_thread(Cluster, tmp_path)
    request.addfinalizer(cluster.stop)
    async with streams_on(cluster.url) as streams:
        assert all(server.client.dbsize() for server in cluster.servers), "the logs are not shared out"
        heard_at = cluster.servers[0]
        await asyncio.to_thread(heard_at.kill)
        await seen_by_all(streams, True, seconds=5)
        heard_at.start()
        await seen_by_all(streams, False, seconds=10)
        assert await streams.end() < 5
        assert {viewer.connections for viewer in streams.viewers} == {1}
