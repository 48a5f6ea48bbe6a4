"""Tokens for the watchers of a drill: one that is always fresh, and one that is let expire."""

from typing import Any

from realtime.errors import SignInExpired
from realtime.tokens import sign_in, verify

SHORT_SECONDS = 1.0


class ExpiringToken:
    """A token that is not renewed in time: when it has expired it is tried once more, and only then a fresh one is fetched."""

    def __init__(self, user: Any) -> None:
        self._user = user
        self._token = sign_in(user, access_seconds=SHORT_SECONDS)["access"]
        self._was_refused = False

    @property
    def has_expired(self) -> bool:
        """Whether it is worth nothing any more."""
        try:
            verify(self._token, "access")
        except SignInExpired:
            return True
        return False

    def __call__(self) -> str:
        """Return the token to sign in with."""
        if self._was_refused:
            return sign_in(self._user)["access"]
        self._was_refused = self.has_expired
        return self._token
