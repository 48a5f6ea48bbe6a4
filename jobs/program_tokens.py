"""The rows of tokens that programs hold: remote workers, and programs of the host."""

from django.db import models


class ProgramToken(models.Model):
    """A token with a name, stored as its hash."""

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the token, in hex."""
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    """When it was last used, to the minute."""
    revoked_at = models.DateTimeField(null=True, blank=True)
    """From then on it is worth nothing; jobs of a worker go back to the queue when their leases are over."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class WorkerToken(ProgramToken):
    """The right of a remote worker to take jobs of some types."""

    types = models.JSONField(default=list)
    """The types of jobs that it may take; each is known by being listed here."""


class ServiceToken(ProgramToken):
    """The right of a program to act for users who are not staff."""
