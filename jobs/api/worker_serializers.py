"""What remote workers send, field by field. What they write is cleaned; what they have kept is refused when it cannot be."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from rest_framework import serializers

from jobs.api.serializers import NumberField, TextField, WholeNumberField
from jobs.checkpoints import CHECKPOINT_LIMIT_BYTES
from jobs.errors import JobFailed
from jobs.events import MESSAGE_LIMIT_BYTES, STEP_NAME_LIMIT, encode, plain_number
from jobs.json_values import kept
from jobs.lifecycle import Reason
from jobs.outcomes import DETAIL_LIMIT, RESULT_LIMIT_BYTES, Failed
from jobs.recorder import LEVELS
from jobs.text import clean, cut_bytes
from jobs.transitions import Reported
from realtime.position import CLOSED
from realtime.topics import JOB_ID

CLAIM_LIMIT = 100
LONGEST_WAIT_SECONDS = 30
HEARTBEAT_LIMIT = 1000
EVENTS_LIMIT = 200
EVENT_DATA_LIMIT_BYTES = 63 * 1024
"""With what stands around it an event stays within 64 KiB."""
CODE_LIMIT = 64


class AttemptField(WholeNumberField):
    """The number of an attempt."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=CLOSED, **options)


class SeqField(WholeNumberField):
    """The number of an event that a worker may write."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=CLOSED - 1, **options)


class WrittenField(TextField):
    """A text that a worker writes: NUL and halves of characters become U+FFFD, and what is beyond `limit_bytes` is cut off."""

    def __init__(self, *, limit_bytes: int | None = None, **options: Any) -> None:
        self._limit_bytes = limit_bytes
        super().__init__(**{"allow_blank": True, **options})

    def to_internal_value(self, data: Any) -> str:
        """Return the text, cleaned."""
        text = clean(super().to_internal_value(data))
        return text if self._limit_bytes is None else cut_bytes(text, self._limit_bytes)


class KeptField(serializers.JSONField):
    """Any JSON that is kept as it is."""

    def __init__(self, *, name: str, limit_bytes: int, **options: Any) -> None:
        self._name, self._limit_bytes = name, limit_bytes
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Any:
        """Refuse what cannot be kept."""
        try:
            return kept(data, name=self._name, limit_bytes=self._limit_bytes)
        except JobFailed as error:
            raise serializers.ValidationError(error.message) from error


class ClaimSerializer(serializers.Serializer[Any]):
    """The body of a claim."""

    types = serializers.ListField(child=serializers.CharField(max_length=64), min_length=1, max_length=100)
    limit = WholeNumberField(default=1, min_value=1, max_value=CLAIM_LIMIT)
    waitSeconds = NumberField(default=0, min_value=0, max_value=LONGEST_WAIT_SECONDS)
    claimId = serializers.RegexField(rf"\A(?:{JOB_ID.pattern})\Z", required=False)


class HeldSerializer(serializers.Serializer[Any]):
    """A job that the worker holds."""

    jobId = serializers.RegexField(rf"\A(?:{JOB_ID.pattern})\Z")
    attempt = AttemptField()


class HeartbeatSerializer(serializers.Serializer[Any]):
    """The body of a heartbeat."""

    jobs: Any = serializers.ListSerializer(child=HeldSerializer(), max_length=HEARTBEAT_LIMIT)

    def attempts(self) -> dict[str, int]:
        """Return the attempts by job."""
        return {item["jobId"]: item["attempt"] for item in self.validated_data["jobs"]}


class TextDataSerializer(serializers.Serializer[Any]):
    """The data of a `text` event."""

    offset = WholeNumberField(min_value=0, max_value=CLOSED)
    text = WrittenField()


class ProgressDataSerializer(serializers.Serializer[Any]):
    """The data of a `progress` event: at least one of them."""

    progress = NumberField(required=False, allow_null=True, min_value=0, max_value=100)
    step = WrittenField(required=False, allow_null=True, allow_blank=False, max_length=STEP_NAME_LIMIT)
    message = WrittenField(required=False, allow_null=True, limit_bytes=MESSAGE_LIMIT_BYTES)

    def validate(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Refuse an event that says nothing."""
        data = {name: value for name, value in fields.items() if value is not None}
        if not data:
            raise serializers.ValidationError("One of progress, step and message is needed.")
        return {**data, "progress": plain_number(round(data["progress"], 2))} if "progress" in data else data


