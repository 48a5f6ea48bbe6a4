"""Rules that no tool checks: who writes a job's state, and that no test sleeps."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = [path for folder in ("jobs", "realtime", "omnibrowser") for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]
TESTS = [path for path in (ROOT / "tests").rglob("*.py") if "node_modules" not in path.parts]
LONGEST_PAUSE_SECONDS = 0.5


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def writes_state(node: ast.AST) -> bool:
    """Tell whether this sets a row's `state`: by an attribute of a job, or by an `update` of jobs."""
    match node:
        case ast.Assign(targets=targets):
            return any(
                isinstance(item, ast.Attribute) and item.attr == "state" and isinstance(item.value, ast.Name) and item.value.id == "job"
                for target in targets
                for item in (target.elts if isinstance(target, ast.Tuple) else [target])
            )
        case ast.Call(func=ast.Attribute(attr="update" | "bulk_update"), keywords=keywords):
            return any(keyword.arg == "state" for keyword in keywords)
    return False


def test_only_transitions_write_a_jobs_state() -> None:
    writers = {named(path) for path in CODE if any(writes_state(node) for node in ast.walk(ast.parse(path.read_text())))}
    assert writers
    assert {writer for writer in writers if not writer.startswith("jobs/transitions/")} == set()


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_no_test_sleeps(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(func=ast.Attribute(attr="sleep"), args=[ast.Constant(value=float() | int() as seconds)]):
                assert seconds < LONGEST_PAUSE_SECONDS, f"line {node.lineno}: wait for a condition instead"
