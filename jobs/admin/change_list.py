"""Pages of a list that may have a million rows: each begins where another ends, and nothing is counted beyond a limit."""

from datetime import datetime
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from jobs.models import Job

COUNT_LIMIT = 1000
"""So many are counted; of more it is said that they are more."""

OLDER, NEWER = "older", "newer"
"""The parameters of a page: the jobs that are older, or newer, than the one at this cursor."""


def counted(rows: QuerySet[Any], limit: int = COUNT_LIMIT) -> int:
    """Return how many there are, at most `limit` + 1."""
    return rows.order_by().values("pk")[: limit + 1].count()


def count_words(count: int, limit: int = COUNT_LIMIT) -> str:
    """Say how many were counted."""
    return f"{count:,}" if count <= limit else f"more than {limit:,}"


def cursor_of(job: Job) -> str:
    """Return the place of a job in the list."""
    return f"{job.created_at.isoformat()}_{job.pk}"


def older_than(rows: QuerySet[Job], cursor: str) -> QuerySet[Job]:
    """Return the jobs after a place in the list. Raises ValueError for what is no cursor."""
    at, job_id = _parse(cursor)
    return rows.filter(Q(created_at__lt=at) | Q(pk__lt=job_id), created_at__lte=at)


def newer_than(rows: QuerySet[Job], cursor: str) -> QuerySet[Job]:
    """Return the jobs before a place in the list, the nearest first. Raises ValueError for what is no cursor."""
    at, job_id = _parse(cursor)
    return rows.filter(Q(created_at__gt=at) | Q(pk__gt=job_id), created_at__gte=at).order_by("created_at", "id")


def _parse(cursor: str) -> tuple[datetime, str]:
    at, _, job_id = cursor.partition("_")
    parsed = datetime.fromisoformat(at)
    if parsed.tzinfo is None or "\0" in job_id:
        raise ValueError(cursor)
    return parsed, job_id


class JobChangeList(ChangeList):
    """Newest first, a page at a time, however far one goes."""

    newer_query: str | None = None
    older_query: str | None = None

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Job]:
        """Return all that the filters match; where the page begins is none of them, and other filters begin at the newest."""
        for name in (OLDER, NEWER):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        # PostgreSQL knows no NUL, and nothing that a filter could find has one.
        self.filter_params = {name: [value.replace("\0", "") for value in values] for name, values in self.filter_params.items()}
        return super().get_queryset(request, exclude_parameters)

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and the one row beyond it that says whether there is more."""
        size = self.list_per_page
        older, newer = request.GET.get(OLDER), request.GET.get(NEWER)
        try:
            rows = list(self._page(older, newer)[: size + 1])
        except (ValueError, OverflowError):
            older = newer = None
            rows = list(self.queryset[: size + 1])
        has_more = len(rows) > size
        rows = rows[:size]
        if newer:
            rows.reverse()
        has_newer, has_older = (has_more, True) if newer else (older is not None, has_more)
        if rows and has_newer:
            self.newer_query = self.get_query_string({NEWER: cursor_of(rows[0])})
        if rows and has_older:
            self.older_query = self.get_query_string({OLDER: cursor_of(rows[-1])})
        self.result_list: Any = rows
        self.result_count = counted(self.queryset)
        self.full_result_count = self.result_count  # so that Django says none of the two: the count is capped, and stands below
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all, self.multi_page, self.show_all = False, False, False
        self.paginator = Paginator(rows, size)

    def _page(self, older: str | None, newer: str | None) -> QuerySet[Job]:
        rows: QuerySet[Job] = self.queryset
        if newer:
            return newer_than(rows, newer)
        return older_than(rows, older) if older else rows

    @property
    def count_words(self) -> str:
        """How many the filters match."""
        return count_words(self.result_count)

    @property
    def is_anywhere_but_first(self) -> bool:
        """Whether there are newer jobs than those of this page."""
        return self.newer_query is not None
