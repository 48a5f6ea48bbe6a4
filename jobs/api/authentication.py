"""Who calls: the holder of an access token or a share token."""

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from structlog.contextvars import bind_contextvars

from realtime.auth import Identity, identify_bearer
from realtime.errors import SignInExpired, SignInRefused

CHALLENGE = 'Bearer realm="api"'


class AccessTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access JWT or share token>`; `request.auth` is the Identity. A bad token is 401, whatever is wrong."""

    def authenticate(self, request: Request) -> tuple[Any, Identity] | None:
        """Return the user and the identity, None without a bearer token."""
        kind, _, token = get_authorization_header(request).partition(b" ")
        if kind.lower() != b"bearer":
            return None
        try:
            identity = identify_bearer(token.strip().decode("ascii"))
        except SignInExpired:
            raise AuthenticationFailed("The token has expired: fetch a new one.", code="token_expired") from None
        except (SignInRefused, UnicodeDecodeError):
            raise AuthenticationFailed("The token is not valid.", code="token_invalid") from None
        bind_contextvars(user_id=identity.user.pk)
        return identity.user, identity

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401."""
        return CHALLENGE
