"""The shapes that go over the wire, as JSON Schema: the single source of the AsyncAPI and OpenAPI documents and of the types. No Django."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILES = ("job", "events", "client_frames", "server_frames")
Schema = dict[str, Any]


@cache
def read(name: str) -> dict[str, Schema]:
    """Return the definitions of one file, by name. They are shared: copy what you change."""
    definitions: dict[str, Schema] = json.loads((Path(__file__).parent / f"{name}.json").read_text())["definitions"]
    return definitions


def definitions(*names: str, refs: str = "#/definitions/") -> dict[str, Schema]:
    """Return the definitions of these files, or of all, with their references below `refs`."""
    return {name: with_refs(schema, refs) for file in names or FILES for name, schema in read(file).items()}


def with_refs(schema: Any, refs: str) -> Any:
    """Return a copy of a schema whose references are below `refs`."""
    if isinstance(schema, list):
        return [with_refs(item, refs) for item in schema]
    if not isinstance(schema, dict):
        return schema
    copy = {key: with_refs(value, refs) for key, value in schema.items()}
    if isinstance(copy.get("$ref"), str):
        copy["$ref"] = refs + copy["$ref"].rpartition("/")[2]
    return copy


def frame_type(definition: Schema) -> str:
    """Return the `type` of the frames of a definition."""
    kind: str = definition["properties"]["type"]["const"]
    return kind
