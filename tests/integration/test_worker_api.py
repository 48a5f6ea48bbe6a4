"""`/api/worker/*`: remote workers, and the fences that they stand under."""

import asyncio
import threading
from typing import Any

import httpx
import pytest

from jobs import transitions
from jobs.conf import settings
from jobs.models import Job, Worker
from jobs.rescuer import rescue_once
from realtime.hub import _hubs
from tests import runs
from tests.remote import RemoteWorker
from tests.sockets import LiveServer
from tests.tokens import token_of
from tests.waiting import wait_until

BAD_EVENTS: list[dict[str, Any]] = [
    {"seq": 2, "type": "state", "data": {"state": "completed"}}, {"seq": 2, "type": "text", "data": {"offset": "0", "text": "x"}},
    {"seq": 2, "type": "text", "data": {"offset": 0, "text": 5}},
    {"seq": 2, "type": "text", "data": {"offset": 0, "text": "x" * 65_000}},
    {"seq": 2, "type": "progress", "data": {"progress": 101}}, {"seq": 2, "type": "progress", "data": {}},
    {"seq": 2, "type": "progress", "data": {"step": ""}}, {"seq": 2, "type": "progress", "data": {"step": "x" * 101}},
    {"seq": 2, "type": "log", "data": {"level": "loud", "message": "x"}},
    {"seq": 0, "type": "text", "data": {"offset": 0, "text": "x"}},
    {"seq": 9007199254740991, "type": "text", "data": {"offset": 0, "text": "x"}}, {"seq": True, "type": "text", "data": {}},
]  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(live: LiveServer) -> RemoteWorker:
    return RemoteWorker(live)


@pytest.fixture
def job(worker: RemoteWorker, ann: Any) -> dict[str, Any]:
    """Return a job that the worker holds."""
    runs.create(ann, "remote.job", job_id="j")
    (claimed,) = worker.claim()
    return claimed


def row() -> Job:
    return Job.objects.get(pk="j")


def lose(job: dict[str, Any]) -> None:
    """Have the lease be over and the job be put back."""
    Job.objects.filter(pk=job["jobId"]).update(lease_expires_at=job["createdAt"])
    assert rescue_once() == 1


def test_a_run_from_claim_to_completion_is_seen_by_a_viewer(live: LiveServer, worker: RemoteWorker, ann: Any) -> None:
    runs.create(ann, "remote.job", job_id="j", query="why")
    viewer = live.signed_in(ann)
    viewer.subscribe("job:j")
    (job,) = worker.claim()
    assert (job["state"], job["position"], job["query"], job["checkpoint"], job["owner"]) == ("running", "1-1", "why", None, "ann")
    answers = [
        worker.events(job, (2, "progress", {"progress": 20, "step": "Reading"}), (3, "text", {"offset": 0, "text": "one 👍 "})),
        worker.events(job, (4, "log", {"level": "info", "message": "half way"}), (5, "text", {"offset": 7, "text": "two"})),
        worker.about(job, "complete", seq=5, result={"pages": 2}),
    ]
    assert answers == [
        (200, {"position": "1-3"}),
        (200, {"position": "1-5"}),
        (200, {"position": "1-9007199254740991", "state": "completed"}),
    ]
    seqs = [event["seq"] for event in viewer.events(6)]
    assert seqs == [1, 2, 3, 4, 5, 9007199254740991]
    assert (row().text, row().result, row().steps[0]["state"]) == ("one 👍 two", {"pages": 2}, "done")
    assert (Worker.objects.get().name, Worker.objects.get().version[:12]) == ("remote:crawler", "python-httpx")


