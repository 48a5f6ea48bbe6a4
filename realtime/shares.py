"""Share tokens: whoever has one may watch one job until it ends, without an account. Stored as hashes."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from realtime.errors import SignInExpired
from realtime.models import Share, digest_of
from realtime.viewer import SharedViewer

PREFIX = "share~"
"""How a share token begins; no ticket and no JWT has such a character."""


def issue_share(user: Any, job_id: str, *, seconds: float) -> tuple[str, datetime]:
    """Make a token with which anybody may watch the job, in the name of a user who may, and return it with its end."""
    token = PREFIX + secrets.token_urlsafe(32)
    expires_at = timezone.now() + timedelta(seconds=seconds)
    Share.objects.create(digest=digest_of(token), job_id=job_id, user=user, expires_at=expires_at)
    return token, expires_at


def viewer_of(token: str) -> tuple[SharedViewer, datetime]:
    """Return who holds the token, and until when. Raises SignInExpired, also when the token was taken back or is none at all."""
    share = Share.objects.good().filter(pk=digest_of(token)).first()
    if share is None:
        raise SignInExpired
    return SharedViewer(share.pk, share.job_id), share.expires_at


def good_shares(digests: Collection[str]) -> set[str]:
    """Return those that are still good."""
    return set(Share.objects.good().filter(pk__in=digests).values_list("pk", flat=True)) if digests else set()


def take_back_shares(job_ids: Collection[str]) -> None:
    """Make the tokens of these jobs worth nothing; their sockets are closed within seconds."""
    Share.objects.filter(job_id__in=job_ids).delete()
