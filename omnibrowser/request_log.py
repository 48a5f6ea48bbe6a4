"""Each request has an id, which its log lines carry and its answer tells; and a line that says what became of it."""

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from structlog.contextvars import bind_contextvars, clear_contextvars

from realtime import tracing

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
QUIET_PATHS = ("/health", "/metrics", "/static/")
"""Asked for all day long: told only to those who look at everything."""
PATH_LIMIT = 200

_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@sync_and_async_middleware
def request_log(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Answer]:
    """Bind the request's id for all that is logged until its answer has been sent, a stream included."""
    if iscoroutinefunction(get_response):

        async def log_async(request: HttpRequest) -> HttpResponseBase:
            began, request_id = time.monotonic(), _begin(request)
            return _finish(request, await get_response(request), began, request_id)

        return log_async

    def log_sync(request: HttpRequest) -> HttpResponseBase:
        began, request_id = time.monotonic(), _begin(request)
        return _finish(request, get_response(request), began, request_id)

    return log_sync


def _begin(request: HttpRequest) -> str:
    """Bind an id: the one that a proxy in front gave, when it looks like one, else a new one."""
    given = request.headers.get(HEADER, "")
    request_id = given if _SANE.fullmatch(given) else uuid.uuid4().hex
    clear_contextvars()
    bind_contextvars(request_id=request_id)
    tracing.adopt(request.headers)
    return request_id


def _finish(request: HttpRequest, response: HttpResponseBase, began: float, request_id: str) -> HttpResponseBase:
    # Where somebody was looked up already, so that no line costs a query.
    user = request.__dict__.get("_cached_user") or request.__dict__.get("_acached_user")
    if user is not None and user.pk is not None:
        bind_contextvars(user_id=user.pk)
    response.headers[HEADER] = request_id
    quiet = request.path.startswith(QUIET_PATHS) and response.status_code < 400
    level = logging.DEBUG if quiet else logging.WARNING if response.status_code >= 500 else logging.INFO
    told = {
        "method": request.method,
        "path": request.path[:PATH_LIMIT],
        "status": response.status_code,
        "milliseconds": round((time.monotonic() - began) * 1000, 1),
    }
    log.log(level, "answered", extra=told)
    return response
