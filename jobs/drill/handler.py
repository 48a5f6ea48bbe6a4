"""The handler of drill jobs. Anybody may create one, and it only writes; to kill its process it needs a permit of `manage.py drill`."""

import asyncio
import logging
import os
import signal
from dataclasses import asdict
from typing import Any

from django.core import signing

from jobs.drill.pieces import Start, piece
from jobs.errors import JobFailed
from jobs.handlers import job_handler
from jobs.run import JobRun

log = logging.getLogger(__name__)

TYPE = "drill"
PIECES_LIMIT = 1000
LONGEST_PAUSE_SECONDS = 1
CHECKPOINT_EACH = 5
WAIT_SECONDS = 0.1
PERMIT_SECONDS = 600
"""A permit is worth nothing later."""
_signer = signing.TimestampSigner(salt="jobs.drill")


def permit_for(job_id: str) -> str:
    """Return what allows this one job to kill the process that runs it, once: signed with the deployment's SECRET_KEY."""
    return _signer.sign(job_id)


@job_handler(TYPE, steps=("Writing", "Waiting", "Ending"), timeout_seconds=300)
async def drill(run: JobRun) -> dict[str, Any]:
    """Write `pieces` pieces, one each `seconds`, with a checkpoint now and then.

    Before the last fifth it waits until the job is at attempt `attempts`, so that it is there when its fault comes.
    """
    pieces, pause, attempts = _input(run)
    saved = run.checkpoint_data or {"next": 0, "starts": []}
    starts = [*saved["starts"], asdict(Start(attempt=run.attempt, index=saved["next"]))]
    await run.progress(step="Writing")
    for index in range(saved["next"], pieces):
        if index == pieces // 2:
            await _die_if_permitted(run)
        if index == pieces * 4 // 5:
            await _wait_for_attempt(run, attempts)
        await run.write(piece(index, run.attempt))
        await run.progress(100 * (index + 1) / pieces)
        if index % CHECKPOINT_EACH == CHECKPOINT_EACH - 1:
            await run.checkpoint({"next": index + 1, "starts": starts})
        await asyncio.sleep(pause)
    return {"pieces": pieces, "starts": starts}


async def _die_if_permitted(run: JobRun) -> None:
    """End this process as the kernel does when memory is short; the attempt that comes after finds that this was done."""
    try:
        permitted = _signer.unsign(str(run.input.get("permit", "")), max_age=PERMIT_SECONDS) == run.job_id
    except signing.BadSignature:
        permitted = False
    if permitted and await run.once("death", lambda: run.attempt) == run.attempt:
        log.warning("a drill kills this worker process: job %s, attempt %s", run.job_id, run.attempt)
        os.kill(os.getpid(), signal.SIGKILL)


async def _wait_for_attempt(run: JobRun, attempts: int) -> None:
    waits = 0
    while run.attempt < attempts:
        waits += 1
        await run.progress(step="Waiting", message=f"Waits to be run again ({waits}).")
        await asyncio.sleep(WAIT_SECONDS)
    await run.progress(step="Ending")


def _input(run: JobRun) -> tuple[int, float, int]:
    """Return the number of pieces, the seconds between them, and the attempt to wait for. Raises JobFailed for what makes no sense."""
    pieces, seconds, attempts = (run.input.get(name, default) for name, default in (("pieces", 50), ("seconds", 0.05), ("attempts", 1)))
    if not (type(pieces) is int and 1 <= pieces <= PIECES_LIMIT and type(attempts) is int):
        raise JobFailed("bad_input", f"pieces is 1 to {PIECES_LIMIT}, attempts a number.")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST_PAUSE_SECONDS:
        raise JobFailed("bad_input", f"seconds is 0 to {LONGEST_PAUSE_SECONDS}.")
    return pieces, seconds, attempts
