"""Searching jobs by id, owner and query, in a time that does not grow with the table."""

from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import StrIndex

from jobs.admin.remembered import remembered
from jobs.models import Job, searchable

SEARCHED_QUERIES = 100_000
"""In so many of the newest jobs the beginning of the query is looked at, and so long it is remembered which these are."""
SEARCHED_SECONDS = 60
FOUND_BY_WORDS = 1000
FOUND_IDS = 100
FOUND_OWNERS = 20
LONGEST_TERM = 200
WORDS = 8

HELP = f"An id or its beginning, a user's name, or words of the query's beginning (among the newest {SEARCHED_QUERIES:,} jobs)."


def search(rows: QuerySet[Job], term: str) -> QuerySet[Job]:
    """Return the jobs of `rows` that this finds. Each way to find is bounded by itself, so that the database has no choice."""
    term = term.replace("\0", "").strip()[:LONGEST_TERM]
    if not term:
        return rows
    ids = list(Job.objects.filter(pk__startswith=term).order_by().values_list("pk", flat=True)[:FOUND_IDS])
    owners = list(owners_like(term).values_list("pk", flat=True)[:FOUND_OWNERS])
    found = Q(pk__in=[*ids, *_with_words(rows, term)])
    return rows.filter(found | Q(owner__in=owners) if owners else found)


def owners_like(name: str, lookup: str = "icontains") -> QuerySet[Any]:
    """Return the users with such a name."""
    users = get_user_model()
    return users._default_manager.filter(**{f"{users.USERNAME_FIELD}__{lookup}": name})


def _with_words(rows: QuerySet[Job], term: str) -> list[str]:
    """Return the ids of the newest jobs with all of these words."""
    since = remembered("searched since", SEARCHED_SECONDS, _searched_since)
    rows = rows.filter(created_at__gt=since) if since else rows
    for index, word in enumerate(searchable(term).split()[:WORDS]):
        rows = rows.alias(**{f"found_{index}": StrIndex("search_text", Value(word))}).filter(**{f"found_{index}__gt": 0})
    return list(rows.order_by("-created_at", "-id").values_list("pk", flat=True)[:FOUND_BY_WORDS])


def _searched_since() -> datetime | None:
    newest = Job.objects.order_by("-created_at", "-id").values_list("created_at", flat=True)
    return newest[SEARCHED_QUERIES : SEARCHED_QUERIES + 1].first()
