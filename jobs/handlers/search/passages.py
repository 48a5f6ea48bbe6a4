"""Text in the pieces that a search finds: blocks as they are read from a document, grouped to passages."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

from jobs.text import clean

PASSAGE_LENGTH = 900
"""A passage is closed when it is longer, in characters."""
BLOCK_LIMIT = 4_000
"""A longer paragraph is divided: a file may be one line."""
TITLE_LIMIT = 160

Kind = Literal["heading", "name", "prose", "item"]


@dataclass(frozen=True)
class Block:
    """A heading (of `level` 1, 2 …), the name of what the next blocks define, a paragraph, or an item of a list."""

    kind: Kind
    text: str
    level: int = 0
    defines: str = ""
    """Words that stand out in it: the terms that it introduces."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A few paragraphs about one thing: the unit that is found, ranked and named as a source.

    In `text` each line is a paragraph or an item of a list; a blank line is between paragraphs.
    """

    title: str
    path: str
    text: str
    subject: str = ""
    """What the sentences speak of without naming it: a function, a class, a method."""
    defines: str = ""
    """The terms that it introduces."""
    part: int = 0
    """A section that is long has several passages: 0 is its beginning."""


def passages(blocks: Iterable[Block], *, path: str, title: str, subject: str = "") -> Iterator[Passage]:
    """Group `blocks` to passages under their headings; `title` stands where no heading does."""
    headings: list[Block] = []
    name = ""
    lines: list[str] = []
    defined: list[str] = []
    part = 0

    def closed() -> Iterator[Passage]:
        nonlocal part
        text = clean("".join(lines).strip())
        defines = " ".join(dict.fromkeys(filter(None, defined)))
        lines.clear()
        defined.clear()
        if text:
            about = clean(_title(title, headings, name))
            yield Passage(title=about, path=path, text=text, subject=clean(name or subject), defines=clean(defines), part=part)
            part += 1

    for block in blocks:
        if block.kind == "heading":
            yield from closed()
            headings = [heading for heading in headings if heading.level < block.level] + [block]
            name, part = "", 0
        elif block.kind == "name":
            yield from closed()
            name, part = block.text, 0
        else:
            continues = block.kind == "item" or (bool(lines) and lines[-1].endswith(":"))
            length = sum(map(len, lines))
            if length > 2 * PASSAGE_LENGTH or (not continues and length + len(block.text) > PASSAGE_LENGTH):
                yield from closed()
            defined.append(block.defines)
            first, *others = wrap(block.text, BLOCK_LIMIT, break_on_hyphens=False)
            lines.append(("\n" if block.kind == "item" else "\n\n") + first)
            for other in others:
                yield from closed()
                lines.append(other)
    yield from closed()


def _title(document: str, headings: list[Block], name: str) -> str:
    parts = [heading.text for heading in headings[-2:]] or [document]
    if name:
        parts = [parts[-1], name]
    elif len(parts) == 2 and parts[0] == parts[1]:
        parts = parts[1:]
    return " › ".join(part for part in parts if part)[:TITLE_LIMIT]
