"""Deletes what is old: jobs whose retention is over, and what has an age beside them. Every worker runs it; its twin is the rescuer."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from jobs.conf import settings
from jobs.models import Job, Worker
from jobs.transitions.announce import forget
from realtime.models import Share, Ticket
from realtime.shares import take_back_shares

BATCH = 100
WORKERS_KEPT_DAYS = 1
"""How long after its last heartbeat the row of a worker is of use to anybody; what it did stays with the jobs."""


def prune_once() -> int:
    """Delete a batch of each sort and return how many rows that were; what others are pruning is passed over."""
    return _prune_jobs() + sum(_prune(rows) for rows in _others())


def _prune_jobs() -> int:
    with transaction.atomic():
        old = Job.with_deleted.ended_before(_ago(settings.retention_days)).order_by("finished_at")
        ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:BATCH])
        Job.with_deleted.filter(pk__in=ids).only("pk").delete()
        if ids:
            take_back_shares(ids)
            transaction.on_commit(lambda: forget(ids), robust=True)
    return len(ids)


def _prune(rows: QuerySet[Any]) -> int:
    ids = list(rows.values_list("pk", flat=True)[:BATCH])
    rows.filter(pk__in=ids).delete()
    return len(ids)


def _others() -> Iterator[QuerySet[Any]]:
    """Yield what is of no use any more: silent workers, and whatever signs nobody in."""
    yield Worker.objects.filter(heartbeat_at__lt=_ago(WORKERS_KEPT_DAYS), jobs=None)
    yield Ticket.objects.filter(expires_at__lt=Now())
    yield Share.objects.filter(expires_at__lt=Now())
    if django_settings.SESSION_ENGINE.endswith(("db", "cached_db")):
        yield apps.get_model("sessions.Session").objects.filter(expire_date__lt=Now())
    if apps.is_installed("rest_framework_simplejwt.token_blacklist"):
        tokens = apps.get_app_config("token_blacklist").get_model("OutstandingToken")
        yield tokens._default_manager.filter(expires_at__lt=Now())


def _ago(days: float) -> Combinable:
    """Return the moment so many days ago, by the database's clock."""
    return ExpressionWrapper(Now() - Value(timedelta(days=days)), output_field=DateTimeField())
