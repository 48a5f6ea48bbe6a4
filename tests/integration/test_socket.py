"""The protocol over a real socket: subscribing, recovering, commands, limits, and what a client may get wrong."""

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from django.db import OperationalError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from jobs import transitions
from jobs.events import FoldedJob, text_sha256
from jobs.models import Job
from jobs.recorder import Recorder
from jobs.source import JobSource
from realtime import consumers, direct_write, event_log
from realtime.conf import settings
from realtime.event_log import Append
from realtime.position import CLOSED, ORIGIN, Position
from tests import runs
from tests.processes import ROOT
from tests.sockets import LiveServer
from tests.tokens import token_of


def patch(monkeypatch: pytest.MonkeyPatch, **values: Any) -> None:
    for name, value in values.items():
        monkeypatch.setitem(settings.__dict__, name, value)


def publish(recorder: Recorder) -> None:
    """Publish what the recorder holds, as a worker does."""
    append = recorder.take()
    assert append is not None
    assert event_log.append([append]) == [True]


def write(recorder: Recorder, text: str) -> None:
    recorder.write(text)
    publish(recorder)


@pytest.mark.parametrize("way", ["straight to the connection", "through ASGI"])
def test_a_job_from_its_snapshot_to_its_end(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    known = []

    def writer(send: Any) -> Any:
        known.append(direct_write.direct_writer(send))
        return known[0] if way.startswith("straight") else None

    monkeypatch.setattr(consumers, "direct_writer", writer)
    job, recorder = runs.running(ann)
    write(recorder, "before ")
    client = live.signed_in(ann)
    answer = client.subscribe(f"job:{job.pk}")
    assert answer == {"type": "subscribed", "ref": 1, "topic": f"job:{job.pk}", "position": "1-2", "recovered": False}
    snapshot = client.next()
    assert (snapshot["type"], snapshot["position"], snapshot["job"]["streamingText"]) == ("snapshot", "1-2", "before ")
    assert (snapshot["job"]["owner"], snapshot["job"]["state"], snapshot["job"]["attempt"]) == ("ann", "running", 1)
    write(recorder, "after")
    transitions.complete(recorder.flush(), {"answer": 42})
    folded = FoldedJob(snapshot["job"])
    events = client.events(2)
    for event in events:
        folded.fold(event)
    row = Job.objects.get(pk=job.pk)
    assert (folded.state, folded.text, folded.result, str(folded.position)) == ("completed", row.text, row.result, str(row.position))
    assert known[0] is not None, "another uvicorn: look at direct_write"


def test_everything_from_the_beginning(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    write(recorder, "x")
    client = live.signed_in(ann)
    assert client.subscribe(f"job:{job.pk}", "0-0")["recovered"]
    assert [(event["attempt"], event["seq"]) for event in client.events(3)] == [(1, 0), (1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("after", "seqs"), [("1-0", [1, 2, 3]), ("1-2", [3]), ("1-3", [])], ids=["from the start", "the last", "nothing missed"]
)
def test_what_was_missed_follows(live: LiveServer, ann: Any, after: str, seqs: list[int]) -> None:
    job, recorder = runs.running(ann)
    write(recorder, "a")
    write(recorder, "b")
    client = live.signed_in(ann)
    answer = client.subscribe(f"job:{job.pk}", after)
    assert (answer["recovered"], answer["position"]) == (True, "1-3")
    assert [event["seq"] for event in client.events(len(seqs))] == seqs
    write(recorder, "c")
    assert [event["seq"] for event in client.events(1)] == [4]


def test_a_reader_that_missed_more_than_the_log_has_gets_a_snapshot(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    for _ in range(settings.event_log_length + 10):
        write(recorder, "x")
    transitions.flush([recorder.flush()])
    client = live.signed_in(ann)
    assert not client.subscribe(f"job:{job.pk}", "1-5")["recovered"]
    assert client.next()["job"]["streamingText"] == "x" * (settings.event_log_length + 10)


def test_a_reader_ahead_of_the_feed_waits_when_that_can_be(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    client = live.signed_in(ann)
    assert client.subscribe(f"job:{job.pk}", "1-2")["recovered"]
    write(recorder, "a")
    write(recorder, "b")
    assert [event["seq"] for event in client.events(1)] == [3]


@pytest.mark.parametrize("after", ["2-0", "7-3", f"1-{CLOSED}"])
def test_a_reader_ahead_of_what_can_be_gets_a_snapshot(live: LiveServer, ann: Any, after: str) -> None:
    job, _ = runs.running(ann)
    client = live.signed_in(ann)
    assert not client.subscribe(f"job:{job.pk}", after)["recovered"]
    assert client.next()["type"] == "snapshot"


def test_a_closed_job_says_what_its_text_is(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    recorder.write("the end 👍")
    transitions.complete(recorder.flush(), None)
    client = live.signed_in(ann)
    answer = client.subscribe(f"job:{job.pk}", f"1-{CLOSED}")
    assert (answer["recovered"], answer["textSha256"]) == (True, text_sha256(["the end 👍"]))


def test_subscribing_again_moves_the_cursor(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    write(recorder, "a")
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}", "1-2")
    client.subscribe(f"job:{job.pk}", "1-0")
    assert [event["seq"] for event in client.events(2)] == [1, 2]


def test_unsubscribing_ends_the_news_and_is_no_error_without(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    for _ in range(2):
        assert client.ask("unsubscribe", topic=f"job:{job.pk}") == {"type": "unsubscribed", "ref": 1, "topic": f"job:{job.pk}"}
    write(recorder, "unheard")
    client.send("ping")
    while client.subscribe(f"job:{job.pk}", "1-1")["position"] != "1-2":
        assert client.ask("unsubscribe", topic=f"job:{job.pk}")["type"] == "unsubscribed"
    assert [event["data"]["text"] for event in client.events(1)] == ["unheard"]


def test_what_one_may_not_see_is_not_there(live: LiveServer, ann: Any, bob: Any, staff: Any) -> None:
    job, _ = runs.running(ann)
    stranger, boss = live.signed_in(bob), live.signed_in(staff)
    for topic in (f"job:{job.pk}", "job:no-such-job", "jobs:all"):
        assert stranger.subscribe(topic)["code"] == "not_found"
    assert stranger.ask("command", action="cancel", jobId=job.pk)["code"] == "not_found"
    assert boss.subscribe(f"job:{job.pk}")["type"] == "subscribed"


def test_commands(live: LiveServer, ann: Any) -> None:
    job, _ = runs.running(ann)
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    answer = client.ask("command", action="cancel", jobId=job.pk, ifAttempt=2)
    assert (answer["type"], answer["code"]) == ("error", "conflict")
    for _ in range(2):
        answer = client.ask("command", action="cancel", jobId=job.pk, ifAttempt=1)
        assert (answer["type"], answer["job"]["state"], answer["job"]["jobId"]) == ("ack", "cancelled", job.pk)
    assert "streamingText" not in answer["job"]
    assert client.ask("command", action="pause", jobId=job.pk)["code"] == "conflict"
    assert client.ask("command", action="explode", jobId=job.pk)["code"] == "bad_message"
    assert client.ask("command", action="retry", jobId=job.pk)["job"]["position"] == "2-0"


def test_a_command_is_seen_by_those_who_watch(live: LiveServer, ann: Any) -> None:
    job, _ = runs.running(ann)
    client, other = live.signed_in(ann), live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    other.ask("command", action="cancel", jobId=job.pk)
    (event,) = client.events(1)
    assert (event["data"]["state"], event["data"]["reason"]) == ("cancelled", "user")


def test_a_plain_group_send_from_a_django_shell_reaches_the_viewer(live: LiveServer, ann: Any) -> None:
    job, _ = runs.running(ann)
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    event = {"type": "text", "jobId": job.pk, "attempt": 1, "seq": 2, "ts": 1, "data": {"offset": 0, "text": "by hand"}}
    message = {"type": "job.events", "topic": f"job:{job.pk}", "first": "1-2", "position": "1-2", "events": json.dumps([event])}
    code = (
        "from asgiref.sync import async_to_sync; from channels.layers import get_channel_layer; "
        f"async_to_sync(get_channel_layer().group_send)('job.{job.pk}', {message!r})"
    )
    subprocess.run([sys.executable, ROOT / "manage.py", "shell", "--verbosity", "0", "-c", code], check=True, timeout=60)
    assert client.events(1) == [event]


def test_one_s_own_jobs_as_summaries(live: LiveServer, ann: Any, bob: Any) -> None:
    first = runs.create(ann)
    runs.create(bob)
    client = live.signed_in(ann)
    answer = client.subscribe("jobs")
    assert answer == {"type": "subscribed", "ref": 1, "topic": "jobs", "position": None, "recovered": False}
    frame = client.next()
    assert (frame["type"], frame["topic"], [job["jobId"] for job in frame["jobs"]]) == ("jobs", "jobs", [first.pk])
    assert "streamingText" not in frame["jobs"][0]
    second = runs.create(ann)
    runs.create(bob)
    assert [job["jobId"] for job in client.until("jobs")["jobs"]] == [second.pk]
    transitions.command(first.pk, "cancel", actor=ann)
    (changed,) = client.until("jobs")["jobs"]
    assert (changed["jobId"], changed["state"]) == (first.pk, "cancelled")


def test_progress_shows_in_the_list(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    client = live.signed_in(ann)
    client.subscribe("jobs")
    recorder.progress(40, "Generating", None)
    transitions.flush([recorder.flush()])
    while (summary := client.until("jobs")["jobs"][0])["progress"] != 40:
        assert summary["jobId"] == job.pk


def test_everybody_s_jobs_for_staff(live: LiveServer, ann: Any, bob: Any, staff: Any) -> None:
    jobs = [runs.create(ann), runs.create(bob)]
    client = live.signed_in(staff)
    client.subscribe("jobs:all")
    assert {job["jobId"] for job in client.until("jobs", topic="jobs:all")["jobs"]} == {job.pk for job in jobs}
    later = runs.create(ann)
    assert [job["jobId"] for job in client.until("jobs")["jobs"]] == [later.pk]


def test_a_status_follows(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    status = client.until("status")
    assert set(status) == {"type", "topic", "worker", "quietSeconds", "usualSeconds", "queuePosition", "eta"}
    assert (status["worker"], status["quietSeconds"]) == ("alive", 0)
    Job.objects.filter(pk=job.pk).update(lease_expires_at=job.updated_at)
    assert client.until("status")["worker"] == "late"
    transitions.complete(recorder.flush(), None)
    assert client.until("status")["worker"] == "none"


def test_a_deleted_job_ends_its_subscriptions(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    transitions.complete(recorder.flush(), None)
    Job.objects.filter(pk=job.pk).delete()
    assert client.until("unsubscribed") == {"type": "unsubscribed", "topic": f"job:{job.pk}", "reason": "deleted"}


def test_a_changed_priority_is_a_snapshot_at_the_same_position(live: LiveServer, ann: Any) -> None:
    job = runs.create(ann)
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}")
    client.until("snapshot", position="1-0")
    transitions.edit(job.pk, priority=9)
    assert client.until("snapshot", position="1-0")["job"]["priority"] == 9


def test_heartbeats(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    patch(monkeypatch, heartbeat_seconds=1)
    client = live.connect(token_of(ann))
    assert client.next()["heartbeatSeconds"] == 1
    beats = [client.until("heartbeat") for _ in range(2)]
    assert abs(beats[0]["ts"] / 1000 - time.time()) < 5
    assert beats[0]["degraded"] is False
    assert beats[1]["ts"] > beats[0]["ts"]


def test_a_database_that_fails_leaves_the_socket_open(live: LiveServer, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any) -> Any:
        raise OperationalError("away")

    job = runs.create(ann)
    client = live.signed_in(ann)
    with monkeypatch.context() as broken:
        broken.setattr(JobSource, "load", fail)
        broken.setattr(JobSource, "command", fail)
        assert client.subscribe(f"job:{job.pk}")["code"] == "unavailable"
        assert client.ask("command", action="cancel", jobId=job.pk)["code"] == "unavailable"
    assert client.subscribe(f"job:{job.pk}")["type"] == "subscribed"


def test_another_path_is_no_socket(live: LiveServer) -> None:
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{live.port}/elsewhere/"):
        raise AssertionError("it was let in")


def test_many_events_come_in_frames_of_many(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    for _ in range(150):
        recorder.write("x")
        recorder.log("line", "info")
    append = recorder.take()
    assert append is not None
    assert event_log.append([Append(job.pk, append.entries)]) == [True]
    client = live.signed_in(ann)
    client.subscribe(f"job:{job.pk}", "1-1")
    frame = client.next()
    assert (frame["type"], len(frame["events"])) == ("events", len(append.entries))


def test_the_log_reaches_back_to_the_origin(redis: Any, transactional_db: None, ann: Any) -> None:
    job = runs.create(ann)
    assert [entry.position for entry in event_log.read_after([(job.pk, ORIGIN)])[0]] == [Position(1, 0)]
