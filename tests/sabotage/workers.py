"""What keeps a job going, and its worker honest."""

from typing import Any, cast

from tests.sabotage.mechanisms import mechanism, put


@mechanism
def isolation() -> None:
    """Suspects run beside others."""
    from jobs import transitions

    claim = transitions.claim

    def claim_all(*arguments: Any, suspects: bool | None = None, **options: Any) -> Any:
        return claim(*arguments, **options)

    put(transitions, claim=claim_all)


@mechanism
def release() -> None:
    """Nobody puts back what a dead process ran."""
    put("jobs.worker_process", _release=lambda dead: None)


@mechanism
def budget_of_kills() -> None:
    """A job may kill as many workers as it likes."""
    put("jobs.transitions.requeue", KILLS_LIMIT=1000)


@mechanism
def pulse() -> None:
    """A process whose loop stands still is left alone."""
    for module in ("jobs.supervisor", "jobs.worker_process"):
        put(module, BLOCKED_LEASES=10**6)


@mechanism
def patience() -> None:
    """Nobody looks at how long a handler takes."""
    from jobs.patience import Patience

    put(Patience, _overdue=lambda self: None)


@mechanism
def grace() -> None:
    """Who is asked to end waits for nobody."""
    import asyncio

    from jobs.worker import JobWorker

    async def go_on(self: JobWorker, ended: "asyncio.Task[bool]", seconds: float) -> None:
        """Wait for nothing."""

    put(JobWorker, _wait_for_ends=go_on)


@mechanism
def splitting() -> None:
    """A text is one event, however long it is."""
    put("jobs.recorder", pieces=lambda text: [text])


@mechanism
def self_fence() -> None:
    """A worker whose lease could not be renewed goes on."""
    from jobs.flusher import Flusher

    put(Flusher, _stop_expired=lambda self: None)


@mechanism
def own_connection() -> None:
    """The heartbeat keeps no connection for itself."""
    from django.db import connection

    from jobs.flusher import Flusher

    flush_once = Flusher.flush_once

    def flush_and_close(self: Flusher) -> None:
        try:
            flush_once(self)
        finally:
            connection.close()
            cast(Any, connection).close_pool()

    put(Flusher, flush_once=flush_and_close)


@mechanism
def own_thread() -> None:
    """The heartbeat waits behind Redis."""
    import redis

    from jobs.flusher import Flusher
    from realtime.conf import settings

    flush_once, waiting = Flusher.flush_once, redis.Redis.from_url(settings.redis_url, socket_timeout=60)

    def flush_behind(self: Flusher) -> None:
        waiting.set("heartbeat", b"", ex=60)
        flush_once(self)

    put(Flusher, flush_once=flush_behind)


@mechanism
def reconnection() -> None:
    """The heartbeat keeps the connection that it has lost."""

    class Kept:
        """The thread's connection, which nobody closes."""

        def close(self) -> None:
            """Do nothing."""

    put("jobs.flusher", connection=Kept())
