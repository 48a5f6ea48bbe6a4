"""The index of one corpus: an SQLite file with FTS5, built once and never changed, so that any number of processes may read it."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from jobs.handlers.search.corpus import Corpus, Report, Warn
from jobs.handlers.search.passages import Passage
from jobs.handlers.search.terms import match_expression, searchable

FORMAT = 1
"""Part of every file's name: raise it when the tables, or the way in which texts are read, change."""
CANDIDATES = 60
"""So many passages of one index are ranked."""

_TOKENIZE = "porter unicode61 remove_diacritics 2"
_TITLE_WEIGHT = 4.0
_BATCH = 200
_ABANDONED_SECONDS = 3600
_SCHEMA = f"""
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE passage (id INTEGER PRIMARY KEY, title TEXT NOT NULL, path TEXT NOT NULL, text TEXT NOT NULL,
                          subject TEXT NOT NULL, defines TEXT NOT NULL, part INTEGER NOT NULL);
    CREATE VIRTUAL TABLE terms USING fts5(title, text, content='', tokenize='{_TOKENIZE}');
"""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A passage that has a term of the question, with what FTS5's bm25 makes of it (higher is better)."""

    passage: Passage
    bm25: float


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What one index knows about a question."""

    candidates: list[Candidate]
    frequencies: dict[str, int]
    """In how many passages each term is."""
    passages: int
    """How many there are."""


def index_path(folder: Path, corpus: Corpus) -> Path:
    """Return where the index of the corpus as it is now is, or will be."""
    return folder / f"{corpus.key}-{FORMAT}.{corpus.fingerprint()[:20]}.sqlite3"


def build(path: Path, corpus: Corpus, *, report: Report, warn: Warn) -> None:
    """Read the corpus into a new file and put it in its place; whoever else builds the same puts an equal one there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.stem}.", suffix=".tmp")
    try:
        os.close(handle)
        with contextlib.closing(sqlite3.connect(name, isolation_level=None)) as connection:
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN")
            _insert(connection, _unrepeated(corpus.read(report=report, warn=warn)))
            connection.execute("COMMIT")
            connection.execute("INSERT INTO terms (terms) VALUES ('optimize')")
        with open(name, "rb") as file:
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    _remove_older(path, corpus)


def _insert(connection: sqlite3.Connection, passages: Iterable[Passage]) -> None:
    for number, passage in enumerate(passages, 1):
        row = (number, passage.title, passage.path, passage.text, passage.subject, passage.defines, passage.part)
        connection.execute("INSERT INTO passage VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        connection.execute(
            "INSERT INTO terms (rowid, title, text) VALUES (?, ?, ?)",
            (number, searchable(f"{passage.title} {passage.defines}"), searchable(passage.text)),
        )
        if number % _BATCH == 0:
            connection.execute("COMMIT")
            connection.execute("BEGIN")


def _unrepeated(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Leave out what was there before: the reference prints some sections under two topics."""
    seen: set[bytes] = set()
    for passage in passages:
        digest = blake2b(passage.text.encode("utf-8", "replace"), digest_size=12).digest()
        if digest not in seen:
            seen.add(digest)
            yield passage


def _remove_older(path: Path, corpus: Corpus) -> None:
    """Remove what this index replaces, and what builders that were killed have left. A reader keeps the file that it has open."""
    newest = path.stat().st_mtime
    for other in path.parent.glob(f"{corpus.key}-*"):
        with contextlib.suppress(OSError):
            replaced = other.suffix == ".sqlite3" and other != path
            abandoned = other.suffix == ".tmp" and other.stat().st_mtime < newest - _ABANDONED_SECONDS
            if replaced or abandoned:
                other.unlink()


def search(path: Path, terms: Sequence[str]) -> Hits:
    """Return the best candidates for the terms. Raises sqlite3.Error when the file is away or damaged."""
    expressions = {term: match_expression(term) for term in terms}
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        rows = connection.execute(
            "SELECT passage.title, passage.path, passage.text, subject, defines, part, -bm25(terms, ?, 1.0) AS score "
            "FROM terms JOIN passage ON passage.id = terms.rowid WHERE terms MATCH ? ORDER BY score DESC, passage.id LIMIT ?",
            (_TITLE_WEIGHT, " OR ".join(expressions.values()), CANDIDATES),
        ).fetchall()
        count = "SELECT count(*) FROM terms WHERE terms MATCH ?"
        return Hits(
            candidates=[
                Candidate(passage=Passage(title=row[0], path=row[1], text=row[2], subject=row[3], defines=row[4], part=row[5]), bm25=row[6])
                for row in rows
            ],
            frequencies={term: connection.execute(count, (expression,)).fetchone()[0] for term, expression in expressions.items()},
            passages=connection.execute("SELECT count(*) FROM passage").fetchone()[0],
        )


def matcher(terms: Sequence[str]) -> Callable[[Sequence[str]], list[frozenset[str]]]:
    """Return a function that says which of the terms each text has, as the index sees words."""
    expressions = {term: match_expression(term) for term in terms}

    def matches(texts: Sequence[str]) -> list[frozenset[str]]:
        found: list[set[str]] = [set() for _ in texts]
        with contextlib.closing(sqlite3.connect(":memory:")) as connection:
            connection.execute(f"CREATE VIRTUAL TABLE given USING fts5(text, content='', tokenize='{_TOKENIZE}')")
            rows = ((number, searchable(text)) for number, text in enumerate(texts))
            connection.executemany("INSERT INTO given (rowid, text) VALUES (?, ?)", rows)
            for term, expression in expressions.items():
                for (number,) in connection.execute("SELECT rowid FROM given WHERE given MATCH ?", (expression,)):
                    found[number].add(term)
        return [frozenset(each) for each in found]

    return matches