def test_a_report_again_is_harmless_and_a_hole_is_refused(worker: RemoteWorker, job: dict[str, Any]) -> None:
    worker.write(job, 2, 0, "one ")
    assert worker.write(job, 2, 0, "one ") == (200, {"position": "1-2"})
    overlapping = worker.events(job, (2, "text", {"offset": 0, "text": "one "}), (3, "text", {"offset": 4, "text": "two"}))
    assert overlapping == (200, {"position": "1-3"})
    for seq, offset in ((5, 7), (4, 6), (4, 8)):
        status, problem = worker.write(job, seq, offset, "x")
        assert (status, problem["code"], problem["position"], problem["textLength"]) == (409, "gap", "1-3", 7)
    assert worker.about(job, "complete", seq=2)[1]["code"] == "gap"
    assert row().whole_text() == "one two"


def test_every_end_again_gives_the_same_answer(worker: RemoteWorker, ann: Any) -> None:
    error = {"code": "no_luck", "message": "Try again."}
    for verb, fields in (
        ("complete", {"result": 1}), ("fail", {"error": error}), ("fail", {"error": error, "retry": True}), ("release", {}),
    ):  # fmt: skip
        runs.create(ann, "remote.job")
        (job,) = worker.claim()
        first = worker.about(job, verb, seq=1, **fields)
        assert first[0] == 200, first
        assert worker.about(job, verb, seq=1, **fields) == first
        assert worker.about(job, "complete", seq=1, result="another")[1]["code"] == "fenced"
        Job.objects.all().delete()


def test_an_error_is_tried_again_as_often_as_it_may_be(worker: RemoteWorker, ann: Any) -> None:
    runs.create(ann, "remote.job", job_id="j", max_attempts=2)
    error = {"code": "no_luck", "message": "Not today\0.", "detail": "line 1"}
    (job,) = worker.claim()
    assert worker.about(job, "fail", seq=1, error=error, retry=True)[1]["state"] == "created"
    Job.objects.update(run_at=None)
    (job,) = worker.claim()
    assert worker.about(job, "fail", seq=1, error=error, retry=True)[1]["state"] == "failed"
    assert row().error == {"code": "no_luck", "message": "Not today\ufffd."}
    assert row().transitions.last().detail == "line 1"  # type: ignore[union-attr]


def test_an_old_attempt_is_fenced_whatever_it_asks(worker: RemoteWorker, job: dict[str, Any]) -> None:
    worker.write(job, 2, 0, "lost")
    lose(job)
    (again,) = worker.claim()
    assert (again["attempt"], again["streamingText"]) == (2, "")
    for verb, fields in (
        ("events", {"events": [{"seq": 2, "type": "text", "data": {"offset": 0, "text": "stale"}}]}), ("checkpoint", {"seq": 2, "data": 1}),
        ("complete", {"seq": 2}), ("fail", {"seq": 2, "error": {"code": "a", "message": "b"}}), ("release", {"seq": 2}),
    ):  # fmt: skip
        status, problem = worker.about(job, verb, **fields)
        assert (status, problem["code"]) == (409, "fenced"), verb
    assert (row().attempt, row().whole_text(), row().seq) == (2, "", 1)


def test_a_job_of_another_worker_is_fenced_like_one_that_is_not_there(worker: RemoteWorker, job: dict[str, Any], live: LiveServer) -> None:
    other = RemoteWorker(live, "other")
    for job_id in ("j", "nothing", "-bad"):
        status, problem = other.about({**job, "jobId": job_id}, "complete", seq=1)
        assert (status, problem["code"]) == (409, "fenced")
    assert other.call("heartbeat", {"jobs": [{"jobId": "j", "attempt": 1}]})[1]["stop"] == [{"jobId": "j", "reason": "fenced"}]
    assert row().state == "running"


