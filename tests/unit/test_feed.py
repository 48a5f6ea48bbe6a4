"""A feed and its cursors: whoever reads gets every event once and in order, or a snapshot."""

import json
from typing import Any

import pytest

from realtime.cursor import Cursor
from realtime.feed import BATCH_LIMIT, Feed
from realtime.position import CLOSED, ORIGIN, Entry, Position, Verdict
from tests.watched import MadeUpJob, closed, queued, running, text


def entry(event: dict[str, Any]) -> Entry:
    return Entry(Position(event["attempt"], event["seq"]), json.dumps(event))


def feed_of(*events: dict[str, Any], ring_length: int = 200) -> Feed:
    """Return a feed that heard these events after a job that nobody has begun."""
    feed = Feed("job:j", MadeUpJob(), ring_length=ring_length)
    for event in events:
        assert feed.take(event, json.dumps(event)) is Verdict.FOLLOWS
    return feed


def read(cursor: Cursor) -> list[dict[str, Any]]:
    frames = []
    while (frame := cursor.next_frame()) is not None:
        frames.append(json.loads(frame.text))
    return frames


STREAM = [queued(1), running(1), text(1, 2, 0, "one "), text(1, 3, 4, "two ")]


def test_a_reader_without_a_position_gets_a_snapshot_and_then_events() -> None:
    feed = feed_of(*STREAM[:3])
    cursor = Cursor(feed, None)
    (snapshot,) = read(cursor)
    assert (snapshot["type"], snapshot["position"], snapshot["job"]["streamingText"]) == ("snapshot", "1-2", "one ")
    feed.take(STREAM[3], json.dumps(STREAM[3]))
    (events,) = read(cursor)
    assert (events["type"], events["topic"], events["events"]) == ("events", "job:j", STREAM[3:])
    assert read(cursor) == []


def test_a_reader_with_a_position_gets_what_it_missed_in_one_frame() -> None:
    feed = feed_of(*STREAM)
    assert feed.reaches(Position(1, 1))
    (frame,) = read(Cursor(feed, Position(1, 1)))
    assert frame["events"] == STREAM[2:]


def test_readers_at_one_position_share_one_frame() -> None:
    feed = feed_of(*STREAM)
    frames = [Cursor(feed, Position(1, 1)).next_frame() for _ in range(3)]
    assert frames[0] is frames[1] is frames[2]
    snapshots = [Cursor(feed, None).next_frame() for _ in range(2)]
    assert snapshots[0] is snapshots[1]


def test_a_frame_is_made_anew_when_there_is_more() -> None:
    feed = feed_of(*STREAM[:3])
    Cursor(feed, Position(1, 1)).next_frame()
    feed.take(STREAM[3], json.dumps(STREAM[3]))
    (frame,) = read(Cursor(feed, Position(1, 1)))
    assert frame["events"] == STREAM[2:]


def test_zero_reaches_back_only_as_far_as_the_first_event() -> None:
    assert feed_of(*STREAM, ring_length=4).reaches(ORIGIN)
    assert not feed_of(*STREAM, ring_length=3).reaches(ORIGIN)


def test_a_reader_that_falls_out_of_the_ring_gets_a_snapshot() -> None:
    feed = feed_of(*STREAM, ring_length=2)
    assert not feed.reaches(Position(1, 0))
    (frame,) = read(Cursor(feed, Position(1, 0)))
    assert frame["type"] == "snapshot"


def test_an_event_that_is_known_or_leaves_a_gap_changes_nothing() -> None:
    feed = feed_of(*STREAM[:3])
    assert feed.take(STREAM[2], "") is Verdict.OLD
    assert feed.take(text(1, 4, 8, "three"), "") is Verdict.GAP
    assert feed.position == Position(1, 2)


def test_an_event_that_does_not_fit_raises_and_changes_nothing() -> None:
    feed = feed_of(*STREAM[:3])
    with pytest.raises(ValueError, match="1"):
        feed.take(text(1, 3, 1, "two "), "")
    assert feed.position == Position(1, 2)
    assert read(Cursor(feed, Position(1, 2))) == []


