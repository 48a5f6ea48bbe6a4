"""Errors outside of the API's views: a problem for programs, a page for people."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

from jobs.api.problems import RETRY_AFTER_SECONDS, problem_response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that leads nowhere."""
    if request.path.startswith("/api/"):
        return problem_response(404, "not_found", "There is nothing at this path.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke, in a view or on the way to it; the log says what."""
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        return _database_away(request)
    if request.path.startswith("/api/"):
        return problem_response(500, "server_error", "Something broke here; it is in the log.")
    return defaults.server_error(request)


def _database_away(request: HttpRequest) -> HttpResponse:
    """Answer while the database does not: that passes, and nothing here is broken."""
    response: HttpResponse
    if request.path.startswith("/api/"):
        response = problem_response(503, "unavailable", "The database does not answer, try again.")
    else:
        response = HttpResponse(render_to_string("503.html"), status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
