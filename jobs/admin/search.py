"""Searching jobs by id, owner and query, in a time that does not grow with the table."""

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet

from jobs.models import Job

SEARCHED_QUERIES = 50_000
"""In so many of the newest jobs the text of the query is looked at."""
FOUND_IDS = 100
FOUND_OWNERS = 20
LONGEST_TERM = 200

HELP = f"An id or its beginning, a user's name, or words of the query (among the newest {SEARCHED_QUERIES:,} jobs)."


def search(rows: QuerySet[Job], term: str) -> QuerySet[Job]:
    """Return the jobs of `rows` that this finds."""
    term = term.replace("\0", "").strip()[:LONGEST_TERM]
    if not term:
        return rows
    ids = list(Job.objects.filter(pk__startswith=term).order_by().values_list("pk", flat=True)[:FOUND_IDS])
    owners = list(owners_like(term).values_list("pk", flat=True)[:FOUND_OWNERS])
    return rows.filter(Q(pk__in=ids) | Q(owner__in=owners) | _said_lately(term))


def owners_like(name: str, lookup: str = "icontains") -> QuerySet[Any]:
    """Return the users with such a name."""
    users = get_user_model()
    return users._default_manager.filter(**{f"{users.USERNAME_FIELD}__{lookup}": name})


def _said_lately(term: str) -> Q:
    """Return the condition on the query's text, which holds for the newest jobs alone."""
    words = Q()
    for word in term.split():
        words &= Q(query__icontains=word)
    oldest: datetime | None = (
        Job.objects.order_by("-created_at", "-id").values_list("created_at", flat=True)[SEARCHED_QUERIES : SEARCHED_QUERIES + 1].first()
    )
    return words & Q(created_at__gt=oldest) if oldest else words
