"""The one gate for JSON from outside, on every door. What it lets through every database, log and browser can hold."""

import json
from typing import Any

DEPTH_LIMIT = 32
INTEGER_LIMIT = 2**63


class BadJSON(ValueError):
    """The text is not JSON that can be taken; the message says why."""


def loads(data: bytes | str) -> Any:
    """Return the value of a JSON text. Raises BadJSON.

    Refused are, beyond bad syntax: bytes that are not UTF-8, NaN and Infinity, numbers beyond 64 bit, a key twice in one
    object, more than 32 levels, and NUL or half a surrogate pair in any string or key.
    """
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError:
        raise BadJSON("The text is not UTF-8.") from None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_integer)
    except RecursionError:
        raise BadJSON(f"More than {DEPTH_LIMIT} levels.") from None
    except json.JSONDecodeError as error:
        raise BadJSON(f"Not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    _check(value, 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise BadJSON("A key stands twice in one object.")
    return value


def _constant(name: str) -> Any:
    raise BadJSON(f"{name} is no JSON number.")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise BadJSON("A number is beyond 64 bit.")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -INTEGER_LIMIT <= int(digits) < INTEGER_LIMIT:
        raise BadJSON("A number is beyond 64 bit.")
    return int(digits)


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict | list):
        if depth > DEPTH_LIMIT:
            raise BadJSON(f"More than {DEPTH_LIMIT} levels.")
        if isinstance(value, dict):
            for key in value:
                _check_text(key)
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1)


def _check_text(text: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise BadJSON("A string has a NUL character.")
        return
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadJSON("A string has a NUL character or half a surrogate pair.")
