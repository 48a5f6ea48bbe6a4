"""How request bodies are read."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from realtime import strict_json

BODY_LIMIT_BYTES = 256 * 1024


class BodyTooLarge(APIException):
    """The body is larger than any request needs."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"A body has at most {BODY_LIMIT_BYTES} bytes."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """JSON through the strict gate."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Return the body's value; raises ParseError, and BodyTooLarge."""
        body = stream.read(BODY_LIMIT_BYTES + 1)
        if len(body) > BODY_LIMIT_BYTES:
            raise BodyTooLarge
        try:
            return strict_json.loads(body)
        except strict_json.BadJSON as error:
            raise ParseError(str(error), code="bad_json") from error
