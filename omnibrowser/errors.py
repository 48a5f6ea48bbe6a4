"""Errors outside of the API's views: a problem for programs, a page for people."""

import json
import sys
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.decorators import sync_and_async_middleware
from django.views import defaults

from jobs.api.problems import MEDIA_TYPE, RETRY_AFTER_SECONDS, problem, problem_response

CODES = {400: "bad_request", 403: "permission_denied", 404: "not_found", 405: "method_not_allowed"}
FOR_PROGRAMS = ("/api/", "/health", "/metrics")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what is wrong before any view sees it: a foreign host, a form with too many fields."""
    if _is_for_programs(request):
        return problem_response(400, "bad_request", "The request is not right: its host, its path or its size.")
    return defaults.bad_request(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what one may not do."""
    if _is_for_programs(request):
        return problem_response(403, "permission_denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that leads nowhere."""
    if _is_for_programs(request):
        return problem_response(404, "not_found", "There is nothing at this path.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke, in a view or on the way to it; the log says what."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return _database_away(request)
    if _is_for_programs(request):
        return problem_response(500, "server_error", "Something broke here; it is in the log.")
    return defaults.server_error(request)


def _database_away(request: HttpRequest) -> HttpResponse:
    """Answer while the database does not: that passes, and nothing here is broken."""
    response: HttpResponse
    if _is_for_programs(request):
        response = problem_response(503, "unavailable", "The database does not answer, try again.")
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith(FOR_PROGRAMS) or request.path == "/api"


@sync_and_async_middleware
def problems_for_programs(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Turn what the framework says to programs in HTML, or in no words at all, into problems."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            return _in_their_words(request, await get_response(request))

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _in_their_words(request, get_response(request))

    return answer


def _in_their_words(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    is_text = response.get("Content-Type", "").startswith("text/")
    if status < 400 or not is_text or not isinstance(response, HttpResponse) or not _is_for_programs(request):
        return response
    code = CODES.get(status, "server_error" if status >= 500 else "bad_request")
    response.content = json.dumps(problem(status, code, f"{response.reason_phrase}.")).encode()
    response["Content-Type"] = MEDIA_TYPE
    if "Content-Length" in response:
        response["Content-Length"] = str(len(response.content))
    return response
