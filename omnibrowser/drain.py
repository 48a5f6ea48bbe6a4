"""A server that is about to end: `/health` says so first, so that nobody new is sent here, then its readers leave by and by."""

from jobs.source import JobSource
from omnibrowser import health
from realtime.hub import hub_of_this_loop


async def drain(grace_seconds: float) -> None:
    """Answer 503 to probes and send the readers away within `grace_seconds`."""
    health.begin_drain()
    await hub_of_this_loop(JobSource()).drain(grace_seconds)
