"""Which job keeps the event loop from going on: asked by a thread, because the loop cannot answer then."""

import asyncio
import weakref
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

current_job: ContextVar[str | None] = ContextVar("current_job", default=None)
"""The job that the code which asks runs for; the tasks that a handler starts inherit it."""

_jobs_of_tasks: "weakref.WeakKeyDictionary[asyncio.Task[Any], str]" = weakref.WeakKeyDictionary()


def remember_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Note from now on for which job each task of the loop was started."""
    loop.set_task_factory(_make_task)


def blocking_job(loop: asyncio.AbstractEventLoop) -> str | None:
    """Return the job whose task the loop is in at this moment, None when it is in none."""
    task = asyncio.current_task(loop)
    return None if task is None else _jobs_of_tasks.get(task)


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: "Coroutine[Any, Any, T] | Generator[Any, None, T]", **options: Any
) -> "asyncio.Task[T]":
    task = asyncio.Task(coroutine, loop=loop, **options)
    if job_id := current_job.get():
        _jobs_of_tasks[task] = job_id
    return task
