"""The handler that the soak runs: what it writes says which job, attempt and index it is from, so that a checker needs no oracle."""

import asyncio
import os
from pathlib import Path
from typing import Any

from jobs.handlers import job_handler
from jobs.run import JobRun

CHECKPOINT_EACH = 8
ACKED_PATH = Path(os.environ.get("STATE_DIR", ".")) / "acked.log"
"""Where handlers say what they were told is durable: a line `jobId attempt chunks` for each checkpoint."""


@job_handler("chaos.stream", steps=("Writing",), max_attempts=1000)
async def stream(run: JobRun) -> dict[str, Any]:
    """Write `chunks` chunks `[jobId:attempt:index]`, one each `seconds`, with a checkpoint now and then.

    Each attempt begins with one: a job that is killed again before its first chunks would be suspected, and run alone in a process.
    """
    chunks, pause = run.input["chunks"], run.input["seconds"]
    begin = run.checkpoint_data["next"] if run.checkpoint_data else 0
    await run.checkpoint({"next": begin})
    await run.progress(0, step="Writing")
    for index in range(begin, chunks):
        await run.write(f"[{run.job_id}:{run.attempt}:{index}]")
        await run.progress(100 * (index + 1) / chunks)
        if index % CHECKPOINT_EACH == CHECKPOINT_EACH - 1:
            await run.checkpoint({"next": index + 1})
            _note(f"{run.job_id} {run.attempt} {index + 1}\n")
        await asyncio.sleep(pause)
    return {"chunks": chunks}


def _note(line: str) -> None:
    """Append a line in one call, so that those of other processes do not get into it, and a kill leaves none by half."""
    file = os.open(ACKED_PATH, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
