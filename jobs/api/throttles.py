"""How often one may call: `API_RATE` for each user, `TOKEN_RATE` for each address that tries names and passwords."""

from typing import Any

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from realtime import throttle
from realtime.conf import settings
from realtime.rates import Rate


class ApiThrottle(BaseThrottle):
    """Bounds the requests of a user; of those whom nobody knows, those of an address."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request, and tell whether it may be served."""
        self._wait_seconds = throttle.take(caller(request), Rate.parse(settings.api_rate))
        return self._wait_seconds == 0

    def wait(self) -> float:
        """Return after how many seconds it is worth trying again."""
        return self._wait_seconds


class TokenThrottle(ApiThrottle):
    """Bounds the tries of an address to sign in."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the try, and tell whether it may be made."""
        self._wait_seconds = throttle.take(sign_in_key(request), Rate.parse(settings.token_rate))
        return self._wait_seconds == 0


def caller(request: Request) -> str:
    """Return what tells callers apart. Headers are not asked: who sends a request writes them."""
    user: Any = request.user
    return f"user:{user.pk}" if user is not None and user.is_authenticated else f"address:{request.META['REMOTE_ADDR']}"


def sign_in_key(request: Request | HttpRequest) -> str:
    """Return what tells apart those who try to sign in: their address."""
    return f"sign-in:{request.META['REMOTE_ADDR']}"
