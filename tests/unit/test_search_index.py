"""Indexes: built once for each state of the texts, put in place as a whole, by any number of builders."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.handlers.search import index
from jobs.handlers.search.corpus import Report, Warn
from jobs.handlers.search.documents import FILE_LIMIT_BYTES, FolderCorpus
from jobs.handlers.search.index import build, index_path, search
from jobs.handlers.search.language import LanguageCorpus
from jobs.handlers.search.passages import Passage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one document of each sort."""
    made = tmp_path / "texts"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "guide.md").write_text("# Guide\n\nThe kraken sleeps in the deep sea.\n")
    (made / "deep" / "note.txt").write_text("A walrus is a large animal of the cold sea.\n")
    (made / "deep" / "er" / "page.rst").write_text("Otters\n======\n\nAn otter holds hands while it sleeps.\n")
    (made / "deep" / "site.html").write_text("<h1>Seals</h1><p>A seal barks at the moon.")
    (made / "ignored.py").write_text("kraken = 1\n")
    return made


def built(corpus: FolderCorpus | LanguageCorpus, into: Path) -> tuple[Path, list[str], list[tuple[int, int]]]:
    warnings: list[str] = []
    reports: list[tuple[int, int]] = []
    path = index_path(into, corpus)
    build(path, corpus, report=lambda done, total: reports.append((done, total)), warn=warnings.append)
    return path, warnings, reports


def found(path: Path, *terms: str) -> list[tuple[str, str]]:
    return [(each.passage.title, each.passage.path) for each in search(path, terms).candidates]


def test_every_sort_of_document_is_found(folder: Path, tmp_path: Path) -> None:
    path, warnings, reports = built(FolderCorpus(folder, name="texts"), tmp_path / "state")

    assert found(path, "kraken") == [("Guide", "guide.md")]
    assert found(path, "animals") == [("note", "deep/note.txt")]
    assert found(path, "otter") == [("Otters", "deep/er/page.rst")]
    assert found(path, "seal") == [("Seals", "deep/site.html")]
    assert search(path, ["sea", "unheard"]).frequencies == {"sea": 2, "unheard": 0}
    assert (warnings, reports) == ([], [(1, 4), (2, 4), (3, 4), (4, 4)])


def test_another_state_of_the_files_is_another_index(folder: Path, tmp_path: Path) -> None:
    corpus = FolderCorpus(folder, name="texts")
    old = built(corpus, tmp_path)[0]
    assert index_path(tmp_path, corpus) == old

    os.utime(folder / "guide.md", ns=(1, 1))
    touched = index_path(tmp_path, corpus)
    (folder / "guide.md").write_text("# Guide\n\nThe kraken wakes up when the sea is still.\n")
    new = built(corpus, tmp_path)[0]

    assert len({old, touched, new}) == 3
    assert not old.exists()
    assert "wakes" in search(new, ["kraken"]).candidates[0].passage.text


def test_what_cannot_be_read_is_named_and_left_out(folder: Path, tmp_path: Path) -> None:
    (folder / "latin.txt").write_bytes("Größe".encode("latin-1"))
    (folder / "binary.md").write_bytes(b"a\0b")
    (folder / "gone.md").symlink_to(folder / "nothing.md")

    path, warnings, _ = built(FolderCorpus(folder, name="texts"), tmp_path)

    assert [warning.split()[0] for warning in warnings] == ["binary.md", "gone.md", "latin.txt"]
    assert warnings[2] == "latin.txt cannot be read and is left out: it is not UTF-8 text."
    assert found(path, "kraken")


def test_no_link_leads_round_in_circles_or_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("The kraken is secret.\n")
    (folder / "deep" / "round").symlink_to(folder, target_is_directory=True)
    (folder / "self.md").symlink_to(folder / "self.md")
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    (folder / "in.md").symlink_to(folder / "guide.md")
    os.mkfifo(folder / "pipe.txt")

    documents = [document.path for document in FolderCorpus(folder, name="texts").documents()]

    assert documents == ["deep/er/page.rst", "deep/note.txt", "deep/site.html", "guide.md", "in.md", "self.md"]


