"""Handlers that run in other engines, and the engines. Registered through JOB_HANDLERS."""

import os
import signal
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from jobs.engines.remote_run import RemoteRun
from jobs.errors import JobFailed
from jobs.handlers import job_handler


def pool() -> Executor:
    """Return two processes."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def dask() -> Executor:
    """Return the cluster whose scheduler DASK_SCHEDULER names."""
    from distributed import Client

    untyped: Any = Client
    executor: Executor = untyped(os.environ["DASK_SCHEDULER"]).get_executor()
    return executor


def save_each(run: RemoteRun) -> dict[str, Any]:
    """Write four chunks `[i:attempt]` with a checkpoint after each; the first attempt is killed at `kill_at`."""
    run.progress(0, step="Writing")
    for index in range((run.checkpoint_data or {"next": 0})["next"], 4):
        run.write(f"[{index}:{run.attempt}]")
        if run.attempt == 1 and index == run.input.get("kill_at"):
            run.write("not saved")
            run.finish()  # it has been reported, and is to be cut
            os.kill(os.getpid(), signal.SIGKILL)
        run.progress(25 * (index + 1))
        run.checkpoint({"next": index + 1})
    return {"process": os.getpid(), "attempt": run.attempt}


@job_handler("engine.pool", executor="tests.engines:pool")
def in_pool(run: RemoteRun) -> dict[str, Any]:
    """Do it in a process pool."""
    return save_each(run)


@job_handler("engine.dask", executor="tests.engines:dask")
def in_dask(run: RemoteRun) -> dict[str, Any]:
    """Do it on Dask."""
    return save_each(run)


@job_handler("engine.fail", executor="tests.engines:pool")
def fail(run: RemoteRun) -> None:
    """Fail for good."""
    raise JobFailed("broken", "It is broken.")


@job_handler("engine.wait", executor="tests.engines:pool")
def wait(run: RemoteRun) -> None:
    """Compute without a word until it is to end."""
    run.write("waiting")
    while not run.stopping:
        time.sleep(0.02)
    run.write("never seen")
