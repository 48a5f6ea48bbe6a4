"""The one gate for JSON from outside, on every door. What it lets through every database, log and browser can hold."""

import json
from collections.abc import Callable
from typing import Any

DEPTH_LIMIT = 32
INTEGER_LIMIT = 2**63


class BadJSON(ValueError):
    """The text is not JSON that can be taken; the message says why."""


def loads(data: bytes | str, *, any_text: bool = False) -> Any:
    """Return the value of a JSON text. Raises BadJSON.

    Refused are, beyond bad syntax: bytes that are not UTF-8, NaN and Infinity, numbers beyond 64 bit, a key twice in one
    object, more than 32 levels, and NUL or half a surrogate pair in any string or key. With `any_text` the caller cleans
    the strings that it takes, and calls `check` for the rest.
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
    check(value, any_text=any_text)
    return value


def check(value: Any, *, any_text: bool = False) -> None:
    """Raise BadJSON for a value with too many levels or, unless `any_text`, with a string that cannot be kept."""
    _check(value, 1, _take_text if any_text else _check_text)


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


def _check(value: Any, depth: int, check_text: Callable[[str], None]) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, dict | list):
        if depth > DEPTH_LIMIT:
            raise BadJSON(f"More than {DEPTH_LIMIT} levels.")
        if isinstance(value, dict):
            for key in value:
                check_text(key)
        for item in value.values() if isinstance(value, dict) else value:
            _check(item, depth + 1, check_text)


def _take_text(text: str) -> None:
    """Take a string as it is."""


def _check_text(text: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise BadJSON("A string has a NUL character.")
        return
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadJSON("A string has a NUL character or half a surrogate pair.")