def test_of_a_huge_file_the_beginning_is_read(folder: Path, tmp_path: Path) -> None:
    line = "The leviathan is é larger than all other animals of the sea.\n"
    (folder / "huge.txt").write_text(line * (FILE_LIMIT_BYTES // len(line) + 9_000))
    (folder / "line.txt").write_text("é" * FILE_LIMIT_BYTES)

    path, warnings, _ = built(FolderCorpus(folder, name="texts"), tmp_path)

    assert [warning.split()[0] for warning in warnings] == ["huge.txt", "line.txt"]
    assert found(path, "leviathan")


def test_a_build_that_is_ended_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    def end(done: int, total: int) -> None:
        raise InterruptedError

    corpus = FolderCorpus(folder, name="texts")
    with pytest.raises(InterruptedError):
        build(index_path(tmp_path / "state", corpus), corpus, report=end, warn=lambda warning: None)

    assert list((tmp_path / "state").iterdir()) == []


def test_builders_that_race_put_one_whole_index_in_place(folder: Path, tmp_path: Path) -> None:
    corpus = FolderCorpus(folder, name="texts")
    errors: list[BaseException] = []

    def race() -> None:
        try:
            assert found(built(corpus, tmp_path)[0], "kraken")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [index_path(tmp_path, corpus).name]


def test_a_damaged_index_is_an_error_that_says_so(folder: Path, tmp_path: Path) -> None:
    path = built(FolderCorpus(folder, name="texts"), tmp_path)[0]
    path.write_bytes(b"not a database at all" * 100)

    with pytest.raises(sqlite3.DatabaseError):
        search(path, ["kraken"])


def test_what_an_ended_builder_left_behind_goes_after_an_hour(folder: Path, tmp_path: Path) -> None:
    corpus = FolderCorpus(folder, name="texts")
    old, young = (tmp_path / f"{corpus.key}-1.{name}.tmp" for name in ("old", "young"))
    for left in (old, young):
        left.touch()
    os.utime(old, (1, 1))

    built(corpus, tmp_path)

    assert (old.exists(), young.exists()) == (False, True)


class Twice:
    """A corpus that says the same in two places."""

    key, name = "twice", "twice"

    def fingerprint(self) -> str:
        return "1"

    def read(self, *, report: Report, warn: Warn) -> Iterator[Passage]:
        for path in ("first", "second"):
            yield Passage(title="T", path=path, text="The same words about a kraken.")


def test_what_is_said_twice_is_found_where_it_comes_first(tmp_path: Path) -> None:
    path = index.index_path(tmp_path, Twice())
    build(path, Twice(), report=lambda done, total: None, warn=lambda warning: None)

    assert found(path, "kraken") == [("T", "first")]


def test_the_library_is_read_under_the_names_that_people_know(tmp_path: Path) -> None:
    library = tmp_path / "lib"
    (library / "package" / "test").mkdir(parents=True)
    (library / "package" / "__init__.py").write_text('"""The package does useful work for you."""\nfrom .inner import *\n')
    (library / "package" / "inner.py").write_text(
        'class Thing:\n    """A thing that can be turned on."""\n    def turn(self):\n        """Turn the thing on until it goes off."""\n'
        '    def _hidden(self):\n        """Not for the eyes of anybody else."""\n'
    )
    (library / "package" / "test" / "cases.py").write_text('"""Nobody asks about these test cases at all."""\n')
    (library / "broken.py").write_text("def (:\n")

    path, warnings, reports = built(LanguageCorpus(library), tmp_path / "state")

    assert ("package.Thing.turn", "package/inner.py") in found(path, "goes", "thing")
    assert ("package", "package/__init__.py") in found(path, "useful", "nobody", "anybody")
    assert not any("hidden" in title or "test" in place for title, place in found(path, "nobody", "anybody", "cases"))
    assert warnings[0].startswith("broken.py cannot be read: ")
    assert reports[-1][0] == reports[-1][1]
    assert ('The "with" statement', "reference/with") in found(path, "kwwith", "statement")
