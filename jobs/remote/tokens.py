"""Worker tokens: issued once, kept as hashes, limited to types, worth nothing once they are revoked."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.conf import settings
from jobs.models import Worker, WorkerToken, from_ts
from jobs.text import clean
from jobs.transitions.announce import now_ts

PREFIX = "worker_"
"""With it a leaked token is told from other secrets."""
USED_EVERY = timedelta(minutes=1)
HEARD_EVERY = timedelta(seconds=settings.lease_seconds / 4)
"""So old a heartbeat may get before it is written again."""
NAME_LIMIT = 100
TYPE_LIMIT = 64
VERSION_LIMIT = 100


def issue(name: str, types: Sequence[str]) -> tuple[WorkerToken, str]:
    """Make a token and return its row and the token itself, which nobody can read again."""
    token = PREFIX + secrets.token_urlsafe(32)
    return WorkerToken.objects.create(name=name, digest=_digest(token), types=sorted(set(types)), created_at=timezone.now()), token


def revoke(row: WorkerToken) -> None:
    """End what the token is worth; again is harmless."""
    WorkerToken.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now())


def find(token: str) -> WorkerToken | None:
    """Return the row of a token that is worth something, and note that it was used; None for any other text."""
    row = WorkerToken.objects.filter(digest=_digest(token), revoked_at=None).first()
    now = timezone.now()
    if row is not None and (row.used_at is None or row.used_at < now - USED_EVERY):
        WorkerToken.objects.filter(pk=row.pk).update(used_at=now)
    return row


def worker_of(row: WorkerToken, *, types: Iterable[str] = (), concurrency: int | None = None, version: str = "") -> Worker:
    """Return the worker that a token speaks for, whose heartbeat this is; with what it asks for, when it asks."""
    now = from_ts(now_ts())
    asked: dict[str, Any] = {}
    if concurrency is not None:
        asked = {"types": sorted(types), "concurrency": concurrency, "version": clean(version)[:VERSION_LIMIT]}
    known = Worker.objects.filter(token=row).first()
    if (
        known
        and known.stopped_at is None
        and now - known.heartbeat_at < HEARD_EVERY
        and all(getattr(known, key) == asked[key] for key in asked)
    ):
        return known  # a claim that waits asks every second
    values = {"heartbeat_at": now, "stopped_at": None, **asked}
    worker, _ = Worker.objects.update_or_create(
        token=row, defaults=values, create_defaults={"name": f"remote:{row.name}", "started_at": now, **values}
    )
    return worker


def listed_types() -> frozenset[str]:
    """Return the types that remote workers may take: their jobs can be created, whether a handler here runs them or not."""
    return frozenset(name for types in WorkerToken.objects.filter(revoked_at=None).values_list("types", flat=True) for name in types)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
