"""HTML to blocks, by the parser of the standard library."""

from collections.abc import Iterator
from html.parser import HTMLParser

from jobs.handlers.search.passages import Block

_UNSHOWN = frozenset(
    "footer math nav noscript pre script select style svg table template textarea title".split()  # noqa: SIM905  names read better as text
)
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ENDS_BLOCK = frozenset(
    """address article aside blockquote body br dd details div dl dt fieldset figcaption figure form header hr html li main ol p
    section summary ul""".split()  # noqa: SIM905
)


def html_blocks(text: str) -> Iterator[Block]:
    """Return headings, paragraphs and items; scripts, code, tables and navigation are left out."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    parser.end_block()
    yield from parser.blocks


class _Parser(HTMLParser):
    """Collects text until a tag ends its block. Nothing in a document is an error."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._unshown: list[str] = []
        self._parts: list[str] = []
        self._heading = 0
        self._in_item = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSHOWN:
            self._unshown.append(tag)
        if tag in _ENDS_BLOCK or tag in _HEADINGS:
            self.end_block()
        if tag in _HEADINGS:
            self._heading = int(tag[1])
        elif tag == "li":
            self._in_item = True
        elif tag == "code":
            self._parts.append('"')

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unshown:
            del self._unshown[self._unshown.index(tag) :]
            self.end_block()
        elif tag in _ENDS_BLOCK or tag in _HEADINGS:
            self.end_block()
            self._in_item = self._in_item and tag != "li"
        elif tag == "code":
            self._parts.append('"')

    def handle_data(self, data: str) -> None:
        if not self._unshown:
            self._parts.append(data)

    def end_block(self) -> None:
        """Take what was collected as one block."""
        text = " ".join("".join(self._parts).replace('""', "").replace("¶", "").split())
        self._parts.clear()
        if text:
            if self._heading:
                self.blocks.append(Block("heading", text, self._heading))
            else:
                self.blocks.append(Block("item", f"- {text}") if self._in_item else Block("prose", text))
        self._heading = 0
        self._in_item = False
