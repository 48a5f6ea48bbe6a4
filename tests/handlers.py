"""Handlers that tests run: each does one thing, as its `input` says. Registered through JOB_HANDLERS."""

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Any

from jobs.errors import JobFailed
from jobs.handlers import job_handler
from jobs.run import BlockingJobRun, JobRun, publish_job_progress


@job_handler("test.stream", steps=("Analyzing", "Generating"))
async def stream(run: JobRun) -> dict[str, Any]:
    """Write `chunks` chunks, the i-th of attempt a being `[jobId:a:i]`, one each `seconds`."""
    chunks, pause = run.input.get("chunks", 5), run.input.get("seconds", 0)
    await run.progress(0, step="Analyzing")
    for index in range(chunks):
        await run.write(f"[{run.job_id}:{run.attempt}:{index}{run.input.get('pad', '')}]")
        await run.progress(100 * (index + 1) / chunks, step="Generating")
        await asyncio.sleep(pause)
    return {"chunks": chunks}


@job_handler("test.blocking")
def blocking(run: BlockingJobRun) -> str:
    """Write `chunks` chunks from a plain function, sleeping `seconds` after each without giving way."""
    for index in range(run.input.get("chunks", 3)):
        run.write(f"[{run.job_id}:{run.attempt}:{index}]")
        time.sleep(run.input.get("seconds", 0))
    return "done"


@job_handler("test.wait")
async def wait(run: JobRun) -> None:
    """Wait until stopped."""
    await run.write("waiting")
    while True:
        await run.progress()
        await asyncio.sleep(0.02)


@job_handler("test.fail")
async def fail(run: JobRun) -> None:
    """Fail for good with the code and the message of the input."""
    raise JobFailed(run.input.get("code", "broken"), run.input.get("message", "It is broken."))


@job_handler("test.raise", max_attempts=2)
async def raise_error(run: JobRun) -> None:
    """Raise what is no JobFailed."""
    raise RuntimeError(run.input.get("message", "boom"))


@job_handler("test.echo")
async def echo(run: JobRun) -> Any:
    """Return the input's `value`; write its `text`."""
    if "text" in run.input:
        await run.write(run.input["text"])
    return run.input.get("value")


@job_handler("test.exit")
async def exit_process(run: JobRun) -> None:
    """Kill the process that runs it."""
    await run.write("going")
    os._exit(9)


@job_handler("test.saving")
async def saving(run: JobRun) -> Any:
    """Write four chunks `[i:attempt]` with a checkpoint after each; the first attempt ends by an error at `interrupt_at`."""

    async def ask() -> list[Any]:
        return [run.attempt, "async"]

    answers = [await run.once("plain", lambda: (run.attempt, "plain")), await run.once("async", ask)]
    for index in range(run.checkpoint_data["next"] if run.checkpoint_data else 0, 4):
        await run.write(f"[{index}:{run.attempt}]")
        if run.attempt == 1 and index == run.input["interrupt_at"]:
            raise RuntimeError("interrupted by itself")
        await run.checkpoint({"next": index + 1})
    return {"answers": answers}


@job_handler("test.saving_blocking")
def saving_blocking(run: BlockingJobRun) -> Any:
    """Do what test.saving does, from a plain function."""
    answers = [run.once("plain", lambda: (run.attempt, "plain"))]
    for index in range(run.checkpoint_data["next"] if run.checkpoint_data else 0, 4):
        run.write(f"[{index}:{run.attempt}]")
        if run.attempt == 1 and index == run.input["interrupt_at"]:
            raise RuntimeError("interrupted by itself")
        run.checkpoint({"next": index + 1})
    return {"answers": answers}


@job_handler("test.report")
async def report(run: JobRun) -> None:
    """Report from code that is not given the run, on the loop and in a thread."""

    def deep_inside(step: str, percent: float) -> None:
        publish_job_progress(run.job_id, run.input["user_id"], "running", step, percent)

    deep_inside("Near", 30)
    await asyncio.to_thread(deep_inside, "Far", 60)


@job_handler("test.until")
async def until(run: JobRun) -> dict[str, Any]:
    """Write the chunks that test.stream writes, one each 50 ms, until the file `until` is there."""
    index = 0
    while not Path(run.input["until"]).exists():
        await run.write(f"[{run.job_id}:{run.attempt}:{index}]")
        index += 1
        await asyncio.sleep(0.05)
    return {"chunks": index}


@job_handler("test.noting")
async def noting(run: JobRun) -> dict[str, Any]:
    """Write what test.until writes, and note in the file `notes` when each chunk of which attempt was taken, by the machine's clock."""
    index = 0
    while not Path(run.input["until"]).exists():
        await run.write(f"[{run.job_id}:{run.attempt}:{index}]")
        with Path(run.input["notes"]).open("a") as notes:
            notes.write(f"{run.attempt} {time.monotonic()}\n")
        index += 1
        await asyncio.sleep(0.05)
    return {"chunks": index}


@job_handler("test.logging")
async def log_lines(run: JobRun) -> None:
    """Log, and have a thread log, by the standard library."""
    logging.getLogger(__name__).warning("in the handler")
    await run.once("thread", logging.getLogger(__name__).warning, "in a thread of the handler")


@job_handler("test.tracing")
def trace_inside(run: BlockingJobRun) -> None:
    """Make a span, as a library would that knows nothing of jobs."""
    from opentelemetry import trace

    with trace.get_tracer(__name__).start_as_current_span("inside the handler"):
        run.progress(50)


@job_handler("test.logging_blocking")
def log_lines_blocking(run: BlockingJobRun) -> None:
    """Do what test.logging does, from a plain function."""
    logging.getLogger(__name__).warning("in the handler")
    run.once("thread", logging.getLogger(__name__).warning, "in a thread of the handler")


@job_handler("test.three", concurrency=3)
async def three_at_once(run: JobRun) -> None:
    """Do nothing; three at once."""


@job_handler("test.one_each", concurrency_per_user=1)
async def one_for_each_user(run: JobRun) -> None:
    """Do nothing; one at once for each user."""
