"""The documents of a folder: which there are, and what they say. Markdown, plain text, reStructuredText and HTML."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs.handlers.search import prose
from jobs.handlers.search.corpus import Report, Warn
from jobs.handlers.search.html import html_blocks
from jobs.handlers.search.markdown import markdown_blocks
from jobs.handlers.search.passages import Block, Passage, passages

FILE_LIMIT_BYTES = 2 * 1024 * 1024
"""Of a larger file only the beginning is read."""
FILES_LIMIT = 20_000
"""Most files of one folder; the rest is left out, in the order of their paths."""

_READERS: dict[str, Callable[[str], Iterable[Block]]] = {
    ".md": markdown_blocks,
    ".txt": prose.blocks,
    ".rst": prose.blocks,
    ".html": html_blocks,
}


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file as the folder lists it."""

    path: str
    """Relative to the folder, with `/`."""
    size: int
    changed_ns: int


class FolderCorpus:
    """The documents under `folder`, or those of its entries that `only` names."""

    def __init__(self, folder: Path, *, name: str, only: Sequence[str] = ()) -> None:
        self._folder = folder.resolve()
        self._only = tuple(only)
        self.name = name

    @property
    def key(self) -> str:
        """The index belongs to this folder."""
        return f"folder-{hashlib.sha256(f'{self._folder} {self._only}'.encode()).hexdigest()[:16]}"

    def fingerprint(self) -> str:
        """Return a hash over path, size and time of every document."""
        documents = self.documents()
        return hashlib.sha256("\n".join(f"{each.path} {each.size} {each.changed_ns}" for each in documents).encode()).hexdigest()

    def documents(self) -> list[Document]:
        """Return the documents in the order of their paths."""
        found: list[Document] = []
        for entry in self._only or (".",):
            start = self._folder / entry
            paths = _walk(start) if start.is_dir() else [start]
            found += [document for path in paths if (document := self._document(path))]
        return sorted(found, key=lambda document: document.path)[:FILES_LIMIT]

    def _document(self, path: Path) -> Document | None:
        """Return the file if it is one of ours: by its name, and not by way of a link that leads out of the folder."""
        if path.suffix.lower() not in _READERS:
            return None
        relative = path.relative_to(self._folder).as_posix()
        try:
            if path.is_symlink() and not path.resolve(strict=True).is_relative_to(self._folder):
                return None
            status = path.stat()
        except (OSError, RuntimeError):  # gone again, a link to nothing, a loop of links: listed, and named when it is read
            return Document(path=relative, size=-1, changed_ns=0)
        if not stat.S_ISREG(status.st_mode):
            return None
        return Document(path=relative, size=status.st_size, changed_ns=status.st_mtime_ns)

    def read(self, *, report: Report, warn: Warn) -> Iterator[Passage]:
        """Return the passages of each document; files that cannot be read are named to `warn`."""
        documents = self.documents()
        for done, document in enumerate(documents, 1):
            try:
                text = self._text(document, warn)
            except (OSError, RuntimeError, UnicodeError) as error:
                warn(f"{document.path} cannot be read and is left out: {_reason(error)}.")
            else:
                reader = _READERS[Path(document.path).suffix.lower()]
                yield from passages(reader(text), path=document.path, title=Path(document.path).stem)
            report(done, len(documents))

    def _text(self, document: Document, warn: Warn) -> str:
        with (self._folder / document.path).open("rb") as file:
            content = file.read(FILE_LIMIT_BYTES + 1)
        if len(content) > FILE_LIMIT_BYTES:
            warn(f"{document.path} is large: only its first {FILE_LIMIT_BYTES // 1024} KiB are searched.")
            content = content[:FILE_LIMIT_BYTES].rpartition(b"\n")[0] or content[:FILE_LIMIT_BYTES]
            return content.decode("utf-8-sig", "ignore" if len(content) == FILE_LIMIT_BYTES else "strict")
        return _decoded(content)


def _decoded(content: bytes) -> str:
    text = content.decode("utf-16") if content.startswith((b"\xff\xfe", b"\xfe\xff")) else content.decode("utf-8-sig")
    if "\0" in text:
        raise UnicodeError("it is not text")
    return text


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _walk(folder: Path) -> Iterator[Path]:
    """Return the files below `folder`; links to folders are not followed, so no loop is, and hidden ones are not looked at."""
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if not name.startswith("."))
