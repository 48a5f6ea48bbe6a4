"""Which handler runs which type of job."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import autodiscover_modules

from jobs.conf import settings
from jobs.events import MAX_STEPS, STEP_NAME_LIMIT

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Handler:
    """The code that runs jobs of one type, with the defaults of its jobs."""

    type: str
    function: Callable[..., Any]
    steps: tuple[str, ...]
    max_attempts: int
    timeout_seconds: float
    stall_seconds: float | None = None
    """An attempt that reports nothing for so long has timed out; None lets it."""
    concurrency: int | None = None
    """At most so many jobs of the type run at once, in all processes together."""
    concurrency_per_user: int | None = None
    """At most so many of one user."""
    executor: str | None = None
    """The `module:factory` of the executor that the function runs in; None for the worker's own process."""

    @property
    def is_async(self) -> bool:
        """Whether the function is `async def`; a plain `def` runs in a thread."""
        return inspect.iscoroutinefunction(self.function)


_handlers: dict[str, Handler] = {}
_discovered = False


def job_handler(
    type: str,
    *,
    steps: tuple[str, ...] = (),
    max_attempts: int = 3,
    timeout_seconds: float = 600,
    stall_seconds: float | None = None,
    concurrency: int | None = None,
    concurrency_per_user: int | None = None,
    executor: str | None = None,
) -> Callable[[Function], Function]:
    """Register the decorated function as the handler of jobs of `type`.

    `steps` are the names that a viewer sees as pending before the run reaches them, `max_attempts` bounds the errors
    and timeouts of a job, `timeout_seconds` is the longest that one attempt may take, `stall_seconds` the longest that it
    may go without a call of `run`, `concurrency` the most jobs of the type that run at once in all processes together, and
    `concurrency_per_user` the most of one user. `executor` is a `module:factory` that returns a `concurrent.futures.Executor`,
    in which the function, a plain one of a module, is called with a RemoteRun. Raises ImproperlyConfigured when another
    function has the type already, or when a value makes no sense.
    """
    if not type or len(type) > 64:
        raise ImproperlyConfigured(f"A job type has 1 to 64 characters: {type!r}.")
    if len(steps) > MAX_STEPS or any(not name or len(name) > STEP_NAME_LIMIT for name in steps):
        raise ImproperlyConfigured(f"{type}: at most {MAX_STEPS} steps, each of 1 to {STEP_NAME_LIMIT} characters.")
    if any(most is not None and most < 1 for most in (concurrency, concurrency_per_user)):
        raise ImproperlyConfigured(f"{type}: concurrency and concurrency_per_user are at least 1.")
    if len(set(steps)) != len(steps):
        raise ImproperlyConfigured(f"{type}: two steps have the same name.")
    if max_attempts < 1 or timeout_seconds <= 0 or (stall_seconds is not None and stall_seconds <= 0):
        raise ImproperlyConfigured(f"{type}: max_attempts is at least 1, timeout_seconds and stall_seconds above 0.")

    def register(function: Function) -> Function:
        if executor is not None:
            _check_executor(type, executor, function)
        known = _handlers.get(type)
        if known and (known.function.__module__, known.function.__qualname__) != (function.__module__, function.__qualname__):
            raise ImproperlyConfigured(
                f"Two handlers for type {type!r}: {known.function.__module__}.{known.function.__qualname__} "
                f"and {function.__module__}.{function.__qualname__}."
            )
        _handlers[type] = Handler(
            type=type,
            function=function,
            steps=tuple(steps),
            max_attempts=max_attempts,
            timeout_seconds=timeout_seconds,
            stall_seconds=stall_seconds,
            concurrency=concurrency,
            concurrency_per_user=concurrency_per_user,
            executor=executor,
        )
        return function

    return register


def _check_executor(type: str, executor: str, function: Callable[..., Any]) -> None:
    if not all(part.replace(".", "_").isidentifier() for part in executor.split(":")) or executor.count(":") != 1:
        raise ImproperlyConfigured(f"{type}: executor is a function's name, as 'reports.engines:pool', not {executor!r}.")
    if inspect.iscoroutinefunction(function) or "." in function.__qualname__:
        raise ImproperlyConfigured(f"{type}: an executor calls a plain function of a module, which other processes can import.")


def discover() -> None:
    """Import every installed app's `job_handlers.py` and the modules named by `JOB_HANDLERS`, once."""
    global _discovered
    if _discovered:
        return
    autodiscover_modules("job_handlers")
    for name in settings.handler_modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name and not name.startswith(f"{error.name}."):
                raise
            raise ImproperlyConfigured(f"JOB_HANDLERS names {name!r}, and there is no such module.") from error
    _discovered = True


def find(type: str) -> Handler | None:
    """Return the handler of jobs of `type`, or None."""
    discover()
    return _handlers.get(type)


def types() -> list[str]:
    """Return the types that have a handler, sorted."""
    discover()
    return sorted(_handlers)
