"""The documentation as tests read it: pages with tables, code blocks, headings and links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block. What stands on its fence: the language, then words that tell a test what to do with it."""

    language: str
    words: tuple[str, ...]
    code: str
    line: int

    def word(self, name: str) -> str | None:
        """Return what stands after `name=` on the fence."""
        return next((word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")), None)


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page."""
    text = page.read_text()
    found = []
    for match in _FENCE.finditer(text):
        language, *words = match[1].split() or [""]
        found.append(Block(language, tuple(words), match[2], text[: match.start()].count("\n") + 1))
    return found


def rows(page: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of all tables of a page, by the names of their columns."""
    columns: list[str] | None = None
    for line in _FENCE.sub("", page.read_text()).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            columns = None
        elif columns is None:
            columns = cells
        elif set(line) - set("|-: "):
            yield dict(zip(columns, cells, strict=True))


def anchors(page: Path) -> set[str]:
    """Return the names of the headings of a page, as links have them."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
