"""Rows of the wire: tickets."""

from django.conf import settings
from django.db import models


class Ticket(models.Model):
    """A single-use sign-in for one socket, stored as its hash."""

    digest = models.CharField(primary_key=True, max_length=64)
    """SHA-256 of the ticket, in hex."""
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