class LogDataSerializer(serializers.Serializer[Any]):
    """The data of a `log` event."""

    level = serializers.ChoiceField(choices=LEVELS)
    message = WrittenField(limit_bytes=MESSAGE_LIMIT_BYTES)


DATA: dict[str, Callable[..., serializers.Serializer[Any]]] = {
    "text": TextDataSerializer, "progress": ProgressDataSerializer, "log": LogDataSerializer,
}  # fmt: skip


class ReportedSerializer(serializers.Serializer[Any]):
    """An event as a worker sends it."""

    seq = SeqField()
    type = serializers.ChoiceField(choices=list(DATA))
    data = serializers.DictField()  # type: ignore[assignment]  # the field of that name; DRF takes it out of the class

    def validate(self, event: dict[str, Any]) -> dict[str, Any]:
        """Read the data as its type says."""
        data = DATA[event["type"]](data=event["data"])
        if not data.is_valid():
            raise serializers.ValidationError({"data": data.errors})
        fields = dict(data.validated_data)
        if len(encode(fields).encode()) > EVENT_DATA_LIMIT_BYTES:
            raise serializers.ValidationError({"data": f"At most {EVENT_DATA_LIMIT_BYTES} bytes: send a long text in several events."})
        return {**event, "data": fields}


class AttemptSerializer(serializers.Serializer[Any]):
    """What every call about a job carries."""

    attempt = AttemptField()


class EventsSerializer(AttemptSerializer):
    """The body of a report."""

    events: Any = serializers.ListSerializer(child=ReportedSerializer(), min_length=1, max_length=EVENTS_LIMIT)

    def validate_events(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Refuse numbers that do not follow each other."""
        for before, event in pairwise(events):
            if event["seq"] != before["seq"] + 1:
                raise serializers.ValidationError(f"After seq {before['seq']} comes {before['seq'] + 1}, not {event['seq']}.")
        return events

    def reported(self) -> list[Reported]:
        """Return the events."""
        return [Reported(**event) for event in self.validated_data["events"]]


class ReleaseSerializer(AttemptSerializer):
    """The body of a release."""

    seq = SeqField()


class CheckpointSerializer(ReleaseSerializer):
    """The body of a checkpoint."""

    data = KeptField(name="checkpoint", limit_bytes=CHECKPOINT_LIMIT_BYTES, allow_null=True)  # type: ignore[assignment]  # as above


class CompleteSerializer(ReleaseSerializer):
    """The body of a completion."""

    result = KeptField(name="result", limit_bytes=RESULT_LIMIT_BYTES, allow_null=True, default=None)


class WorkerErrorSerializer(serializers.Serializer[Any]):
    """Why the attempt failed: `code` for programs, `message` for people, `detail` for staff, such as a traceback."""

    code = WrittenField(allow_blank=False, max_length=CODE_LIMIT)
    message = WrittenField(limit_bytes=MESSAGE_LIMIT_BYTES)
    detail = WrittenField(default="")


class FailSerializer(ReleaseSerializer):
    """The body of a failure."""

    error = WorkerErrorSerializer()
    retry = serializers.BooleanField(default=False)

    def failed(self) -> Failed:
        """Return how the attempt ended."""
        fields = self.validated_data
        code, message, detail = (fields["error"][name] for name in ("code", "message", "detail"))
        return Failed(code, message, Reason.ERROR, final=not fields["retry"], detail=detail[-DETAIL_LIMIT:])
