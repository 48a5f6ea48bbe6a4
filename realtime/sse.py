"""A job's events over HTTP: as a stream for `curl -N` and EventSource, on the same feeds and cursors as the socket; or as JSON."""

import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from django.contrib.auth import get_user
from django.db import Error as DatabaseError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from structlog.contextvars import bind_contextvars

from realtime import event_log
from realtime.auth import Identity, identify_bearer
from realtime.conf import settings
from realtime.errors import RedisUnavailable, SignInExpired, SignInRefused, SignInUnavailable
from realtime.hub import Hub, hub_of_this_loop
from realtime.job_stream import JobStream, is_terminal
from realtime.position import Entry, Position, Verdict, judge
from realtime.rates import Rate
from realtime.source import Source
from realtime.throttle import take
from realtime.topics import is_job_id

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]

STREAM = "text/event-stream"


def events_view(source: Source) -> View:
    """Return the view of `GET /api/jobs/{id}/events`."""

    @transaction.non_atomic_requests  # a project may have ATOMIC_REQUESTS, which async views cannot be under
    async def events(request: HttpRequest, job_id: str) -> HttpResponseBase:
        if request.method != "GET":
            return _problem(405, "method_not_allowed", "Events are read with GET.", Allow="GET")
        hub = hub_of_this_loop(source)
        if hub.is_draining:
            return _problem(503, "unavailable", "This server is restarting, try again.", **{"Retry-After": "2"})
        try:
            identity = await hub.in_thread(lambda: _identify(request))
            if identity is None:
                return _problem(401, "not_authenticated", "Sign in first.", **{"WWW-Authenticate": 'Bearer realm="api"'})
            bind_contextvars(user_id=identity.user.pk)
            wait_seconds = await hub.in_thread(lambda: take(f"user:{identity.user.pk}", Rate.parse(settings.api_rate)))
            if wait_seconds:
                return _problem(429, "throttled", "Too many requests: wait a little.", **{"Retry-After": str(int(wait_seconds) + 1)})
            if not is_job_id(job_id) or not await hub.in_thread(lambda: source.may_watch(identity.user, job_id)):
                return _problem(404, "not_found", "There is no such job.")
            if STREAM in request.headers.get("Accept", ""):
                return await _stream(request, hub, identity, job_id)
            return await _list(request, hub, job_id)
        except (SignInExpired, SignInRefused):
            return _problem(401, "token_invalid", "The access token is not valid any more.", **{"WWW-Authenticate": 'Bearer realm="api"'})
        except SignInUnavailable as error:
            return _problem(503, "unavailable", str(error), **{"Retry-After": "10"})
        except DatabaseError:
            return _problem(503, "unavailable", "The database does not answer, try again.", **{"Retry-After": "2"})

    return events


def _identify(request: HttpRequest) -> Identity | None:
    """Return who asks: the holder of an access token, a share token or a session here. Raises SignInExpired and SignInRefused."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return identify_bearer(token.strip())
    user = get_user(request)
    if not user.is_authenticated:
        return None
    return Identity(user, int(request.session.get_expiry_date().timestamp() * 1000), request.session.session_key)


async def _stream(request: HttpRequest, hub: Hub, identity: Identity, job_id: str) -> HttpResponseBase:
    stream = JobStream(hub, identity)
    if not stream.take_place():
        return _problem(429, "too_many", f"A user has at most {settings.sockets_per_user} sockets and streams.", **{"Retry-After": "5"})
    if not await stream.open(job_id, _parsed(request.headers.get("Last-Event-ID"))):
        return _problem(404, "not_found", "There is no such job.")
    if stream.is_at_its_end:
        stream.close()
        return HttpResponse(status=204)
    response = StreamingHttpResponse(stream, content_type=STREAM)
    response["Cache-Control"] = "no-cache, no-transform"
    response["X-Accel-Buffering"] = "no"
    return response


def _parsed(text: str | None) -> Position | None:
    """Return the position of a Last-Event-ID; what is none is as none: a snapshot comes first then."""
    try:
        return Position.parse(text)
    except ValueError:
        return None


async def _list(request: HttpRequest, hub: Hub, job_id: str) -> HttpResponse:
    """Return the events after a position, all or none."""
    try:
        after = Position.parse(request.GET.get("after", "0-0"))
    except ValueError as error:
        return _problem(400, "invalid", f"after: {error}")

    def read() -> tuple[Position | None, list[Entry]]:
        row = hub.source.positions([job_id]).get(job_id)
        return row[0] if row else None, event_log.read_after([(job_id, after)])[0]

    try:
        row, entries = await hub.in_thread(read)
    except RedisUnavailable:
        return _problem(503, "unavailable", "The event log does not answer, try again.", **{"Retry-After": "2"})
    if row is None:
        return _problem(404, "not_found", "There is no such job.")
    events = [json.loads(entry.json) for entry in entries]
    position = _unbroken(after, events)
    if position is None or (position < row and after < row):
        return _problem(410, "gone", "The event log does not reach back that far: read the job, and go on from its position.")
    ends = is_terminal(events[-1]) if events else await hub.in_thread(lambda: _is_over(hub.source, job_id, after))
    return JsonResponse({"position": str(position), "events": events, "complete": ends}, headers={"Cache-Control": "no-store"})


def _unbroken(after: Position, events: list[dict[str, Any]]) -> Position | None:
    """Return where the events lead from `after`, None when one leaves a gap."""
    position = after
    for event in events:
        if judge(position, event) is not Verdict.FOLLOWS:
            return None
        position = Position(event["attempt"], event["seq"])
    return position


def _is_over(source: Source, job_id: str, position: Position) -> bool:
    job = source.load([job_id]).get(job_id)
    return job is not None and job.position == position and job.is_over


def _problem(status: int, code: str, detail: str, **headers: str) -> JsonResponse:
    """Return an error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, "code": code}
    return JsonResponse(body, status=status, content_type="application/problem+json", headers=headers)
