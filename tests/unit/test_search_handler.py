"""The job `search` as a worker runs it: what it writes is its answer, whatever stops it on the way."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from jobs import transitions
from jobs.conf import settings
from jobs.errors import JobFailed
from jobs.handlers.search import builds, corpora, handler, index
from jobs.handlers.search.documents import FolderCorpus
from jobs.handlers.search.writing import Pace, words, words_per_second
from jobs.models import Job
from tests import runs
from tests.waiting import until, wait_until


@pytest.fixture(autouse=True)
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have jobs search one folder alone, with indexes in a folder of their own."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(5):
        name = ("north", "south", "east", "west", "middle")[number]
        lines = " ".join(f"The kraken of the {name} does thing {name}{each} in its own way there." for each in range(9))
        (folder / f"{name}.md").write_text(f"# Kraken of the {name}\n\n{lines}\n")
    monkeypatch.setattr(handler, "corpora", lambda: [FolderCorpus(folder, name="the texts")])
    state = object.__new__(type(settings))
    state.__dict__.update({**settings.__dict__, "state_dir": tmp_path / "state"})
    monkeypatch.setattr(handler, "settings", state)
    return folder


def search(owner: Any, query: str = "kraken", **input: Any) -> Job:
    return runs.create(owner, "search", query=query, input=input)


def result(job: Job) -> dict[str, Any]:
    assert isinstance(job.result, dict)
    return job.result


@pytest.mark.usefixtures("redis")
@pytest.mark.django_db(transaction=True)
class TestJob:
    def test_what_is_written_is_the_answer(self, ann: Any) -> None:
        with runs.worker():
            job = runs.ended(search(ann).pk)

        assert (job.state, job.progress) == ("completed", 100)
        assert [(step["name"], step["state"]) for step in job.steps] == [(name, "done") for name in handler.STEPS]
        assert job.text == result(job)["answer"]
        assert job.text.endswith(")")
        for number, source in enumerate(result(job)["sources"], 1):
            assert f"\n[{number}] {source['title']} ({source['path']})" in job.text
            assert set(source) == {"title", "path", "score", "passage"}

    @pytest.mark.parametrize("query", ["", "the of and", "🎉", "unheardofword", '"foo* OR NEAR(', "日本語", "x " * 4096])
    def test_a_question_without_an_answer_is_told_so(self, ann: Any, query: str) -> None:
        with runs.worker():
            job = runs.ended(search(ann, query).pk)

        assert job.state == "completed"
        assert result(job)["sources"] == []
        assert job.text == result(job)["answer"] != ""
        assert job.text.startswith(("Nothing about “", "The question has no word to search for."))
        assert len(job.text) < 300

    def test_a_word_that_is_nowhere_is_named(self, ann: Any) -> None:
        with runs.worker():
            job = runs.ended(search(ann, "kraken unheardofword").pk)

        assert job.text.startswith("No text has “unheardofword”; this is the closest to the rest of the question.\n\n")
        assert result(job)["sources"]

    @pytest.mark.parametrize("pace", ["fast", -1, True, None, [30], 1e300])
    def test_a_pace_that_is_none_fails_at_once(self, ann: Any, pace: Any) -> None:
        with runs.worker():
            job = runs.ended(search(ann, wordsPerSecond=pace).pk)

        assert (job.state, job.text) == ("failed", "")
        assert job.error == {"code": "bad_input", "message": "input.wordsPerSecond is a number from 0 (at once) to 1000000."}

    def test_it_goes_on_with_the_next_sentence(self, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handler, "CHECKPOINT_SECONDS", 0)
        job = search(ann, wordsPerSecond=60)
        saved = [0]
        with runs.worker():
            for _ in range(3):
                wait_until(lambda: self._checkpointed(job) > saved[-1], what="a sentence more")
                transitions.command(job.pk, "pause", actor=ann)
                transitions.command(job.pk, "resume", actor=ann)
                saved.append(Job.objects.get(pk=job.pk).text_length)
            ended = runs.ended(job.pk, seconds=30)

        assert ended.attempt == 4
        assert saved == sorted(set(saved))
        assert ended.text == result(ended)["answer"]
        assert len(ended.text) > saved[-1]

    def _checkpointed(self, job: Job) -> int:
        checkpoint = Job.objects.get(pk=job.pk).checkpoint or {}
        length: int = checkpoint.get("textLength", 0)
        return length

    def test_a_change_of_the_texts_between_attempts_changes_nothing(self, ann: Any, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(handler, "CHECKPOINT_SECONDS", 0)
        job = search(ann, wordsPerSecond=60)
        with runs.worker():
            wait_until(lambda: self._checkpointed(job) > 0, what="a checkpoint")
            transitions.command(job.pk, "pause", actor=ann)
            for path in texts.iterdir():
                path.write_text("Now it says something else about the kraken.\n")
            transitions.command(job.pk, "resume", actor=ann)
            ended = runs.ended(job.pk, seconds=30)

        assert ended.text == result(ended)["answer"]
        assert "something else" not in ended.text

    def test_files_that_cannot_be_read_are_named_in_the_log(self, ann: Any, texts: Path, redis: Any) -> None:
        (texts / "latin.txt").write_bytes(b"Gr\xf6\xdfe")
        with runs.worker():
            job = runs.ended(search(ann).pk)

        entries = str(redis.xrange(f"job:event:{{{job.pk}}}"))
        assert '"warning"' in entries
        assert "latin.txt cannot be read and is left out: it is not UTF-8 text." in entries


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
    language = corpora._language()

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    reported: list[tuple[int, int]] = []

    async def tell(done: int, total: int) -> None:
        reported.append((done, total))

    found = await builds.hits(language, ["decorator"], folder=tmp_path, tell=tell, warn=warned)
    ticking.cancel()

    assert found.passages > 3000
    assert ticks > 10
    assert reported[0][0] < reported[-1][0]
    assert reported == sorted(reported)
    assert reported[-1][0] == reported[-1][1] > 400


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
