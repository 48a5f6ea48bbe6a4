"""Pages of a list by keyset: each begins after a row, so that jobs that come and go move none of the others."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ValidationError
from rest_framework.utils.urls import replace_query_param

from jobs.models import Job, JobQuerySet
from realtime import strict_json
from realtime.topics import is_job_id

ORDERINGS = {"createdAt": "created_at", "priority": "priority"}
"""What a list may be ordered by, and the column, which has an index; with `-` in front the highest comes first."""
PAGE_SIZE = 50
LARGEST_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """A place in a list: next to a row, whose value and id these are, in one direction."""

    ordering: str
    value: Any
    job_id: str
    backwards: bool = False

    def encode(self) -> str:
        """Return the cursor as it stands in a link."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        text = json.dumps([self.ordering, value, self.job_id, self.backwards], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, *, ordering: str) -> "Cursor":
        """Return the cursor of a link, of a list in this order; raises ValueError for whatever is none."""
        try:
            words = strict_json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
            known, value, job_id, backwards = words
            value = _priority(value) if ordering.endswith("priority") else datetime.fromisoformat(value).astimezone(UTC)
        except (binascii.Error, TypeError, OverflowError) as error:
            raise ValueError("no cursor") from error
        if known != ordering or not is_job_id(job_id) or not isinstance(backwards, bool):
            raise ValueError("a cursor of another list")
        return cls(ordering=ordering, value=value, job_id=job_id, backwards=backwards)


class JobPages(BasePagination):
    """`?ordering=&cursor=&pageSize=`: pages of jobs with the links to the next and the previous one."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the jobs of the page that is asked for. Raises ValidationError."""
        self._url = request.build_absolute_uri()
        self._ordering = _ordering(request.query_params.get("ordering"))
        self._column = ORDERINGS[self._ordering.removeprefix("-")]
        self._cursor = self._asked(request.query_params.get("cursor"))
        size = _size(request.query_params.get("pageSize"))
        ids = self._ids(queryset, size + 1)
        self._has_more = len(ids) > size
        ids = ids[:size]
        if self._cursor and self._cursor.backwards:
            ids.reverse()
        rows = Job.objects.for_summaries().in_bulk(ids)
        self._page = [rows[job_id] for job_id in ids if job_id in rows]
        return self._page

    def _asked(self, text: str | None) -> Cursor | None:
        try:
            return Cursor.decode(text, ordering=self._ordering) if text else None
        except ValueError:
            raise ValidationError({"cursor": ["Not a cursor of this list: take it from `next` or `previous`."]}) from None

    def _ids(self, jobs: JobQuerySet, count: int) -> list[str]:
        """Return the ids of the rows from the cursor on; an index has all that this reads."""
        cursor, column = self._cursor, self._column
        rises = not self._ordering.startswith("-")
        if cursor and cursor.backwards:
            rises = not rises
        if cursor:
            beyond, at_least = ("gt", "gte") if rises else ("lt", "lte")
            behind = Q(**{f"{column}__{beyond}": cursor.value}) | Q(**{column: cursor.value, f"pk__{beyond}": cursor.job_id})
            jobs = jobs.filter(**{f"{column}__{at_least}": cursor.value}).filter(behind)
        sign = "" if rises else "-"
        return list(jobs.order_by(f"{sign}{column}", f"{sign}pk").values_list("pk", flat=True)[:count])

    def get_paginated_response(self, data: Any) -> Response:
        """Return the page with its links."""
        went_back = self._cursor is not None and self._cursor.backwards
        has_next = self._has_more or went_back
        has_previous = self._has_more if went_back else self._cursor is not None
        return Response(
            {
                "next": self._link(self._page[-1:], backwards=False) if has_next else None,
                "previous": self._link(self._page[:1], backwards=True) if has_previous else None,
                "results": data,
            }
        )

    def _link(self, edge: Sequence[Job], *, backwards: bool) -> str | None:
        if not edge:
            return None
        cursor = Cursor(ordering=self._ordering, value=getattr(edge[0], self._column), job_id=edge[0].pk, backwards=backwards)
        return replace_query_param(self._url, "cursor", cursor.encode())

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        """Return the schema of a page."""
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": ["next", "previous", "results"], "properties": properties}


def _priority(value: Any) -> int:
    if type(value) is not int or abs(value) >= 2**31:
        raise ValueError("no priority")
    return value


def _ordering(text: str | None) -> str:
    if not text:
        return "-createdAt"
    if text.removeprefix("-") not in ORDERINGS:
        raise ValidationError({"ordering": [f"One of {', '.join(ORDERINGS)}, with - in front for the highest first."]})
    return text


def _size(text: str | None) -> int:
    if not text:
        return PAGE_SIZE
    if not text.isascii() or not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise ValidationError({"pageSize": ["A number from 1."]})
    return min(int(text), LARGEST_PAGE)