def test_a_frame_of_events_stays_below_its_limit_in_bytes() -> None:
    feed, offset, events = feed_of(queued(1), running(1)), 0, []
    for seq in range(2, 30):
        event = text(1, seq, offset, "ü" * 10_000)
        feed.take(event, json.dumps(event, ensure_ascii=False))
        events.append(event)
        offset += 10_000
    cursor, got = Cursor(feed, Position(1, 1)), []
    while (frame := cursor.next_frame()) is not None:
        assert len(frame.text.encode()) <= BATCH_LIMIT
        got += json.loads(frame.text)["events"]
    assert got == events


def test_an_event_over_the_limit_still_goes_alone() -> None:
    event = text(1, 2, 0, "x" * (BATCH_LIMIT + 1))
    feed = feed_of(queued(1), running(1), event)
    (frame,) = read(Cursor(feed, Position(1, 1)))
    assert frame["events"] == [event]


def test_what_the_log_had_before_the_row_is_remembered() -> None:
    job = MadeUpJob()
    for event in STREAM:
        job.fold(event)
    feed = Feed("job:j", job, ring_length=200)
    feed.remember([entry(event) for event in STREAM])
    assert feed.reaches(ORIGIN)
    assert feed.reaches(Position(1, 2))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_log_with_a_hole_is_remembered_from_the_hole_on(missing: int) -> None:
    job = MadeUpJob()
    for event in STREAM:
        job.fold(event)
    feed = Feed("job:j", job, ring_length=200)
    feed.remember([entry(event) for index, event in enumerate(STREAM) if index != missing])
    for index, event in enumerate(STREAM):
        assert feed.reaches(Position(event["attempt"], event["seq"])) == (index == 3 or (index >= missing and missing < 3))


def test_a_log_that_ends_below_the_row_is_not_remembered() -> None:
    job = MadeUpJob()
    for event in STREAM:
        job.fold(event)
    feed = Feed("job:j", job, ring_length=200)
    feed.remember([entry(event) for event in STREAM[:3]])
    assert not feed.reaches(Position(1, 1))


def test_replacing_the_job_gives_readers_behind_a_snapshot_and_nothing_to_those_there() -> None:
    feed = feed_of(*STREAM[:3])
    behind, there = Cursor(feed, Position(1, 2)), Cursor(feed, Position(1, 3))
    job = MadeUpJob()
    for event in STREAM:
        job.fold(event)
    feed.replace(job)
    assert [frame["type"] for frame in read(behind)] == ["snapshot"]
    assert read(there) == []


def test_a_job_that_went_back_gives_all_readers_a_snapshot() -> None:
    feed = feed_of(*STREAM)
    cursor = Cursor(feed, Position(1, 3))
    feed.replace(feed_of(*STREAM[:3]).job)
    (frame,) = read(cursor)
    assert (frame["type"], frame["position"]) == ("snapshot", "1-2")


@pytest.mark.parametrize("row_at", [2, 3, 4])
def test_an_edit_reaches_all_readers_wherever_the_row_is(row_at: int) -> None:
    feed = feed_of(*STREAM[:3])
    cursor = Cursor(feed, Position(1, 2))
    row = feed_of(*STREAM[:row_at]).job
    row.priority, row.edits = 7, 1  # type: ignore[attr-defined]
    feed.edit(row)
    (frame,) = read(cursor)
    assert (frame["type"], frame["job"]["priority"]) == ("snapshot", 7)
    assert frame["position"] == str(max(Position(1, 2), row.position))
    assert feed.job.edits == 1


def test_a_new_attempt_follows_for_readers_that_have_what_is_kept() -> None:
    requeued = queued(2, keep_text=4, keep_seq=2)
    feed = feed_of(*STREAM, requeued)
    assert feed.reaches(Position(1, 3))
    assert feed.reaches(Position(1, 2))
    assert feed.job.render()["streamingText"] == "one "


def test_a_close_follows_for_readers_that_have_its_last_event() -> None:
    feed = feed_of(*STREAM, closed(1, last_seq=3, length=8))
    assert feed.position == Position(1, CLOSED)
    (frame,) = read(Cursor(feed, Position(1, 2)))
    assert [event["seq"] for event in frame["events"]] == [3, CLOSED]
