"""What the list of jobs can be narrowed to. None of them reads more rows than it shows choices."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from jobs.admin.search import owners_like
from jobs.handlers import registry
from jobs.lifecycle import State
from jobs.models import Job, Worker

SHOWN_WORKERS = 50
AGES = {
    "10m": ("Last 10 minutes", timedelta(minutes=10)),
    "1h": ("Last hour", timedelta(hours=1)),
    "1d": ("Last day", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
}
OLDER_AGES = {
    "over1h": ("More than an hour ago", timedelta(hours=1)),
    "over1d": ("More than a day ago", timedelta(days=1)),
}


class StateFilter(admin.SimpleListFilter):
    """By state."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return all states."""
        return [(state.value, state.value.capitalize()) for state in State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job] | None:
        """Narrow the list."""
        return queryset.filter(state=self.value()) if self.value() else None


class TypeFilter(admin.SimpleListFilter):
    """By type: those that have a handler here, and those that workers take."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the types that are known here."""
        taken = Worker.objects.filter(stopped_at=None).order_by("-heartbeat_at").values_list("types", flat=True)[:SHOWN_WORKERS]
        names = {*registry.types(), *(name for names in taken for name in names)}
        if value := self.value():
            names.add(value)
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job] | None:
        """Narrow the list."""
        return queryset.filter(type=self.value()) if self.value() else None


class OwnerFilter(admin.SimpleListFilter):
    """By owner's name, which is typed: there may be more users than a list can hold."""

    title = "owner"
    parameter_name = "owner"
    template = "admin/jobs/job/owner_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return none: see `choices`."""
        return []

    def has_output(self) -> bool:
        """Whether it is shown: always."""
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield what the form needs: the other filters, and the way back to all owners."""
        others = {name: value for name, value in changelist.get_filters_params().items() if name != self.parameter_name}
        hidden = [(name, value) for name, values in others.items() for value in values]
        yield {"hidden": hidden, "query_string": changelist.get_query_string(remove=[self.parameter_name])}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job] | None:
        """Narrow the list."""
        return queryset.filter(owner__in=owners_like(str(self.value()), "exact")) if self.value() else None


class AgeFilter(admin.SimpleListFilter):
    """By how long ago the job was created."""

    title = "age"
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the ages."""
        return [(name, words) for name, (words, _) in [*AGES.items(), *OLDER_AGES.items()]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job] | None:
        """Narrow the list."""
        value, now = self.value() or "", timezone.now()
        if value in AGES:
            return queryset.filter(created_at__gte=now - AGES[value][1])
        return queryset.filter(created_at__lt=now - OLDER_AGES[value][1]) if value in OLDER_AGES else None


class WorkerFilter(admin.SimpleListFilter):
    """By the worker that runs the job now."""

    title = "worker"
    parameter_name = "worker"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the workers that were heard last."""
        workers = Worker.objects.filter(stopped_at=None).order_by("-heartbeat_at").values_list("pk", "name")[:SHOWN_WORKERS]
        found = dict(workers)
        if (value := self.value()) and value not in found:
            found |= dict(Worker.objects.filter(pk=value).values_list("pk", "name"))
        return list(found.items())

    def has_output(self) -> bool:
        """Whether it is shown: always, so that its parameter is known."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> QuerySet[Job] | None:
        """Narrow the list."""
        return queryset.filter(worker=self.value()) if self.value() else None
