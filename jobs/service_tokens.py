"""Service tokens: with one a program of the host does to jobs what a user may, in that user's name. Kept as hashes, ended by revoking."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from jobs.models import ServiceToken

PREFIX = "service_"
"""With it a leaked token is told from other secrets."""
NAME_LIMIT = 100
USED_EVERY = timedelta(minutes=1)


def issue(name: str) -> str:
    """Make a token and return it: nobody can read it again. Raises IntegrityError when there is one of this name."""
    token = PREFIX + secrets.token_urlsafe(32)
    ServiceToken.objects.create(name=name, digest=_digest(token), created_at=timezone.now())
    return token


def revoke(name: str) -> bool:
    """End what the token of this name is worth; returns whether there is one. Again is harmless."""
    rows = ServiceToken.objects.filter(name=name)
    rows.filter(revoked_at=None).update(revoked_at=timezone.now())
    return rows.exists()


def find(token: str) -> ServiceToken | None:
    """Return the row of a token that is worth something, and note that it was used; None for any other text."""
    row = ServiceToken.objects.filter(digest=_digest(token), revoked_at=None).first()
    now = timezone.now()
    if row is not None and (row.used_at is None or row.used_at < now - USED_EVERY):
        ServiceToken.objects.filter(pk=row.pk).update(used_at=now)
    return row


def user_to_act_for(name: str) -> Any:
    """Return the user of this name, for whom a service may act: an active one who is not staff; None for any other."""
    users = get_user_model()
    return users._default_manager.filter(**{users.USERNAME_FIELD: name, "is_active": True, "is_staff": False}).first()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
