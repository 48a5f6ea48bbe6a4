"""How many jobs there are, by state and type: of those that are not over all, of the others those of the last day. Never a full count."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from jobs.admin.change_list import count_words
from jobs.admin.remembered import remembered
from jobs.lifecycle import TERMINAL, State
from jobs.models import Job

COUNT_LIMIT = 10_000
LIVE_SECONDS = 2
"""So long a count is good enough for all who ask this process."""
ENDED_WITHIN = timedelta(days=1)
ENDED_WORDS = "in the last day"


def counts() -> dict[str, Any]:
    """Return `{states: [{state, words, note}], types: [{type, <state>: words}]}`, fresh enough for a page that is looked at."""
    return remembered("counts", LIVE_SECONDS, _count)


def _count() -> dict[str, Any]:
    by_type: dict[str, Counter[str]] = {}
    totals: Counter[str] = Counter()
    for state in State:
        for name in _counted_rows(state).values_list("type", flat=True)[: COUNT_LIMIT + 1]:
            by_type.setdefault(name, Counter())[state] += 1
            totals[state] += 1
    return {
        "states": [
            {"state": state.value, "words": count_words(totals[state], COUNT_LIMIT), "note": ENDED_WORDS if state in TERMINAL else "now"}
            for state in State
        ],
        "types": [{"type": name, **{state.value: f"{by_type[name][state]:,}" for state in State}} for name in sorted(by_type)],
    }


def _counted_rows(state: State) -> QuerySet[Job]:
    rows = Job.objects.filter(state=state).order_by()
    return rows.filter(finished_at__gte=timezone.now() - ENDED_WITHIN) if state in TERMINAL else rows
