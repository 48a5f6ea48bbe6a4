"""What a handler writes becomes numbered events that nobody changes any more."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import recorder as module
from jobs.conf import settings
from jobs.errors import JobFailed, JobStopped
from jobs.events import MESSAGE_LIMIT_BYTES, FoldedJob
from jobs.lifecycle import State
from jobs.models import Job, folded
from jobs.recorder import Recorder
from realtime.position import Position, Verdict, judge


def claimed(*, text: str = "", **fields: Any) -> Job:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    values = {"id": "j", "state": State.RUNNING, "attempt": 1, "seq": 1, "created_at": now, "updated_at": now, "started_at": now}
    return Job(**{**values, "text": text, "text_length": len(text.encode("utf-16-le")) // 2, **fields})


def recorder(job: Job | None = None) -> Recorder:
    return Recorder(job or claimed(), on_news=lambda recorder: None)


def published(made: Recorder) -> list[dict[str, Any]]:
    append = made.take()
    return [json.loads(entry.json) for entry in append.entries] if append else []


def test_events_are_numbered_without_gaps_from_2_on() -> None:
    made = recorder()
    made.progress(10, "one", None)
    made.write("text")
    made.log("line", "info")

    events = published(made)

    assert [(event["seq"], event["type"]) for event in events] == [(2, "progress"), (3, "text"), (4, "log")]
    assert published(made) == []


def test_text_and_progress_of_one_window_become_one_event_each() -> None:
    made = recorder()
    for index in range(5):
        made.write(f"{index} ")
        made.progress(index, None, None)

    events = published(made)

    assert [event["data"] for event in events] == [{"offset": 0, "text": "0 1 2 3 4 "}, {"progress": 4}]


def test_coalescing_keeps_the_last_percent_and_drops_no_step() -> None:
    made = recorder()
    for percent, step in ((1, "one"), (2, None), (3, "two"), (4, "two"), (5, "three")):
        made.progress(percent, step, None)

    events = published(made)

    assert [event["data"]["step"] for event in events] == ["one", "two", "three"]
    assert events[-1]["data"]["progress"] == 5


def test_a_step_never_moves_before_the_text_that_was_written_ahead_of_it() -> None:
    made = recorder()
    made.progress(1, "one", None)
    made.write("of one")
    made.progress(2, "two", None)
    made.write("of two")

    assert [event["data"].get("step", event["data"].get("text")) for event in published(made)] == ["one", "of one", "two", "of two"]


def test_percent_never_falls_inside_an_attempt() -> None:
    made = recorder(claimed(progress=30))
    for percent in (20, 50, 40):
        made.progress(percent, None, None)
        assert published(made)[0]["data"]["progress"] == max(30, percent if percent != 40 else 50)


@pytest.mark.parametrize("percent", [-1, 100.1, float("nan"), True, "50"])
def test_percent_that_makes_no_sense_is_refused(percent: Any) -> None:
    with pytest.raises(ValueError, match="0 to 100 percent"):
        recorder().progress(percent, None, None)


@pytest.mark.parametrize("step", ["", "x" * 101])
def test_a_step_has_a_name_of_1_to_100_characters(step: str) -> None:
    with pytest.raises(ValueError, match="step's name"):
        recorder().progress(None, step, None)


def test_only_known_levels_are_logged_and_long_messages_are_cut() -> None:
    made = recorder()
    made.log("ü" * MESSAGE_LIMIT_BYTES, "warning")

    assert len(published(made)[0]["data"]["message"].encode()) <= MESSAGE_LIMIT_BYTES
    with pytest.raises(ValueError, match="A level is one of"):
        made.log("line", "loud")


def test_only_text_is_written() -> None:
    with pytest.raises(TypeError, match="takes text, not bytes"):
        recorder().write(b"bytes")  # type: ignore[arg-type]


def test_offsets_count_what_javascript_counts() -> None:
    made = recorder(claimed(text="👍"))
    made.write("🎉")
    first = published(made)
    made.write("!")

    assert (first[0]["data"]["offset"], published(made)[0]["data"]["offset"]) == (2, 4)


def test_a_torn_character_waits_for_its_other_half() -> None:
    made = recorder()
    made.write("a\ud83d")
    first = published(made)
    made.write("\udc4d")

    assert [first[0]["data"]["text"], published(made)[0]["data"]["text"]] == ["a", "👍"]


@pytest.mark.parametrize(("rest", "text"), [("", "a\ufffd"), ("b", "a\ufffdb")])
def test_half_a_character_that_stays_alone_is_replaced(rest: str, text: str) -> None:
    made = recorder()
    made.write("a\ud83d")
    made.write(rest)
    made.finish()

    assert made.flush().new_text(0) == text


def test_long_text_becomes_events_below_64_kib() -> None:
    made = recorder()
    made.write("\u0001" * 65_536)

    append = made.take()

    assert append
    assert all(len(entry.json.encode()) <= 64 * 1024 for entry in append.entries)
    assert len(append.entries) == 7


def test_past_the_limit_the_attempt_fails_and_what_was_written_stays() -> None:
    made = recorder(claimed(text="x" * (settings.text_limit_bytes - 2)))
    made.write("ok")

    with pytest.raises(JobFailed) as failed:
        made.write("!")

    assert failed.value.code == "text_too_long"
    assert made.flush().text_length == settings.text_limit_bytes
    with pytest.raises(JobFailed):
        made.log("nothing more", "info")


def test_a_stopped_run_writes_nothing_more() -> None:
    made = recorder()
    made.stop("fenced")

    for name, arguments in (("write", ("x",)), ("log", ("x", "info")), ("progress", (1, None, None))):
        with pytest.raises(JobStopped, match="fenced"):
            getattr(made, name)(*arguments)
    assert not made.has_news


def test_the_first_end_counts() -> None:
    made = recorder()
    made.stop("cancelled")
    made.stop("fenced")

    with pytest.raises(JobStopped, match="cancelled"):
        made.check()


def test_who_wants_to_know_of_the_end_is_told_even_when_it_is_late() -> None:
    made = recorder()
    told: list[str] = []
    made.when_ended(lambda: told.append("early"))
    made.stop("fenced")
    made.when_ended(lambda: told.append("late"))

    assert told == ["early", "late"]


def test_what_the_log_lacks_is_held_back_until_the_row_has_it() -> None:
    made = recorder()
    made.write("lost")
    lost = made.take()
    assert lost
    made.lost(lost)
    made.write("next")
    assert made.take() is None
    assert made.wants_flush

    flush = made.flush()
    made.flushed(flush.seq, 0)

    assert [event["data"]["text"] for event in published(made)] == ["next"]


def test_a_handler_far_ahead_of_the_row_waits() -> None:
    made = recorder()
    for _ in range(settings.unflushed_limit):
        assert not made.must_wait
        made.log("line", "info")

    assert made.must_wait
    made.flushed(made.flush().seq, 0)
    assert not made.must_wait


def test_the_lease_is_never_renewed_backwards() -> None:
    made = recorder()
    renewed_at = made.renewed_at

    made.flushed(1, renewed_at - 5)

    assert made.renewed_at == renewed_at


def test_the_clock_may_be_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    made = recorder()
    made.write("a")
    first = published(made)[0]["ts"]
    monkeypatch.setattr(module, "now_ts", lambda: first - 3_600_000)
    made.write("b")

    assert published(made)[0]["ts"] == first


CALLS = st.one_of(
    st.tuples(st.just("write"), st.text(st.characters(codec=None), max_size=5)),
    st.tuples(st.just("progress"), st.integers(0, 100), st.sampled_from([None, "one", "two"]), st.sampled_from([None, "m"])),
    st.tuples(st.just("log"), st.just("line"), st.just("info")),
    st.just(("seal",)),
)


@given(st.lists(CALLS, max_size=30))
def test_the_flush_is_the_fold_of_all_events(calls: list[tuple[Any, ...]]) -> None:
    job = claimed(text="before ")
    made, reader = recorder(job), folded(job, job.text)
    for name, *arguments in calls:
        if name == "seal":
            _fold(reader, published(made))
        else:
            getattr(made, name)(*arguments)
    flush = made.flush()
    _fold(reader, published(made))

    assert (reader.position, reader.text_length) == (Position(1, flush.seq), flush.text_length)
    assert (reader.progress, reader.step, reader.steps, reader.message) == (flush.progress, flush.step, flush.steps, flush.message)
    assert reader.text == job.text + flush.new_text(7)


def _fold(reader: FoldedJob, events: list[dict[str, Any]]) -> None:
    for event in events:
        assert judge(reader.position, event) is Verdict.FOLLOWS
        reader.fold(event)
