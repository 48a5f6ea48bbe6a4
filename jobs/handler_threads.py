"""A thread for each call: one that never returns keeps no other from starting, and no process from ending."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class HandlerThreads(Executor):
    """Runs plain handlers, and the plain functions that handlers call `once`."""

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        """Begin the call in a thread of its own."""
        future: Future[T] = Future()
        Thread(target=_call, args=(future, partial(function, *args, **kwargs)), name="handler", daemon=True).start()
        return future


def _call(future: "Future[T]", function: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
