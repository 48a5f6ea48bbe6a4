"""Types made from the schemas: `events.d.ts` for TypeScript, `jobs/client/types.py` for Python.

`python -m jobs.schemas.types` writes both files; a test compares them.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jobs.schemas import Schema, definitions

ROOT = Path(__file__).parent.parent.parent
TYPESCRIPT = ROOT / "realtime" / "static" / "realtime" / "events.d.ts"
PYTHON = ROOT / "jobs" / "client" / "types.py"
MADE = "made from the schemas by `python -m jobs.schemas.types`"
TYPESCRIPT_TYPES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
PYTHON_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def typescript() -> str:
    """Return the declarations for TypeScript."""
    parts = [f"/** What goes over the wire, {MADE}. */\n"]
    for name, schema in definitions().items():
        if "properties" in schema:
            parts.append(f"/** {schema['description']} */\nexport interface {name} {_ts_object(schema, '')}\n")
        else:
            parts.append(f"/** {schema['description']} */\nexport type {name} = {_ts(schema)};\n")
    return "\n".join(parts)


def _ts_object(schema: Schema, indent: str) -> str:
    lines = []
    for key, value in schema["properties"].items():
        optional = "" if key in schema["required"] else "?"
        if "description" in value:
            lines.append(f"{indent}  /** {value['description']} */")
        lines.append(f"{indent}  {key}{optional}: {_ts(value, indent + '  ')};")
    return "\n".join(["{", *lines, f"{indent}}}"])


def _ts(schema: Schema, indent: str = "") -> str:
    if "properties" in schema:
        return _ts_object(schema, indent)
    if schema.get("type") == "array":
        item = _ts(schema["items"], indent)
        return f"readonly {item}[]"
    if schema.get("type") == "object":
        return "Record<string, unknown>"
    return " | ".join(_union(schema, lambda item: _ts(item, indent), TYPESCRIPT_TYPES, json.dumps)) or "unknown"


def python() -> str:
    """Return the module for Python."""
    parts = [
        f'"""What goes over the wire, {MADE}."""\n',
        "from typing import Any, Literal, NotRequired, TypedDict\n",
    ]
    for name, schema in definitions().items():
        if "properties" in schema:
            parts += list(_python_classes(name, schema))
        else:
            blank = "\n" if parts[-1].startswith("\nclass") else ""
            parts.append(f'{blank}{name} = {_python(schema, name)}\n"""{schema["description"]}"""\n')
    return "\n".join(parts)


def _python_classes(name: str, schema: Schema) -> Iterator[str]:
    """Yield the class of an object, after those of the objects in it."""
    lines = [f"class {name}(TypedDict):", f'    """{schema["description"]}"""', ""]
    for key, value in schema["properties"].items():
        if "properties" in value:
            yield from _python_classes(f"{name}{key.capitalize()}", value)
        kind = _python(value, f"{name}{key.capitalize()}")
        lines.append(f"    {key}: {kind}" if key in schema["required"] else f"    {key}: NotRequired[{kind}]")
        if "description" in value:
            lines.append(f'    """{value["description"]}"""')
    yield "\n".join(["", *lines, ""])


def _python(schema: Schema, name: str) -> str:
    if "properties" in schema:
        return name
    if schema.get("type") == "array":
        return f"list[{_python(schema['items'], name)}]"
    if schema.get("type") == "object":
        return "dict[str, Any]"
    return " | ".join(_union(schema, lambda item: _python(item, name), PYTHON_TYPES, _literal)) or "Any"


def _literal(*values: Any) -> str:
    return f"Literal[{', '.join(json.dumps(value) if isinstance(value, str) else repr(value) for value in values)}]"


def _union(schema: Schema, inner: Callable[[Schema], str], types: dict[str, str], literal: Callable[..., str]) -> list[str]:
    """Return the alternatives of a schema that is neither object nor array; none for any value."""
    if "$ref" in schema:
        return [schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return [inner(item) for item in schema["anyOf"]]
    if "const" in schema:
        return [literal(schema["const"])]
    if "enum" in schema:
        return [literal(value) for value in schema["enum"]] if literal is json.dumps else [literal(*schema["enum"])]
    kinds = schema.get("type", [])
    return [types[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds)]


def main() -> None:
    """Write both files."""
    TYPESCRIPT.write_text(typescript())
    PYTHON.write_text(python())


if __name__ == "__main__":
    main()
