"""The worker's side: which executors there are, and how an attempt is handed to one."""

import importlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from jobs.conf import settings
from jobs.engines.call import Ended, call
from jobs.engines.grant import Grant
from jobs.engines.remote_run import Assignment, RemoteRun
from jobs.errors import EngineLost, JobFailed, JobStopped
from jobs.handlers.registry import Handler
from jobs.models import Job

log = logging.getLogger(__name__)

_executors: dict[str, Executor] = {}
_lock = threading.Lock()


def submit(handler: Handler, job: Job) -> "Future[Ended]":
    """Hand the attempt to the handler's executor. Called in a thread: to make an executor may take long. Raises EngineLost."""
    assert handler.executor is not None, "only such handlers come here"
    assignment = Assignment(
        server=settings.server_url, grant=Grant(str(job.worker_id), job.pk, job.attempt).sign(), job_id=job.pk, attempt=job.attempt,
        query=job.query, input=job.input, checkpoint_data=(job.checkpoint or {}).get("data"), seq=job.seq, text_length=job.text_length,
    )  # fmt: skip
    name = f"{handler.function.__module__}:{handler.function.__qualname__}"
    executor = _executor(handler.executor)
    try:
        return executor.submit(call, django_settings.SETTINGS_MODULE, name, RemoteRun(assignment))
    except BrokenExecutor as error:
        forget(handler.executor, executor)
        raise EngineLost from error


def result_of(ended: Ended) -> Any:
    """Return what the function returned. Raises JobFailed and JobStopped as it did."""
    if ended.failed is not None:
        raise JobFailed(*ended.failed)
    if ended.stopped is not None:
        raise JobStopped(ended.stopped)
    return ended.result


def forget(factory: str, executor: Executor | None = None) -> None:
    """Let go of a broken executor: the next job has a new one made."""
    with _lock:
        if executor is None or _executors.get(factory) is executor:
            broken = _executors.pop(factory, None)
            if broken is not None:
                broken.shutdown(wait=False, cancel_futures=True)


def _executor(factory: str) -> Executor:
    """Return the executor that a `module:factory` makes, once in a process."""
    with _lock:
        if factory not in _executors:
            _executors[factory] = load(factory)()
            log.info("handlers run in %s of %s", type(_executors[factory]).__name__, factory)
        return _executors[factory]


def load(factory: str) -> Callable[[], Executor]:
    """Return the function that `module:factory` names. Raises ImproperlyConfigured."""
    module, _, name = factory.partition(":")
    try:
        made: Callable[[], Executor] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ImproperlyConfigured(f"executor={factory!r} names no function: {error}") from error
    return made