def test_a_heartbeat_renews_leases_and_names_what_is_to_stop(worker: RemoteWorker, ann: Any) -> None:
    for job_id in ("kept", "cancelled", "lost", "late"):
        runs.create(ann, "remote.job", job_id=job_id)
    held = {job["jobId"]: job["attempt"] for job in worker.claim(limit=10)}
    transitions.command("cancelled", "cancel", actor=ann)
    Job.objects.filter(pk="lost").update(lease_expires_at=Job.objects.get(pk="lost").created_at)
    rescue_once()
    Job.objects.filter(pk="late").update(started_at=Job.objects.get(pk="late").created_at, timeout_seconds=0)
    before = Job.objects.get(pk="kept").lease_expires_at
    _, answer = worker.call("heartbeat", {"jobs": [{"jobId": job_id, "attempt": attempt} for job_id, attempt in held.items()]})
    stop = {item["jobId"]: item["reason"] for item in answer["stop"]}
    assert stop == {"cancelled": "cancelled", "lost": "fenced", "late": "timeout"}
    assert Job.objects.get(pk="kept").lease_expires_at > before  # type: ignore[operator]
    assert (Job.objects.get(pk="late").failures, Job.objects.get(pk="late").attempt) == (1, 2)


def test_the_next_attempt_starts_from_the_checkpoint(worker: RemoteWorker, job: dict[str, Any]) -> None:
    worker.write(job, 2, 0, "kept ")
    assert worker.about(job, "checkpoint", seq=2, data={"page": 1}) == (200, {"position": "1-2"})
    assert worker.about(job, "checkpoint", seq=3, data={"page": 2})[1]["code"] == "gap"
    worker.write(job, 3, 5, "lost")
    worker.about(job, "release", seq=3)
    (again,) = worker.claim()
    assert (again["attempt"], again["streamingText"], again["checkpoint"]) == (2, "kept ", {"page": 1})
    assert worker.write(again, 2, 5, "on")[0] == 200


def test_a_cancelled_job_takes_nothing_more_and_keeps_what_it_had(worker: RemoteWorker, job: dict[str, Any], ann: Any) -> None:
    worker.write(job, 2, 0, "kept")
    transitions.command("j", "cancel", actor=ann)
    status, problem = worker.write(job, 3, 4, "late")
    assert (status, problem["code"], problem["reason"]) == (409, "fenced", "cancelled")
    assert (row().state, row().text) == ("cancelled", "kept")


def test_text_that_becomes_too_long_fails_the_attempt_and_stays(worker: RemoteWorker, job: dict[str, Any]) -> None:
    offset, seq = 0, 2
    while offset + 20_000 <= settings.text_limit_bytes:
        assert worker.write(job, seq, offset, "é" * 10_000)[0] == 200
        offset, seq = offset + 10_000, seq + 1
        if offset * 2 + 20_000 > settings.text_limit_bytes:
            break
    status, problem = worker.write(job, seq, offset, "é" * 10_000)
    assert (status, problem["reason"]) == (409, "text_too_long")
    assert (row().state, (row().error or {})["code"], row().text_length) == ("failed", "text_too_long", offset)


def test_what_workers_write_is_cleaned_and_lengths_stay(worker: RemoteWorker, job: dict[str, Any]) -> None:
    body = '{"attempt": 1, "events": [{"seq": 2, "type": "text", "data": {"offset": 0, "text": "a\\u0000\\ud83d\\udc4d\\ud800"}}]}'
    assert worker.http.post("/api/worker/jobs/j/events", content=body, headers={"Content-Type": "application/json"}).status_code == 200
    assert worker.write(job, 3, 5, "b")[0] == 200
    assert row().whole_text() == "a\ufffd👍\ufffdb"


def test_a_bad_event_is_refused_whole(worker: RemoteWorker, job: dict[str, Any]) -> None:
    for event in BAD_EVENTS:
        status, problem = worker.about(job, "events", events=[event])
        assert (status, problem["code"]) == (400, "invalid"), event
    good = {"seq": 1, "type": "log", "data": {"level": "info", "message": "x"}}
    assert worker.about(job, "events", events=[good, {**good, "seq": 3}])[0] == 400
    assert row().seq == 1


def test_results_and_checkpoints_are_kept_as_they_are_or_refused(worker: RemoteWorker, job: dict[str, Any]) -> None:
    body = '{"attempt": 1, "seq": 1, "result": "a\\u0000"}'
    answer = worker.http.post("/api/worker/jobs/j/complete", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["result"])
    assert worker.about(job, "checkpoint", seq=1, data="x" * 70_000)[0] == 400
    assert worker.about(job, "complete", seq=1, result="x" * 1_060_000)[0] == 400
    assert worker.about(job, "complete", seq=1, result="x" * 900_000)[0] == 200


