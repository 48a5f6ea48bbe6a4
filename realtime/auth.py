"""Who is there: access tokens and tickets. Read and written in threads; it never tells a caller why a token is bad."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken

from realtime.conf import settings
from realtime.errors import RealtimeError
from realtime.models import Ticket


class SignInExpired(RealtimeError):
    """The sign-in was good once: an expired token, or an expired or used ticket."""


class SignInRefused(RealtimeError):
    """The token is none of ours, or its user may not sign in."""


@dataclass(frozen=True)
class Identity:
    """A signed-in user, and until when (Unix milliseconds)."""

    user: Any
    expires_at: int


def identify(token: object) -> Identity:
    """Return who holds this access token or ticket; a ticket is used up. Raises SignInExpired and SignInRefused."""
    if not isinstance(token, str) or not token.isascii() or len(token) > 8192:
        raise SignInRefused
    return _redeem(token) if "." not in token else identify_access_token(token)


def identify_access_token(token: str) -> Identity:
    """Return who holds this access JWT. Raises SignInExpired and SignInRefused, whatever the token's claims are."""
    try:
        claims = AccessToken(token).payload  # type: ignore[arg-type]  # simplejwt annotates its own tokens only
        expires_at = int(claims["exp"]) * 1000
    except ExpiredTokenError:
        raise SignInExpired from None
    except (TokenError, KeyError, TypeError, ValueError, OverflowError):
        raise SignInRefused from None
    user_id = claims.get("user_id")
    if isinstance(user_id, bool) or not str(user_id).isdecimal() or not str(user_id).isascii() or len(str(user_id)) > 18:
        raise SignInRefused
    return Identity(_active_user(int(str(user_id))), expires_at)


def issue_ticket(user: Any, sign_in_expires_at: datetime | None) -> tuple[str, datetime]:
    """Make a single-use ticket for a socket and return it with the time until which it can be used."""
    ticket = secrets.token_urlsafe(32)
    now = timezone.now()
    expires_at = now + timedelta(seconds=settings.ticket_seconds)
    Ticket.objects.filter(expires_at__lt=now - timedelta(hours=1)).delete()
    Ticket.objects.create(digest=_digest(ticket), user=user, expires_at=expires_at, sign_in_expires_at=sign_in_expires_at)
    return ticket, expires_at


def _redeem(ticket: str) -> Identity:
    row = Ticket.objects.filter(pk=_digest(ticket)).first()
    # Of many uses at once exactly one deletes the row.
    if row is None or Ticket.objects.filter(pk=row.pk).delete()[0] == 0 or row.expires_at < timezone.now():
        raise SignInExpired
    expires_at = row.sign_in_expires_at or datetime.fromtimestamp(time.time(), UTC) + timedelta(days=14)
    return Identity(_active_user(row.user_id), int(expires_at.timestamp() * 1000))


def _active_user(user_id: int) -> Any:
    user = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise SignInRefused
    return user


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
