"""Handlers that end, stop or block their process, hang, or write too much; and a worker whom nobody tells. FAULTS F32 to F34, F39."""

import json
from datetime import datetime

import pytest

from omnibrowser.valkey import free_port
from tests.owner import Owner

CHUNKS = 60


def neighbour(owner: Owner, job_id: str) -> str:
    """Have a job that runs beside, and wait until it does."""
    owner.create(job_id, chunks=CHUNKS, seconds=0.05)
    owner.until(job_id, state="running")
    return job_id


def is_whole(owner: Owner, job_id: str) -> int:
    """Check that the job completes with a text that is exact, and return its attempt."""
    row = owner.until(job_id, state="completed")
    attempt: int = row["attempt"]
    assert row["streamingText"] == "".join(f"[{job_id}:{attempt}:{index}]" for index in range(CHUNKS))
    return attempt


def test_what_kills_its_process_is_poison_and_takes_nobody_with_it_at_the_third_time(owner: Owner) -> None:
    owner.site.worker("--processes", "1", LEASE_SECONDS="30")
    beside = neighbour(owner, "beside-poison")
    owner.create("poison", "bad.exits", attempts=9, code=9)

    row = owner.until("poison", state="failed", seconds=30)

    assert row["error"] == {"code": "poison", "message": "The worker was lost 3 times while it ran this job."}
    assert owner.reasons("poison") == ["worker_lost", "worker_lost", "poison"]
    assert is_whole(owner, beside) <= 3
    assert owner.reasons(beside).count("worker_lost") <= 2


def test_a_process_that_a_handler_ended_in_good_order_is_as_dead_as_another(owner: Owner) -> None:
    owner.site.worker("--processes", "1", LEASE_SECONDS="30")
    owner.create("leaves", "bad.exits", attempts=1, code=0)

    row = owner.until("leaves", state="completed")

    assert (row["attempt"], row["streamingText"]) == (2, "[2]")


def test_what_would_end_a_process_ends_only_the_handler_that_raised_it(owner: Owner) -> None:
    worker = owner.site.worker("--processes", "1", LEASE_SECONDS="30")
    beside = neighbour(owner, "beside-quits")
    for error in ("SystemExit", "KeyboardInterrupt"):
        for in_task in (False, True):
            job_id = owner.create(f"quits-{error}-{in_task}", "bad.quits", error=error, in_task=in_task)
            row = owner.until(job_id, state="failed")
            assert row["error"] == {"code": "handler_error", "message": f"The handler raised {error}."}
    assert is_whole(owner, beside) == 1
    assert worker.log.count("takes jobs") == 1


def test_who_blocks_a_process_has_timed_out_and_its_neighbours_are_interrupted(owner: Owner) -> None:
    owner.site.worker("--processes", "1", LEASE_SECONDS="0.8", FLUSH_SECONDS="0.1")
    beside = neighbour(owner, "beside-block")
    owner.create("block", "bad.blocks")

    assert owner.until("block", state="completed")["attempt"] == 2
    assert is_whole(owner, beside) == 2
    assert (owner.reasons("block"), owner.reasons(beside)) == (["timeout", ""], ["interrupted", ""])
    assert owner.job("block")["failures"] == 1


def test_who_hangs_is_ended_though_its_worker_lives(owner: Owner) -> None:
    owner.site.worker("--processes", "1", LEASE_SECONDS="30")
    beside = neighbour(owner, "beside-hanging")
    owner.create("hangs", "bad.stalls", reports=2)

    row = owner.until("hangs", state="failed")

    assert row["error"] == {"code": "timeout", "message": "The attempt reported nothing for 0.3 s."}
    assert is_whole(owner, beside) == 1


EVENT_LIMIT_BYTES = 64 * 1024


@pytest.mark.parametrize("size", [1, EVENT_LIMIT_BYTES + 1, 200 * 1024])
def test_text_of_any_size_comes_in_events_that_fit(owner: Owner, size: int) -> None:
    owner.site.worker("--processes", "1")
    job_id = owner.create(f"writes-{size}", "bad.writes_much", bytes=size)

    row = owner.until(job_id, state="completed")

    assert row["streamingText"] == "before " + "x" * size
    log = owner.site.call("GET", f"/api/jobs/{job_id}/events", token=owner.token)[1]
    assert log["complete"]
    assert max(len(json.dumps(event)) for event in log["events"]) <= EVENT_LIMIT_BYTES


def test_text_that_is_too_long_ends_its_job_and_nobody_else(owner: Owner) -> None:
    owner.site.worker("--processes", "1", LEASE_SECONDS="30")
    beside = neighbour(owner, "beside-long")
    owner.create("writes-much", "bad.writes_much", bytes=20 * 1024 * 1024)

    row = owner.until("writes-much", state="failed")

    assert (row["error"]["code"], row["streamingText"]) == ("text_too_long", "before ")
    assert is_whole(owner, beside) == 1


def whom_nobody_tells(owner: Owner, **settings: str) -> None:
    """Have a job created by a server that tells nobody: a worker runs it, as soon as it looks by itself."""
    owner.site.worker(**settings)
    port = free_port()
    owner.site.serve(port=port, without="nudges")
    body = {"type": "test.echo", "jobId": "untold"}
    assert owner.site.call("POST", "/api/jobs", body, token=owner.token, port=port)[0] == 201
    row = owner.until("untold", state="completed", seconds=8)
    waited = datetime.fromisoformat(row["startedAt"]) - datetime.fromisoformat(row["createdAt"])
    assert waited.total_seconds() < float(owner.site.environment["POLL_SECONDS"]) + 5


def test_a_worker_whom_nobody_tells_finds_its_jobs(owner: Owner) -> None:
    whom_nobody_tells(owner)
