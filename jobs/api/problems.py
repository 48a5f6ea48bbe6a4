"""Errors as RFC 9457 problems: `application/problem+json` with `type title status detail code`, and `errors` by field."""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from jobs.errors import CommandConflict, Fenced, Gap, JobExists, JobForbidden, JobNotFound, QuotaReached
from realtime.errors import SignInUnavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
QUOTA_RETRY_SECONDS = 60


def problem(status: int, code: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return a problem's members; `code` is stable and for programs, `detail` for people."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code, **more}


def problem_response(status: int, code: str, detail: str) -> JsonResponse:
    """Return a problem from outside of the API's views."""
    return JsonResponse(problem(status, code, detail), status=status, content_type=MEDIA_TYPE)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a view into a problem; None for what is a bug, so that it is a 500 and in the log."""
    described = _describe(error)
    if described is None:
        return None
    status, code, detail, more, headers = described
    set_rollback()
    return Response(problem(status, code, detail, **more), status=status, headers=headers, content_type=MEDIA_TYPE)


def _describe(error: Exception) -> tuple[int, str, str, dict[str, Any], dict[str, str]] | None:
    match error:
        case JobNotFound() | Http404():
            return 404, "not_found", "There is no such job.", {}, {}
        case JobForbidden():
            return 403, "forbidden", str(error), {}, {}
        case CommandConflict():
            return 409, "conflict", str(error), {"state": error.state}, {}
        case Fenced():
            return 409, "fenced", str(error), {"reason": error.reason}, {}
        case Gap():
            return 409, "gap", str(error), {"position": error.position, "textLength": error.text_length}, {}
        case QuotaReached():
            return 429, "quota", str(error), {}, {"Retry-After": str(QUOTA_RETRY_SECONDS)}
        case JobExists():
            return 409, "job_exists", str(error), {}, {}
        case PermissionDenied():
            return 403, "permission_denied", "You may not do this.", {}, {}
        case exceptions.ValidationError():
            return 400, "invalid", "Some fields are not right, see errors.", {"errors": field_errors(error.detail)}, {}
        case exceptions.APIException():
            detail = error.detail
            text = str(detail.get("detail", error.default_detail) if isinstance(detail, dict) else detail)
            return error.status_code, _code(error), text, {}, _headers(error)
        case SignInUnavailable():
            return 503, "unavailable", str(error), {}, {"Retry-After": str(RETRY_AFTER_SECONDS)}
        case OperationalError() | InterfaceError():
            log.warning("the database does not answer: %s; see docs/troubleshooting.md#database-not-reached", error)
            return 503, "unavailable", "The database does not answer, try again.", {}, {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return None


def _code(error: exceptions.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def field_errors(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Return the messages by the path of their field, as `input.wordsPerSecond`."""
    if isinstance(detail, dict):
        found: dict[str, list[str]] = {}
        for key, value in detail.items():
            found.update(field_errors(value, f"{path}.{key}" if path else str(key)))
        return found
    messages = detail if isinstance(detail, list) else [detail]
    return {path or "body": [str(message) for message in messages]}
