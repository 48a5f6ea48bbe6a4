"""The documentation as a whole: no link leads nowhere, no page is left out, no block of Python is none."""

import ast
import re
from pathlib import Path

import pytest

from tests.pages import PAGES, ROOT, anchors, blocks, rows

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_blocks_of_python_are_such(page: Path) -> None:
    for block in blocks(page):
        if block.language == "python":
            ast.parse(block.code)


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()

    assert [named(page) for page in PAGES if page.name != "README.md" and f"]({named(page)})" not in readme] == []


def test_messages_of_the_code_link_a_section_that_is_there() -> None:
    page = ROOT / "docs" / "troubleshooting.md"
    code = [path for folder in ("jobs", "realtime", "omnibrowser") for path in (ROOT / folder).rglob("*.py")]
    linked = {anchor for path in code for anchor in re.findall(r"docs/troubleshooting\.md#([\w-]+)", path.read_text())}

    assert linked >= {"socket-not-connected", "redis-connection-failed", "job-not-updating", "database-not-reached", "it-does-not-start"}
    assert linked - anchors(page) == set()


def test_every_row_of_troubleshooting_says_what_to_do() -> None:
    table = list(rows(ROOT / "docs" / "troubleshooting.md"))

    assert len(table) > 40
    assert [row["symptom"] for row in table if not (row["symptom"] and row["cause"] and row["what to do"])] == []
