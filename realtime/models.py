"""Rows of the wire: tickets and shares. What signs somebody in is stored as its hash."""

import hashlib

from django.conf import settings
from django.db import models
from django.utils import timezone

DIGEST_LENGTH = 64


def digest_of(token: str) -> str:
    """Return the hash that a token is stored as: SHA-256, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()


class Ticket(models.Model):
    """A single-use sign-in for one socket, stored as its hash."""

    digest = models.CharField(primary_key=True, max_length=DIGEST_LENGTH)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()
    """Until when it can be used."""
    sign_in_expires_at = models.DateTimeField(null=True)
    """When the session or token ends that it was made with: the socket lives as long."""

    session_key = models.CharField(max_length=40, null=True)
    """The session that it was made with: the socket ends when that one does."""
    sign_in = models.CharField(max_length=64, null=True)
    """The sign-in of the token that it was made with: the socket ends at its logout."""

    def __str__(self) -> str:
        return f"ticket of {self.user_id}"


class ShareQuerySet(models.QuerySet["Share"]):
    """Shares by adjective."""

    def good(self) -> "ShareQuerySet":
        """Those with which one may watch: not expired, by a user who is still one."""
        return self.filter(expires_at__gt=timezone.now(), user__is_active=True)


class Share(models.Model):
    """A token with which anybody may watch one job."""

    digest = models.CharField(primary_key=True, max_length=DIGEST_LENGTH)
    job_id = models.CharField(max_length=64, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    """Who shared it."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    objects = ShareQuerySet.as_manager()

    def __str__(self) -> str:
        return f"share of {self.job_id}"
