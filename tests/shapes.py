"""What tests see on the wire is held against the schemas: a key that no schema has is an error too."""

from collections.abc import Callable
from functools import cache
from typing import Any

import fastjsonschema

from jobs.schemas import FILES, Schema, definitions, frame_type, read

SERVER_FRAMES = {frame_type(schema): name for name, schema in read("server_frames").items()}


@cache
def _checker(name: str) -> Callable[[Any], Any]:
    check: Callable[[Any], Any] = fastjsonschema.compile(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": f"#/definitions/{name}",
            "definitions": closed(definitions(*FILES, "rest")),
        }
    )
    return check


def closed(schema: Any) -> Any:
    """Return a copy of a schema in which objects have no keys but those that are described."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy: Schema = {key: closed(value) for key, value in schema.items()}
    is_object = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    return {**copy, "additionalProperties": False} if is_object else copy


def checked(name: str, value: Any) -> Any:
    """Return a value that is what the definition of this name says; fails when it is not."""
    try:
        _checker(name)(value)
    except fastjsonschema.JsonSchemaException as error:
        raise AssertionError(f"not a {name}: {error} in {value!r}") from error
    return value


def checked_frame(frame: dict[str, Any]) -> dict[str, Any]:
    """Return a server's frame that is what the schema of its type says; fails when it is not."""
    found: dict[str, Any] = checked(SERVER_FRAMES[frame["type"]], frame)
    return found


def checked_answer(status: int, body: Any) -> Any:
    """Return the body of an answer of REST; fails when a job, a page of jobs or a problem is not what its schema says."""
    if status >= 400:
        return checked("Problem", body)
    if isinstance(body, dict) and "streamingText" in body:
        return checked("Job", body)
    return checked("JobPage", body) if isinstance(body, dict) and "results" in body else body
