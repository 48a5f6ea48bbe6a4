"""How request bodies are read."""

from collections.abc import Mapping
from email.message import Message
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from realtime import strict_json

BODY_LIMIT_BYTES = 256 * 1024
WORKER_BODY_LIMIT_BYTES = 1024 * 1024 + 64 * 1024


class BodyTooLarge(APIException):
    """The body is larger than any request needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A body has at most {BODY_LIMIT_BYTES} bytes."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """JSON through the strict gate."""

    media_type = "application/json"
    limit_bytes = BODY_LIMIT_BYTES
    any_text = False

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the body's value; raises ParseError, and BodyTooLarge."""
        charset = _charset(media_type or "")
        if charset not in ("", "utf-8", "utf8", "us-ascii"):
            raise ParseError("JSON is UTF-8, and the Content-Type says something else.", code="bad_json")
        body = stream.read(self.limit_bytes + 1)
        if len(body) > self.limit_bytes:
            raise BodyTooLarge(f"A body has at most {self.limit_bytes} bytes.")
        try:
            return strict_json.loads(body, any_text=self.any_text)
        except strict_json.BadJSON as error:
            raise ParseError(str(error), code="bad_json") from error


class WorkerJSONParser(StrictJSONParser):
    """What workers send: a result may be large, and the texts that they write are cleaned, not refused, field by field."""

    limit_bytes = WORKER_BODY_LIMIT_BYTES
    any_text = True


def _charset(media_type: str) -> str:
    """Return the charset that a Content-Type names, in small letters."""
    message = Message()
    message["Content-Type"] = media_type
    return str(message.get_param("charset", "")).lower()
