"""What `search` stands on: indexes that are built once and watched by all who wait, the corpora, the pace."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs.conf import settings
from jobs.errors import JobFailed
from jobs.handlers.search import builds, corpora, index
from jobs.handlers.search.documents import FolderCorpus
from jobs.handlers.search.writing import Pace, words, words_per_second
from tests.waiting import until


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Return a folder with a text about krakens."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "north.md").write_text("# Kraken of the north\n\nThe kraken of the north does things in its own way there.\n")
    return folder


async def told(done: int, total: int) -> None:
    """Take what a build tells."""


async def warned(warning: str) -> None:
    raise AssertionError(warning)


async def test_jobs_that_need_the_same_index_build_it_once(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Path] = []

    def counted(path: Path, *args: Any, **kwargs: Any) -> None:
        begun.append(path)
        index.build(path, *args, **kwargs)

    monkeypatch.setattr(builds, "build", counted)
    corpus = FolderCorpus(texts, name="the texts")

    found = await asyncio.gather(*(builds.hits(corpus, ["kraken"], folder=tmp_path, tell=told, warn=warned) for _ in range(20)))

    assert len(begun) == 1
    assert all(each.candidates for each in found)
    assert builds._builds == {}


async def test_a_damaged_index_is_built_again(texts: Path, tmp_path: Path) -> None:
    corpus = FolderCorpus(texts, name="the texts")
    await builds.hits(corpus, ["kraken"], folder=tmp_path, tell=told, warn=warned)
    path = index.index_path(tmp_path, corpus)
    path.write_bytes(b"damaged" * 1000)

    found = await builds.hits(corpus, ["kraken"], folder=tmp_path, tell=told, warn=warned)

    assert found.candidates
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_build_that_nobody_waits_for_ends(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    original = FolderCorpus._text

    def slow(self: FolderCorpus, *args: Any) -> str:
        go_on.wait(10)
        return original(self, *args)

    monkeypatch.setattr(FolderCorpus, "_text", slow)
    corpus = FolderCorpus(texts, name="the texts")
    waiting = asyncio.create_task(builds.hits(corpus, ["kraken"], folder=tmp_path / "state", tell=told, warn=warned))
    await until(lambda: builds._builds)
    (build,) = builds._builds.values()

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()

    await until(lambda: build.finished)
    assert list((tmp_path / "state").iterdir()) == []


async def test_the_event_loop_goes_on_while_an_index_is_built(tmp_path: Path) -> None:
    ticks = 0
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number}.md").write_text(f"# Decorator {number}\n\n" + f"A decorator of kind {number} wraps a function. " * 5)

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    reported: list[tuple[int, int]] = []

    async def tell(done: int, total: int) -> None:
        reported.append((done, total))

    corpus = FolderCorpus(folder, name="many texts")
    found = await builds.hits(corpus, ["decorator"], folder=tmp_path / "state", tell=tell, warn=warned)
    ticking.cancel()

    assert found.passages == 400
    assert ticks > 3
    assert reported[0][0] < reported[-1][0]
    assert reported == sorted(reported)
    assert reported[-1] == (400, 400)


def test_the_folder_of_the_setting_is_searched_beside_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = object.__new__(type(settings))
    state.__dict__.update({**settings.__dict__, "search_corpus": tmp_path})
    monkeypatch.setattr(corpora, "settings", state)

    names = [corpus.name for corpus in corpora.corpora()]

    assert names[0] == "the Python reference"
    assert names[-1] == f"the documents in {tmp_path.name}"


@pytest.mark.parametrize("text", ["", "one", " one  two\n\nthree ", "a\tb c"])
def test_the_words_of_a_text_are_the_text(text: str) -> None:
    assert "".join(words(text)) == text


async def test_the_pace_is_kept_over_the_whole() -> None:
    pace = Pace(200)
    begun = asyncio.get_running_loop().time()

    for _ in range(40):
        await pace.wait()

    assert 0.15 <= asyncio.get_running_loop().time() - begun < 2


def test_numbers_are_paces() -> None:
    assert [words_per_second(given) for given in ({}, {"wordsPerSecond": 0}, {"wordsPerSecond": 2.5})] == [0, 0, 2.5]
    with pytest.raises(JobFailed):
        words_per_second({"wordsPerSecond": float("nan")})
