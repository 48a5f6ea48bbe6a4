"""Waiting for a condition, never for a time."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 30
"""A test that waits longer has failed; on a good day nothing waits a twentieth of it, and a machine can be much slower than that."""


def wait_until(condition: Callable[[], T | None], *, seconds: float = PATIENCE_SECONDS, what: str = "") -> T:
    """Return the first true value of `condition()`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}; last: {value!r}")
        time.sleep(0.01)
    return value


async def until(condition: Callable[[], Any], *, seconds: float = PATIENCE_SECONDS, what: str = "") -> Any:
    """Return the first true value of `condition()`, which may be a coroutine function; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}; last: {value!r}")
        await asyncio.sleep(0.01)


def answers_on(port: int) -> bool:
    """Tell whether something listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
