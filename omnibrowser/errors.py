"""Errors outside of the API's views: a problem for programs, a page for people."""

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from jobs.api.problems import problem_response


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that leads nowhere."""
    if request.path.startswith("/api/"):
        return problem_response(404, "not_found", "There is nothing at this path.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something broke; the log says what."""
    if request.path.startswith("/api/"):
        return problem_response(500, "server_error", "Something broke here; it is in the log.")
    return defaults.server_error(request)
