"""Who is there: access tokens and tickets. Read and written in threads; it never tells a caller why a token is bad."""

import hashlib
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.conf import settings as settings_of_django
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken

from realtime.conf import settings
from realtime.errors import RealtimeError
from realtime.models import Ticket
from realtime.protocol import SESSION_ENDED, SIGN_IN_EXPIRED


class SignInExpired(RealtimeError):
    """The sign-in was good once: an expired token, or an expired or used ticket."""


class SignInRefused(RealtimeError):
    """The token is none of ours, or its user may not sign in."""


@dataclass(frozen=True, eq=False)
class Identity:
    """A signed-in user, and until when (Unix milliseconds)."""

    user: Any
    expires_at: int
    session_key: str | None = None
    """The Django session that it hangs on; None for a token."""


def identify(token: object) -> Identity:
    """Return who holds this access token or ticket; a ticket is used up. Raises SignInExpired and SignInRefused.

    What else may sign in a socket is told apart here, by its form.
    """
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


def issue_ticket(user: Any, sign_in_expires_at: datetime | None, *, session_key: str | None = None) -> tuple[str, datetime]:
    """Make a single-use ticket for a socket and return it with the time until which it can be used.

    The socket ends with the session of `session_key`, when the ticket was made with one.
    """
    ticket = secrets.token_urlsafe(32)
    now = timezone.now()
    expires_at = now + timedelta(seconds=settings.ticket_seconds)
    Ticket.objects.filter(expires_at__lt=now - timedelta(hours=1)).delete()
    Ticket.objects.create(
        digest=_digest(ticket), user=user, expires_at=expires_at, sign_in_expires_at=sign_in_expires_at, session_key=session_key
    )
    return ticket, expires_at


def _redeem(ticket: str) -> Identity:
    row = Ticket.objects.filter(pk=_digest(ticket)).first()
    # Of many uses at once exactly one deletes the row.
    if row is None or Ticket.objects.filter(pk=row.pk).delete()[0] == 0 or row.expires_at < timezone.now():
        raise SignInExpired
    expires_at = row.sign_in_expires_at or datetime.fromtimestamp(time.time(), UTC) + timedelta(days=14)
    identity = Identity(_active_user(row.user_id), int(expires_at.timestamp() * 1000), row.session_key)
    if row.session_key is not None and identity in ended_sign_ins([identity]):
        raise SignInExpired
    return identity


def ended_sign_ins(identities: Collection[Identity]) -> dict[Identity, int]:
    """Return those whose sign-in has ended since, with the code to close their sockets with.

    A user who was deactivated, or deleted, or has another password, or whose session is over, is not to come back by
    himself; one whose rights were changed is to sign in again, so that it is seen what he may see now.
    """
    users = get_user_model()._default_manager.in_bulk({identity.user.pk for identity in identities})
    sessions = _sessions({identity.session_key for identity in identities if identity.session_key is not None})
    ended = {}
    for identity in identities:
        was, user = identity.user, users.get(identity.user.pk)
        is_over = identity.session_key is not None and identity.session_key not in sessions
        if user is None or not user.is_active or user.password != was.password or is_over:
            ended[identity] = SESSION_ENDED
        elif user.is_staff != was.is_staff:
            ended[identity] = SIGN_IN_EXPIRED
    return ended


def _sessions(keys: set[str]) -> set[str]:
    """Return those keys that belong to a session that goes on."""
    store = import_module(settings_of_django.SESSION_ENGINE).SessionStore
    if hasattr(store, "get_model_class"):  # in the database: one question for all
        rows = store.get_model_class().objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
        return set(rows.values_list("session_key", flat=True))
    return {key for key in keys if store().exists(key)}


def _active_user(user_id: int) -> Any:
    user = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise SignInRefused
    return user


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
