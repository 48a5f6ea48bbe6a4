"""The page of faults names tests and mechanisms that are there."""

import re
from functools import cache
from pathlib import Path

from tests.pages import ROOT, rows
from tests.sabotage import rows as of_rows
from tests.sabotage import wire, workers
from tests.sabotage.mechanisms import MECHANISMS

FAULTS = list(rows(ROOT / "docs" / "faults.md"))
NAME = re.compile(r"`([^`]+)`")
TESTS = ROOT / "tests"


@cache
def code(path: Path) -> str:
    return path.read_text()


def is_there(name: str) -> bool:
    """Tell whether a test of this name is in its file."""
    path, _, test = name.partition("::")
    return re.search(rf"^(async )?def {test}\(", code(TESTS / path), re.MULTILINE) is not None


def test_every_fault_is_shown_by_a_test_that_is_there() -> None:
    assert [fault[""] for fault in FAULTS] == [f"F{number}" for number in range(1, 45)]
    for fault in FAULTS:
        names = NAME.findall(fault["shown by"])
        assert names, fault[""]
        assert [name for name in names if not is_there(name)] == [], fault[""]


def test_what_a_test_fails_without_is_taken_out_somewhere() -> None:
    assert {of_rows.__name__, wire.__name__, workers.__name__} == {take_out.__module__ for take_out in MECHANISMS.values()}
    named = {name for fault in FAULTS for name in NAME.findall(fault["fails without"])}
    tests = {name for name in named if "::" in name}
    assert [name for name in tests if not is_there(name)] == []
    assert named - tests <= MECHANISMS.keys()
    users = "\n".join(code(path) for path in TESTS.rglob("*.py") if "sabotage" not in path.parts)
    assert [name for name in MECHANISMS if not re.search(rf"[\",]{name}[\",]", users)] == []
