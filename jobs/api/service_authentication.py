"""Who calls: a program of the host, in the name of a user."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from structlog.contextvars import bind_contextvars

from jobs import service_tokens
from jobs.api.authentication import CHALLENGE
from jobs.models import ServiceToken

HEADER = "On-Behalf-Of"


class ServiceTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <service token>` with `On-Behalf-Of: <user name>`: the request is that user's."""

    def authenticate(self, request: Request) -> tuple[Any, ServiceToken] | None:
        """Return the user and the token, None without a service token."""
        kind, _, text = get_authorization_header(request).partition(b" ")
        token = text.strip().decode("latin-1")
        if kind.lower() != b"bearer" or not token.startswith(service_tokens.PREFIX):
            return None
        row = service_tokens.find(token)
        if row is None:
            raise AuthenticationFailed("The service token is not valid.", code="token_invalid")
        user = service_tokens.user_to_act_for(request.headers.get(HEADER, ""))
        if user is None:
            raise PermissionDenied(f"{HEADER} has to name a user for whom a service may act: an active one who is not staff.")
        bind_contextvars(user_id=user.pk, service=row.name)
        return user, row

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE
