"""Handlers on a Dask cluster whose workers are killed while they work."""

import asyncio
from typing import Any

from distributed import LocalCluster

from tests.owner import Owner
from tests.processes import Site
from tests.viewers import Viewer, agree


async def test_on_dask_a_task_that_is_begun_again_is_refused_and_the_next_attempt_goes_on() -> None:
    def cluster() -> Any:
        untyped: Any = LocalCluster
        return untyped(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1")

    with Site(JOB_HANDLERS="tests.engines") as site, await asyncio.to_thread(cluster) as dask:
        site.serve()
        owner = Owner(site)
        site.worker("--types", "engine.dask", SERVER_URL=site.url, DASK_SCHEDULER=dask.scheduler_address)
        owner.create("dask", "engine.dask", kill_at=1)
        viewer = Viewer([site.socket_url], owner.token, "dask")
        await viewer.watch()
        row = owner.job("dask")
        assert (row["state"], row["attempt"], row["streamingText"]) == ("completed", 2, "[0:1][1:2][2:2][3:2]")
        assert owner.reasons("dask") == ["worker_lost", ""]
        agree([viewer], {"dask": row})
