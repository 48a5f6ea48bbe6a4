"""What a list can be narrowed to."""

from typing import Any

from django.db.models import Value
from django.db.models.functions import StrIndex
from rest_framework import serializers

from jobs.api.serializers import TextField, TimeField
from jobs.lifecycle import State
from jobs.models import JobQuerySet, searchable

SEARCH_WORDS = 8
MOST_WORDS, MOST_CHARACTERS = 32, 64


class WordsField(TextField):
    """Words with commas between them."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the words; refuse more than anybody needs."""
        words = [word for word in super().to_internal_value(data).split(",") if word]
        if len(words) > MOST_WORDS or any(len(word) > MOST_CHARACTERS for word in words):
            raise serializers.ValidationError(f"At most {MOST_WORDS} words of {MOST_CHARACTERS} characters.")
        return words


class JobFiltersSerializer(serializers.Serializer[Any]):
    """The query of a list. Of several states or types, with commas between them, a job has to have one."""

    state = WordsField(required=False, allow_blank=True)
    type = WordsField(required=False, allow_blank=True)
    createdAfter = TimeField(required=False)
    createdBefore = TimeField(required=False)
    search = TextField(required=False, allow_blank=True, max_length=200)

    def validate_state(self, names: list[str]) -> list[str]:
        """Refuse what is no state."""
        if unknown := sorted(set(names) - {state.value for state in State}):
            raise serializers.ValidationError(f"No such state: {', '.join(unknown)}. There are: {', '.join(State)}.")
        return names


def filtered(jobs: JobQuerySet, query: Any) -> JobQuerySet:
    """Return the jobs that a list is asked for. Raises ValidationError."""
    serializer = JobFiltersSerializer(data={name: ",".join(query.getlist(name)) for name in query})
    serializer.is_valid(raise_exception=True)
    asked = serializer.validated_data
    if states := asked.get("state"):
        jobs = jobs.filter(state__in=states)
    if types := asked.get("type"):
        jobs = jobs.filter(type__in=types)
    if "createdAfter" in asked:
        jobs = jobs.filter(created_at__gt=asked["createdAfter"])
    if "createdBefore" in asked:
        jobs = jobs.filter(created_at__lt=asked["createdBefore"])
    for index, word in enumerate(searchable(asked.get("search", "")).split()[:SEARCH_WORDS]):
        jobs = jobs.alias(**{f"found_{index}": StrIndex("search_text", Value(word))}).filter(**{f"found_{index}__gt": 0})
    return jobs
