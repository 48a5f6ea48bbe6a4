"""What may come in, field by field."""

import math
from datetime import UTC, datetime
from typing import Any

from rest_framework import serializers

from jobs.events import encode
from jobs.handlers import registry
from jobs.remote.tokens import listed_types
from jobs.transitions import NewJob
from realtime.tokens import LONGEST_TOKEN
from realtime.topics import JOB_ID

QUERY_LIMIT_BYTES = 8 * 1024
INPUT_LIMIT_BYTES = 64 * 1024
PRIORITY_LIMIT = 32767
LONGEST_SHARE_SECONDS = 30 * 24 * 3600
LONGEST_TIMEOUT_SECONDS = 7 * 24 * 3600


class TextField(serializers.CharField):
    """A string, as it is; nothing else becomes one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is not a string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NumberField(serializers.FloatField):
    """A JSON number; no string, no boolean, no NaN."""

    def to_internal_value(self, data: Any) -> float:
        """Refuse what is not a finite number."""
        if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A JSON integer; no string, no boolean."""

    def to_internal_value(self, data: Any) -> int:
        """Refuse what is not an integer."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class TimeField(serializers.DateTimeField):
    """A time as ISO 8601 has it; whatever the calendar does not have in UTC is none."""

    def to_internal_value(self, value: Any) -> datetime:
        """Refuse what is not a string, or leaves the calendar on its way to UTC."""
        if not isinstance(value, str):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ss.sssZ")
        try:
            return super().to_internal_value(value).astimezone(UTC)
        except OverflowError:
            self.fail("overflow")


class InputField(serializers.DictField):
    """A JSON object of at most 64 KiB."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse what is not an object, or too large."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("Must be an object.")
        if len(encode(data).encode()) > INPUT_LIMIT_BYTES:
            raise serializers.ValidationError(f"At most {INPUT_LIMIT_BYTES} bytes.")
        return data


class NewJobSerializer(serializers.Serializer[NewJob]):
    """The body of a create."""

    type = TextField(max_length=64)
    query = TextField(default="", allow_blank=True)
    input = InputField(default=dict)
    jobId = serializers.RegexField(rf"\A(?:{JOB_ID.pattern})\Z", default=None, allow_null=True)
    priority = WholeNumberField(default=0, min_value=-PRIORITY_LIMIT, max_value=PRIORITY_LIMIT)
    runAt = TimeField(default=None, allow_null=True)
    maxAttempts = WholeNumberField(default=None, allow_null=True, min_value=1, max_value=100)
    timeoutSeconds = NumberField(default=None, allow_null=True, min_value=0.1, max_value=LONGEST_TIMEOUT_SECONDS)

    def validate_type(self, type: str) -> str:
        """Refuse a type that nobody runs."""
        if registry.find(type) is None and type not in (remote := listed_types()):
            raise serializers.ValidationError(f"No handler runs this type. There are: {', '.join(sorted({*registry.types(), *remote}))}.")
        return type

    def validate_query(self, query: str) -> str:
        """Refuse a query that is too long."""
        if len(query.encode()) > QUERY_LIMIT_BYTES:
            raise serializers.ValidationError(f"At most {QUERY_LIMIT_BYTES} bytes.")
        return query

    def new_job(self) -> NewJob:
        """Return what the job is created from; what was left out comes from the handler."""
        fields = self.validated_data
        handler = registry.find(fields["type"])  # None for a type that remote workers alone run
        given = {"max_attempts": fields["maxAttempts"], "timeout_seconds": fields["timeoutSeconds"]}
        return NewJob(
            type=fields["type"],
            query=fields["query"],
            input=fields["input"],
            job_id=fields["jobId"],
            priority=fields["priority"],
            run_at=fields["runAt"],
            max_attempts=given["max_attempts"] or (handler.max_attempts if handler else NewJob.max_attempts),
            timeout_seconds=given["timeout_seconds"] or (handler.timeout_seconds if handler else NewJob.timeout_seconds),
            steps=handler.steps if handler else (),
            left_out=frozenset(name for name, value in given.items() if value is None),
        )


class JobChangesSerializer(serializers.Serializer[Any]):
    """The body of a PATCH."""

    state = serializers.ChoiceField(choices=["cancelled", "paused", "created"], required=False)
    priority = WholeNumberField(required=False, min_value=-PRIORITY_LIMIT, max_value=PRIORITY_LIMIT)
    runAt = TimeField(required=False, allow_null=True)


class CommandSerializer(serializers.Serializer[Any]):
    """The body of a command."""

    ifAttempt = WholeNumberField(default=None, allow_null=True, min_value=1)


class ShareSerializer(serializers.Serializer[Any]):
    """The body of a share."""

    expiresInSeconds = NumberField(default=24 * 3600, min_value=1, max_value=LONGEST_SHARE_SECONDS)


class CredentialsSerializer(serializers.Serializer[Any]):
    """The body of a sign-in."""

    username = TextField(max_length=254)
    password = TextField(max_length=1024)


class RefreshSerializer(serializers.Serializer[Any]):
    """The body of a refresh and of a logout."""

    refresh = TextField(max_length=LONGEST_TOKEN)
