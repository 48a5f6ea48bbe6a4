"""How many jobs may run at once: of a type, of a type for one user, of one user. Claims keep it, and take turns where there is a limit."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from jobs.conf import settings
from jobs.handlers import registry
from jobs.lifecycle import State
from jobs.models import ClaimLock, Job, JobQuerySet

ALL_TYPES = "*"


@dataclass(frozen=True)
class Limit:
    """At most `most` running jobs: of a type, or of all; together, or for each user."""

    type: str
    most: int
    per_user: bool

    def of(self, job_type: str, owner_id: Any) -> tuple[str, Any] | None:
        """Return what a job counts as here; None when the limit is none of its."""
        if self.type not in (ALL_TYPES, job_type):
            return None
        return self.type, owner_id if self.per_user else None


def limits_for(types: Sequence[str]) -> list[Limit]:
    """Return the limits that jobs of these types are under, as their handlers and the settings say."""
    found = []
    for name in sorted(set(types)):
        handler = registry.find(name)
        if handler and handler.concurrency is not None:
            found.append(Limit(name, handler.concurrency, per_user=False))
        if handler and handler.concurrency_per_user is not None:
            found.append(Limit(name, handler.concurrency_per_user, per_user=True))
    if settings.running_jobs_per_user:
        found.append(Limit(ALL_TYPES, settings.running_jobs_per_user, per_user=True))
    return found


class Allowance:
    """What may begin to run beside what runs now. Made in a transaction, whose end lets the next claim count."""

    def __init__(self, limits: Sequence[Limit]) -> None:
        self._limits = limits
        self._running: list[Counter[Any]] = []
        if not limits:
            return
        _take_turns({limit.type for limit in limits})
        running = Job.objects.filter(state=State.RUNNING)
        if not any(limit.type == ALL_TYPES for limit in limits):
            running = running.filter(type__in={limit.type for limit in limits})
        counts = list(running.values_list("type", "owner_id").annotate(Count("pk")).order_by())
        for limit in limits:
            counted: Counter[Any] = Counter()
            for job_type, owner_id, count in counts:
                if (key := limit.of(job_type, owner_id)) is not None:
                    counted[key] += count
            self._running.append(counted)

    def take(self, job: Job) -> bool:
        """Count the job in, and return True; False when it would be one too many."""
        keys = [limit.of(job.type, job.owner_id) for limit in self._limits]
        checks = list(zip(self._limits, self._running, keys, strict=True))
        if any(key is not None and running[key] >= limit.most for limit, running, key in checks):
            return False
        for _, running, key in checks:
            if key is not None:
                running[key] += 1
        return True

    def open(self, jobs: JobQuerySet) -> JobQuerySet:
        """Leave out the jobs that would be too many as it is."""
        for limit, running in zip(self._limits, self._running, strict=True):
            full = [owner_id for (_, owner_id), count in running.items() if count >= limit.most]
            if full:
                of_type = Q() if limit.type == ALL_TYPES else Q(type=limit.type)
                jobs = jobs.exclude(of_type & Q(owner_id__in=full) if limit.per_user else of_type)
        return jobs


def _take_turns(names: set[str]) -> None:
    """Wait until no other claim counts what this one counts."""
    if len(ClaimLock.objects.filter(pk__in=names)) < len(names):
        ClaimLock.objects.bulk_create([ClaimLock(name=name) for name in sorted(names)], ignore_conflicts=True)
    list(ClaimLock.objects.filter(pk__in=names).order_by("pk").select_for_update())
