"""Who is there: by an access token, a ticket or a share token. Read and written in threads; it never tells a caller why a token is bad."""

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

from realtime.conf import settings
from realtime.errors import SignInExpired, SignInRefused
from realtime.models import Ticket, digest_of
from realtime.outside_issuer import outside_user, verify_outside
from realtime.protocol import SESSION_ENDED, SIGN_IN_EXPIRED
from realtime.shares import PREFIX, good_shares, viewer_of
from realtime.tokens import LONGEST_TOKEN, SIGN_IN_CLAIM, ended_tokens, user_of, verify
from realtime.viewer import SharedViewer


@dataclass(frozen=True, eq=False)
class Identity:
    """A signed-in user, and until when (Unix milliseconds)."""

    user: Any
    expires_at: int
    session_key: str | None = None
    """The Django session that it hangs on; None for a token."""
    sign_in: str | None = None
    """The sign-in that its token came of: its logout ends it."""

    @property
    def is_shared(self) -> bool:
        """Whether it is a share token's: to watch one job, and do nothing."""
        return isinstance(self.user, SharedViewer)


def identify(token: object) -> Identity:
    """Return who holds this access token, share token or ticket; a ticket is used up. Raises SignInExpired and SignInRefused.

    What else may sign in a socket is told apart here, by its form.
    """
    if isinstance(token, str) and "." not in token and not token.startswith(PREFIX):
        return _redeem(token)
    return identify_bearer(token)


def identify_bearer(token: object) -> Identity:
    """Return who holds this access token or share token. Raises SignInExpired and SignInRefused."""
    if not isinstance(token, str) or not token.isascii() or len(token) > LONGEST_TOKEN:
        raise SignInRefused
    if not token.startswith(PREFIX):
        return identify_access_token(token)
    viewer, expires_at = viewer_of(token)
    return Identity(viewer, int(expires_at.timestamp() * 1000))


def identify_access_token(token: str) -> Identity:
    """Return who holds this access JWT, ours or the outside issuer's. Raises SignInExpired and SignInRefused, whatever its claims are."""
    try:
        claims = verify(token, "access")
    except SignInRefused:
        if not settings.jwt_issuer:
            raise
        claims = verify_outside(token)
        return Identity(outside_user(claims), int(claims["exp"]) * 1000)
    return Identity(user_of(claims), claims["exp"] * 1000, sign_in=claims.get(SIGN_IN_CLAIM))


def issue_ticket(
    user: Any, sign_in_expires_at: datetime | None, *, session_key: str | None = None, sign_in: str | None = None
) -> tuple[str, datetime]:
    """Make a single-use ticket for a socket and return it with the time until which it can be used.

    The socket ends with the session of `session_key`, or with the sign-in, that the ticket was made with.
    """
    ticket = secrets.token_urlsafe(32)
    now = timezone.now()
    expires_at = now + timedelta(seconds=settings.ticket_seconds)
    Ticket.objects.filter(expires_at__lt=now - timedelta(hours=1)).delete()
    hangs_on = {"sign_in_expires_at": sign_in_expires_at, "session_key": session_key, "sign_in": sign_in}
    Ticket.objects.create(digest=digest_of(ticket), user=user, expires_at=expires_at, **hangs_on)
    return ticket, expires_at


def _redeem(ticket: str) -> Identity:
    row = Ticket.objects.filter(pk=digest_of(ticket)).first()
    # Of many uses at once exactly one deletes the row.
    if row is None or Ticket.objects.filter(pk=row.pk).delete()[0] == 0 or row.expires_at < timezone.now():
        raise SignInExpired
    expires_at = row.sign_in_expires_at or datetime.fromtimestamp(time.time(), UTC) + timedelta(days=14)
    identity = Identity(_active_user(row.user_id), int(expires_at.timestamp() * 1000), row.session_key, row.sign_in)
    if identity in ended_sign_ins([identity]):
        raise SignInExpired
    return identity


def ended_sign_ins(identities: Collection[Identity]) -> dict[Identity, int]:
    """Return those whose sign-in has ended since, with the code to close their sockets with.

    A user who was deactivated, or deleted, or has another password, or whose session is over, is not to come back by
    himself; one whose rights were changed is to sign in again, so that it is seen what he may see now.
    """
    shared = {identity for identity in identities if identity.is_shared}
    good = good_shares({identity.user.pk for identity in shared})
    return {identity: SESSION_ENDED for identity in shared if identity.user.pk not in good} | _ended(set(identities) - shared)


def _ended(identities: Collection[Identity]) -> dict[Identity, int]:
    if not identities:
        return {}
    users = get_user_model()._default_manager.in_bulk({identity.user.pk for identity in identities})
    sessions = _sessions({identity.session_key for identity in identities if identity.session_key is not None})
    sign_ins = {identity.sign_in for identity in identities if identity.sign_in is not None}
    signed_out = set(ended_tokens(sign_ins).values_list("token__jti", flat=True)) if sign_ins else set()
    ended = {}
    for identity in identities:
        was, user = identity.user, users.get(identity.user.pk)
        is_over = (identity.session_key is not None and identity.session_key not in sessions) or identity.sign_in in signed_out
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


def _active_user(user_id: Any) -> Any:
    user = get_user_model()._default_manager.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise SignInRefused
    return user
