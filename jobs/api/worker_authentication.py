"""Who calls: the holder of a worker token."""

from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from structlog.contextvars import bind_contextvars

from jobs.engines.grant import Grant
from jobs.models import WorkerToken
from jobs.remote import tokens
from realtime.auth import identify_access_token
from realtime.errors import SignInExpired, SignInRefused


@dataclass(frozen=True)
class RemoteWorker:
    """A remote worker, in the place of a user."""

    token: WorkerToken
    is_authenticated = True

    @property
    def pk(self) -> str:
        """What throttles tell callers apart by."""
        return f"worker-{self.token.pk}"


@dataclass(frozen=True)
class EngineRun:
    """A run in another engine, in the place of a user: it reports for the worker that handed it over."""

    grant: Grant
    is_authenticated = True

    @property
    def pk(self) -> str:
        """What throttles tell callers apart by."""
        return f"run-{self.grant.job_id}"


class WorkerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <worker token>`. What else signs people in is not enough here: 403."""

    def authenticate(self, request: Request) -> tuple[RemoteWorker, WorkerToken] | tuple[EngineRun, Grant] | None:
        """Return the worker and its token, None without a bearer token."""
        kind, _, text = get_authorization_header(request).partition(b" ")
        if kind.lower() != b"bearer":
            return None
        token = text.strip().decode("latin-1")
        if (grant := Grant.read(token)) is not None:
            return EngineRun(grant), grant
        row = tokens.find(token)
        if row is None and _is_access_token(token):
            raise PermissionDenied("This is for worker tokens: `manage.py worker_token` makes one.")
        if row is None:
            raise AuthenticationFailed("The worker token is not valid.", code="token_invalid")
        bind_contextvars(worker=row.name)
        return RemoteWorker(row), row

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return 'Bearer realm="worker"'


def _is_access_token(token: str) -> bool:
    try:
        identify_access_token(token)
    except (SignInExpired, SignInRefused):
        return False
    return True
