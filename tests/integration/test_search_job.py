"""The job `search` as a worker runs it: what it writes is its answer, whatever stops it on the way."""

from pathlib import Path
from typing import Any

import pytest

from jobs import transitions
from jobs.conf import settings
from jobs.handlers.search import handler
from jobs.handlers.search.documents import FolderCorpus
from jobs.models import Job
from tests import runs
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


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


def test_what_is_written_is_the_answer(ann: Any) -> None:
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
def test_a_question_without_an_answer_is_told_so(ann: Any, query: str) -> None:
    with runs.worker():
        job = runs.ended(search(ann, query).pk)

    assert job.state == "completed"
    assert result(job)["sources"] == []
    assert job.text == result(job)["answer"] != ""
    assert job.text.startswith(("Nothing about “", "The question has no word to search for."))
    assert len(job.text) < 300


def test_a_word_that_is_nowhere_is_named(ann: Any) -> None:
    with runs.worker():
        job = runs.ended(search(ann, "kraken unheardofword").pk)

    assert job.text.startswith("No text has “unheardofword”; this is the closest to the rest of the question.\n\n")
    assert result(job)["sources"]


@pytest.mark.parametrize("pace", ["fast", -1, True, None, [30], 1e300])
def test_a_pace_that_is_none_fails_at_once(ann: Any, pace: Any) -> None:
    with runs.worker():
        job = runs.ended(search(ann, wordsPerSecond=pace).pk)

    assert (job.state, job.text) == ("failed", "")
    assert job.error == {"code": "bad_input", "message": "input.wordsPerSecond is a number from 0 (at once) to 1000000."}


def test_it_goes_on_with_the_next_sentence(ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "CHECKPOINT_SECONDS", 0)
    job = search(ann, wordsPerSecond=200)
    saved = [0]
    with runs.worker():
        for _ in range(3):
            wait_until(lambda: _checkpointed(job) > saved[-1], what="a sentence more")
            transitions.command(job.pk, "pause", actor=ann)
            transitions.command(job.pk, "resume", actor=ann)
            saved.append(Job.objects.get(pk=job.pk).text_length)
        ended = runs.ended(job.pk, seconds=30)

    assert ended.attempt == 4
    assert saved == sorted(set(saved))
    assert ended.text == result(ended)["answer"]
    assert len(ended.text) > saved[-1]


def _checkpointed(job: Job) -> int:
    checkpoint = Job.objects.get(pk=job.pk).checkpoint or {}
    length: int = checkpoint.get("textLength", 0)
    return length


def test_a_change_of_the_texts_between_attempts_changes_nothing(ann: Any, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "CHECKPOINT_SECONDS", 0)
    job = search(ann, wordsPerSecond=200)
    with runs.worker():
        wait_until(lambda: _checkpointed(job) > 0, what="a checkpoint")
        transitions.command(job.pk, "pause", actor=ann)
        for path in texts.iterdir():
            path.write_text("Now it says something else about the kraken.\n")
        transitions.command(job.pk, "resume", actor=ann)
        ended = runs.ended(job.pk, seconds=30)

    assert ended.text == result(ended)["answer"]
    assert "something else" not in ended.text


def test_files_that_cannot_be_read_are_named_in_the_log(ann: Any, texts: Path, redis: Any) -> None:
    (texts / "latin.txt").write_bytes(b"Gr\xf6\xdfe")
    with runs.worker():
        job = runs.ended(search(ann).pk)

    entries = str(redis.xrange(f"job:event:{{{job.pk}}}"))
    assert '"warning"' in entries
    assert "latin.txt cannot be read and is left out: it is not UTF-8 text." in entries