def test_a_claim_waits_for_work_and_is_woken_at_once(worker: RemoteWorker, ann: Any) -> None:
    claimed: list[Any] = []
    thread = threading.Thread(target=lambda: claimed.extend(worker.claim(wait=20)))
    thread.start()
    wait_until(lambda: Worker.objects.filter(name="remote:crawler").exists(), what="the claim")
    runs.create(ann, "remote.job", job_id="j")
    thread.join(10)
    assert [job["jobId"] for job in claimed] == ["j"]


def test_a_claim_that_waits_in_vain_ends_when_it_is_over(worker: RemoteWorker, caplog: pytest.LogCaptureFixture) -> None:
    assert worker.claim(wait=1.5) == []
    assert "beginning again" not in caplog.text, "the hub looks at it once a second, as at every socket"


def test_a_server_that_ends_sends_waiting_claims_away(worker: RemoteWorker, live: LiveServer) -> None:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(worker.claim(wait=20)))
    thread.start()
    assert live.loop is not None
    hub = wait_until(lambda: _hubs.get(live.loop), what="a hub")  # type: ignore[arg-type]  # asserted
    wait_until(lambda: hub.sockets, what="a claim that waits")
    asyncio.run_coroutine_threadsafe(hub.drain(1), live.loop).result(5)
    thread.join(5)
    assert answers == [[]]


def test_a_worker_that_left_while_it_waited_gets_nothing(worker: RemoteWorker, live: LiveServer, ann: Any) -> None:
    with pytest.raises(httpx.ReadTimeout):
        worker.http.post("/api/worker/claim", json={"types": worker.types, "waitSeconds": 20}, timeout=0.3)
    runs.create(ann, "remote.job", job_id="j")
    (job,) = worker.claim(wait=5)
    assert job["attempt"] <= 2
    assert row().kills == 0


def test_a_token_is_for_its_types_alone_and_worth_nothing_once_revoked(worker: RemoteWorker, job: dict[str, Any], ann: Any) -> None:
    assert worker.call("claim", {"types": ["test.wait"]})[0] == 403
    worker.revoke()
    assert worker.call("claim", {"types": worker.types})[0] == 401
    assert worker.write(job, 2, 0, "x")[0] == 401
    assert worker.row.digest != worker.token


def test_tokens_of_people_are_not_for_workers_nor_the_other_way_round(worker: RemoteWorker, live: LiveServer, ann: Any) -> None:
    url = f"http://127.0.0.1:{live.port}"
    for path in ("claim", "heartbeat", "jobs/j/complete"):
        person = {"Authorization": f"Bearer {token_of(ann)}"}
        assert httpx.post(f"{url}/api/worker/{path}", json={}, headers=person).status_code == 403
        assert httpx.post(f"{url}/api/worker/{path}", json={}).status_code == 401
        assert httpx.post(f"{url}/api/worker/{path}", json={}, headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert worker.http.get("/api/jobs").status_code == 401
    assert live.connect(worker.token).close_code() in (4401, 4501)


def test_a_type_is_known_while_a_token_lists_it(worker: RemoteWorker, live: LiveServer, ann: Any) -> None:
    def create() -> int:
        person = {"Authorization": f"Bearer {token_of(ann)}"}
        return httpx.post(f"http://127.0.0.1:{live.port}/api/jobs", json={"type": "remote.job"}, headers=person).status_code

    assert create() == 201
    worker.revoke()
    assert create() == 400


def test_two_reports_at_once_write_each_event_once(worker: RemoteWorker, job: dict[str, Any]) -> None:
    events = [(seq, "text", {"offset": seq - 2, "text": "x"}) for seq in range(2, 52)]
    answers: list[tuple[int, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(worker.events(job, *events))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(200, {"position": "1-51"})] * 4
    assert row().whole_text() == "x" * 50
