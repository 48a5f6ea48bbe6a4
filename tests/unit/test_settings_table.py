"""docs/settings.md has every variable and every field, with its default, and nothing else."""

import ast
import os
import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest

from jobs.conf import JobSettings
from realtime.conf import RealtimeSettings
from tests.pages import ROOT, rows

PAGE = ROOT / "docs" / "settings.md"
SETTINGS = ROOT / "omnibrowser" / "settings.py"
CODE = [path for folder in ("jobs", "realtime", "omnibrowser") for path in sorted((ROOT / folder).rglob("*.py"))]
NOT_OURS = {"DJANGO_SETTINGS_MODULE"}

VARIABLES = {row["name"].strip("`"): row for row in rows(PAGE) if "example" in row}
FIELDS = {row["name"].strip("`"): row for row in rows(PAGE) if "example" not in row}


def is_variable(node: ast.AST) -> bool:
    """Tell whether this is a name that the environment could have."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isascii() and node.value.isupper()


def names_variable(node: ast.AST) -> bool:
    """Tell whether this reads a variable, or is the setting of the same name."""
    return is_variable(node) or (isinstance(node, ast.Name) and node.id in VARIABLES)


def names_read(path: Path) -> dict[str, ast.Call]:
    """Return the variables that a module reads: `env.int("NAME")`, `_secret("NAME")`, `os.environ.get("NAME")`."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=func, args=[ast.Constant(value=name), *_]) if is_variable(node.args[0]):
                words = ast.unparse(func)
                if "env" in words or (path == SETTINGS and words.startswith("_")):
                    found[str(name)] = node
    return found


def default_of(call: ast.Call) -> Any:
    """Return the default that a call names; MISSING where that is none, or is not known before the start."""
    for keyword in call.keywords:
        if keyword.arg == "default":
            try:
                return eval(ast.unparse(keyword.value), {"__builtins__": {}})
            except (NameError, AttributeError):
                return MISSING
    return MISSING


def shown(default: Any) -> str:
    """Return a default as the page has it."""
    if isinstance(default, bool):
        return str(int(default))
    if isinstance(default, list | tuple):
        return ",".join(default) or "empty"
    return str(default)


def test_every_variable_that_is_read_has_a_row_and_every_row_is_read() -> None:
    read = {name for path in CODE for name in names_read(path)} - NOT_OURS

    assert read == set(VARIABLES)


@pytest.mark.parametrize("name", names_read(SETTINGS))
def test_the_default_of_a_variable_is_the_one_in_its_row(name: str) -> None:
    row = VARIABLES[name]
    default = default_of(names_read(SETTINGS)[name])

    assert all(row.values())
    if default not in (MISSING, ""):
        assert row["default"].strip("`") == shown(default)


def fed_by(dictionary: str) -> dict[str, ast.expr]:
    """Return what settings.py gives the fields of an app."""
    for node in ast.parse(SETTINGS.read_text()).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(keys=keys, values=values)) if name == dictionary:
                return {key.value: value for key, value in zip(keys, values, strict=True) if isinstance(key, ast.Constant)}  # type: ignore[misc]
    raise AssertionError(f"settings.py has no {dictionary}")


@pytest.mark.parametrize(("dictionary", "settings"), [("JOBS", JobSettings), ("REALTIME", RealtimeSettings)])
def test_a_field_has_a_variable_or_a_row_of_its_own_and_one_default_everywhere(dictionary: str, settings: Any) -> None:
    defaults = {field.name: field.default for field in fields(settings)}
    fed = fed_by(dictionary)
    for name, value in fed.items():
        for call in (node for node in ast.walk(value) if isinstance(node, ast.Call)):
            default = default_of(call)
            assert default in (MISSING, "", []) or default == defaults[name], name
    own = {row.removeprefix(f'{dictionary}["').removesuffix('"]'): FIELDS[row] for row in FIELDS if row.startswith(dictionary)}

    has_variable = {name for name, value in fed.items() if any(names_variable(node) for node in ast.walk(value))}

    assert set(own) <= set(defaults)
    assert {name for name in defaults if name not in own} <= has_variable
    assert {name: row["default"].strip("`") for name, row in own.items()} == {name: shown(defaults[name]) for name in own}


def test_the_examples_together_are_a_production_that_starts() -> None:
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    examples = {name: row["example"].strip("`") for name, row in VARIABLES.items()} | {"JOB_HANDLERS": "tests.handlers"}

    done = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"], cwd=ROOT, env=kept | examples, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
