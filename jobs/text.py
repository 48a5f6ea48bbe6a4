"""Text as it goes over the wire: UTF-16 lengths, cutting, cleaning. Offsets count UTF-16 code units, JavaScript's `length`."""

from bisect import bisect_left

REPLACEMENT = "\ufffd"
"""Stands for what no text can hold: NUL, and half of a character."""
TEXT_EVENT_POINTS = 10_000
"""Most code points in one text event: even when each is escaped to six bytes the event stays below 64 KiB."""


def utf16_length(text: str) -> int:
    """Return the length of `text` in UTF-16 code units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def cut(text: str, length: int) -> str:
    """Return the first `length` UTF-16 code units of `text`; raises ValueError when there are fewer or a character would be halved."""
    if text.isascii():
        if length > len(text):
            raise ValueError("The text is shorter than that.")
        return text[:length]
    units = text.encode("utf-16-le")
    if length * 2 > len(units):
        raise ValueError("The text is shorter than that.")
    return units[: length * 2].decode("utf-16-le")  # UnicodeDecodeError is a ValueError


def clean(text: str) -> str:
    """Return `text` with halves of one character joined, and NUL and lone surrogates replaced by U+FFFD."""
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", REPLACEMENT)


def split_trailing_half(text: str) -> tuple[str, str]:
    """Return `text` without a trailing high surrogate, and that surrogate: it waits for its other half."""
    if text and "\ud800" <= text[-1] <= "\udbff":
        return text[:-1], text[-1]
    return text, ""


def pieces(text: str) -> list[str]:
    """Return `text` in pieces that each fit into one event."""
    return [text[start : start + TEXT_EVENT_POINTS] for start in range(0, len(text), TEXT_EVENT_POINTS)]


def cut_bytes(text: str, limit: int) -> str:
    """Return as much of `text` as fits into `limit` bytes of UTF-8."""
    encoded = text.encode()
    return text if len(encoded) <= limit else encoded[:limit].decode(errors="ignore")


class TextLog:
    """Text that only grows, in chunks with their offsets; one thread appends while others read what was there before."""

    def __init__(self, text: str = "", *, start: int = 0) -> None:
        """Begin with `text`, at offset `start`: what is before it is not here."""
        self._offsets: list[int] = []
        self._chunks: list[str] = []
        self.length = start
        """The offset at which the text ends, in UTF-16 code units."""
        if text:
            self.append(text)

    def append(self, chunk: str) -> None:
        """Add a chunk at the end."""
        self._chunks.append(chunk)
        self._offsets.append(self.length)
        self.length += utf16_length(chunk)

    def between(self, start: int, end: int) -> str:
        """Return the text from offset `start` to offset `end`, both between chunks; raises ValueError when one is inside a chunk."""
        return "".join(self._chunks[self._index(start) : self._index(end)])

    def _index(self, offset: int) -> int:
        index = bisect_left(self._offsets, offset)
        known = self._offsets[index] if index < len(self._offsets) else self.length
        if known != offset and not (index == len(self._offsets) and offset == self.length):
            raise ValueError(f"No chunk begins at {offset}.")
        return index
