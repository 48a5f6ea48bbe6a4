"""Many who want the same rows at the same moment, locks that nobody lets go, connections that are used up.

FAULTS F15, F16, F25 to F27, F38, F42, each against two servers on one PostgreSQL. Their twins are in tests/chaos/test_twins.py.
"""

import asyncio
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import psycopg
import pytest

from omnibrowser.valkey import free_port
from realtime.position import Position
from tests.e2e.postgres_site import PostgresSite, postgres_site
from tests.proxy import Proxy
from tests.rows import together
from tests.viewers import Viewer, agree
from tests.waiting import until, wait_until

JOBS = 50
LEASE_SECONDS = 3


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresSite]:
    with postgres_site() as made:
        yield made


@pytest.fixture(autouse=True)
def _tidy(postgres: PostgresSite) -> Iterator[None]:
    """End what a test leaves: its workers, and its jobs."""
    yield
    postgres.tidy()


def in_opposite_orders(postgres: PostgresSite, name: str, *, ports: list[int] | None = None) -> None:
    """Have one script cancel jobs and another one complete them from the other end, while the worker's heartbeat names all of them."""
    jobs = [f"{name}-{index:02}" for index in range(JOBS)]
    first, second = ports or postgres.ports
    postgres.claimed(*jobs)
    over = threading.Event()
    beats: list[int] = []

    def beat() -> None:
        held = {"jobs": [{"jobId": job_id, "attempt": 1} for job_id in jobs]}
        while not over.is_set():
            beats.append(postgres.ask("POST", "/api/worker/heartbeat", held, port=first)[0])

    beating = threading.Thread(target=beat)
    beating.start()
    cancelled, completed = together(
        lambda: {job_id: postgres.cancel(job_id, port=first)[0] for job_id in jobs},
        lambda: {job_id: postgres.complete(job_id, port=second)[0] for job_id in reversed(jobs)},
    )
    over.set()
    beating.join()
    assert set(beats) == {200}
    for job_id in jobs:
        assert (cancelled[job_id], completed[job_id]) in ((200, 409), (409, 200)), job_id
        assert postgres.ends(job_id) == ["cancelled" if cancelled[job_id] == 200 else "completed"]
    assert {*cancelled.values(), *completed.values()} == {200, 409}, "each of them came first at its end of the line"


def test_who_wants_the_same_rows_in_the_opposite_order_is_not_refused(postgres: PostgresSite) -> None:
    in_opposite_orders(postgres, "opposite")


def creates_at_once(postgres: PostgresSite, job_id: str, *, ports: list[int] | None = None) -> None:
    """Post the same body fifty times at once: the job is there once."""
    body = {"type": "test.wait", "jobId": job_id, "query": job_id}
    answers = together(*(lambda port=port: postgres.ask("POST", "/api/jobs", body, port=port) for port in (ports or postgres.ports) * 25))
    assert sorted(status for status, _ in answers) == [200] * 49 + [201]
    assert {job["jobId"] for _, job in answers} == {job_id}
    assert len(postgres.ask("GET", f"/api/jobs?search={job_id}")[1]["results"]) == 1


def test_fifty_creates_at_once_are_one_job(postgres: PostgresSite) -> None:
    creates_at_once(postgres, "once")


def cancels_at_once(postgres: PostgresSite, job_id: str, *, ports: list[int] | None = None) -> None:
    """Cancel a running job a hundred times at once: that is one change, and everybody is told so."""
    postgres.claimed(job_id)
    answers = together(*(lambda port=port: postgres.cancel(job_id, port=port) for port in (ports or postgres.ports) * 50))
    assert {status for status, _ in answers} == {200}
    assert {(job["state"], job["attempt"], job["position"]) for _, job in answers} == {("cancelled", 1, "1-9007199254740991")}
    assert postgres.ends(job_id) == ["cancelled"]


def test_a_hundred_cancels_at_once_are_one(postgres: PostgresSite) -> None:
    cancels_at_once(postgres, "stopped")


def races(postgres: PostgresSite, name: str, *, seed: int, most: int = 400, least: int = 20, ports: list[int] | None = None) -> None:
    """Cancel jobs while they complete, until each has come first: one of both is true, and whoever asks is told which."""
    print(f"seed {seed}")
    draw, came_first = random.Random(seed), set[str]()
    first, second = ports or postgres.ports
    for index in range(most):
        job_id = f"{name}-{index}"
        postgres.claimed(job_id)
        pauses = [draw.uniform(0, 0.005), draw.uniform(0, 0.005)]

        def after(pause: float, call: Any, job_id: str, port: int) -> Any:
            time.sleep(pause)
            return call(job_id, port=port)

        (cancelled, said), (completed, _) = together(
            partial(after, pauses[0], postgres.cancel, job_id, first), partial(after, pauses[1], postgres.complete, job_id, second)
        )
        state = postgres.job(job_id)["state"]
        assert (cancelled, completed) == ((200, 409) if state == "cancelled" else (409, 200)), said
        assert said["state"] == state
        assert postgres.ends(job_id) == [state]
        came_first.add(state)
        if index >= least and len(came_first) == 2:
            return
    raise AssertionError(f"it was always {came_first}")


def test_a_cancel_that_races_the_end_says_which_came_first(postgres: PostgresSite) -> None:
    races(postgres, "race", seed=random.randrange(10**6))


def rescuers_at_once(postgres: PostgresSite, name: str, *, without: str = "") -> None:
    """Freeze a worker with ten jobs beside four others that look for orphans a hundred times a second: each job goes back once."""
    jobs = [f"{name}-{index}" for index in range(10)]
    frozen = postgres.site.worker("--concurrency", "10", LEASE_SECONDS=str(LEASE_SECONDS))
    for job_id in jobs:
        postgres.create(job_id, "test.wait")
    for job_id in jobs:
        postgres.until(job_id, state="running")
    os.killpg(frozen.popen.pid, signal.SIGSTOP)
    postgres.site.worker("--processes", "4", "--concurrency", "5", without=without, RESCUE_SECONDS="0.01")
    for job_id in jobs:
        postgres.until(job_id, state="running", attempt=2)
    os.killpg(frozen.popen.pid, signal.SIGCONT)
    wait_until(lambda: all(f"job {job_id} attempt 1 is not ours any more" in frozen.log for job_id in jobs), what="a worker that stops")
    for job_id in jobs:
        assert postgres.reasons(job_id) == ["worker_lost"]
        assert postgres.running_attempt(job_id) == 2


def test_four_rescuers_at_once_put_each_job_back_once(postgres: PostgresSite) -> None:
    rescuers_at_once(postgres, "orphan")


def long_transactions(postgres: PostgresSite, name: str, *, jobs: int = 30, without: str = "") -> None:
    """Jobs run beside a client that keeps looking at an old state of the rows, and one that keeps a waiting job locked."""
    names = [postgres.create(f"{name}-{index:02}", "test.echo") for index in range(jobs)]
    with postgres.connect() as looking, postgres.connect() as locking:
        looking.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        looking.execute("SELECT count(*) FROM jobs_job").fetchone()
        locking.execute("SELECT id FROM jobs_job WHERE id = %s FOR UPDATE", [names[0]])
        worker = postgres.site.worker("--types", "test.echo", without=without)

        def states() -> list[str]:
            return [postgres.job(job_id)["state"] for job_id in names]

        all_but_one = ["created"] + ["completed"] * (jobs - 1)
        wait_until(lambda: states() == all_but_one or "no jobs could be claimed" in worker.log, seconds=30, what="jobs that run")
        assert states() == all_but_one, worker.log[-1000:]
        assert "trying again" not in worker.log
    postgres.until(names[0], state="completed")


def test_a_client_that_never_ends_its_transaction_keeps_nobody(postgres: PostgresSite) -> None:
    long_transactions(postgres, "beside")


def use_up(postgres: PostgresSite, admin: "psycopg.Connection[Any]", held: ExitStack, refused: str) -> bool:
    """End the connections of those who are to have none and take all that are free. Returns whether they have none."""
    admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [refused])
    while True:
        try:
            held.enter_context(postgres.connect())
        except psycopg.OperationalError:
            break
    (left,) = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [refused]).fetchone() or [1]
    return bool(left == 0)


def no_connection_left(postgres: PostgresSite, name: str, *, without: str = "") -> None:
    """All connections of the database are used up: who has none is told to come again, a run that has its own keeps its lease."""
    site, port = postgres.site, free_port()
    site.serve(port=port, DATABASE_URL=f"{postgres.cluster.url}?application_name=refused")
    worker = site.worker(LEASE_SECONDS=str(LEASE_SECONDS), without=without)
    postgres.create(name, "test.wait")
    postgres.until(name, state="running")
    lease = "SELECT lease_expires_at, now(), attempt, state FROM jobs_job WHERE id = %s"
    with psycopg.connect(postgres.cluster.url, autocommit=True) as admin, ExitStack() as held:

        def is_refused() -> bool:
            """Take what is free until there is nothing: others give back what they do not need."""
            if not use_up(postgres, admin, held, "refused"):
                return False
            status, said = postgres.ask("GET", f"/api/jobs/{name}", port=port)
            assert status in (200, 503), said
            return bool(status == 503 and said["code"] == "unavailable")

        wait_until(is_refused, seconds=30, what="a server without a connection")
        assert site.call("GET", "/health", port=port)[1]["checks"]["database"]["ok"] is False
        (began,) = admin.execute("SELECT now()").fetchone() or [None]

        def row() -> Any:
            return admin.execute(lease, [name]).fetchone()

        def is_kept() -> bool:
            return bool((row()[1] - began).total_seconds() > 1.5 * LEASE_SECONDS)

        wait_until(lambda: is_kept() or "could not be renewed" in worker.log, what="a lease that is kept for longer than one")
        expires_at, now, attempt, state = row()
        assert (expires_at > now, attempt, state) == (True, 1, "running")
        assert "could not be renewed" not in worker.log
    wait_until(lambda: postgres.ask("GET", f"/api/jobs/{name}", port=port)[0] == 200, what="a server that works again")
    assert postgres.cancel(name, port=port)[0] == 200


def test_without_a_free_connection_who_asks_is_told_and_who_runs_goes_on(postgres: PostgresSite) -> None:
    no_connection_left(postgres, "kept")


async def cut_off_from_the_rows(postgres: PostgresSite, job_id: str, *, without: str = "") -> None:
    """A worker's link to the database is dead, and to nothing else: it stops before another one begins what it ran."""
    site = postgres.site
    notes, gate = site.folder / f"{job_id}-notes", site.folder / f"{job_id}-may-end"
    with Proxy.before(postgres.cluster.url) as link:
        through = {"DATABASE_URL": link.url_through(postgres.cluster.url), "LEASE_SECONDS": "5", "FLUSH_SECONDS": "0.2"}
        await asyncio.to_thread(lambda: site.worker(without=without, **through))
        postgres.create(job_id, "test.noting", notes=str(notes), until=str(gate))
        viewers = [Viewer([site.socket_url], postgres.token, job_id, seed=index) for index in range(2)]
        watching = asyncio.gather(*(viewer.watch() for viewer in viewers))
        await until(lambda: all(viewer.job.text_length for viewer in viewers), what="text")
        await asyncio.to_thread(lambda: site.worker(RESCUE_SECONDS="0.1"))
        link.blackhole()
        await until(lambda: all(viewer.job.position > Position(2, 1) for viewer in viewers), what="text of the next attempt")
        gate.touch()
        async with asyncio.timeout(20):
            await watching
    row = postgres.job(job_id)
    taken = [(int(attempt), float(at)) for attempt, at in (line.split() for line in notes.read_text().splitlines())]
    assert max(at for attempt, at in taken if attempt == 1) < min(at for attempt, at in taken if attempt == 2), "both wrote at once"
    assert row["streamingText"] == "".join(f"[{job_id}:2:{index}]" for index in range(row["result"]["chunks"]))
    agree(viewers, {job_id: row})


async def test_a_worker_that_is_cut_off_from_the_rows_stops_before_another_begins(postgres: PostgresSite) -> None:
    await cut_off_from_the_rows(postgres, "apart")


def replies_lost(postgres: PostgresSite, name: str, *, without: str = "") -> None:
    """What servers and workers write is done, and the answer lost, again and again: nothing is done twice, nothing is forgotten."""
    site, port = postgres.site, free_port()
    jobs = [f"{name}-{index}" for index in range(4)]

    def commits(data: bytes) -> bool:
        return b"COMMIT" in data or b"INSERT INTO jobs_job " in data

    def lose(link: Proxy, request: Callable[[], Any]) -> Any:
        lost = link.dropped
        link.drop_reply(commits)
        answer = request()
        assert link.dropped == lost + 1
        return answer

    with Proxy.before(postgres.cluster.url) as to_server, Proxy.before(postgres.cluster.url) as to_worker:
        site.serve(port=port, DATABASE_URL=to_server.url_through(postgres.cluster.url))
        worker = {
            "DATABASE_URL": to_worker.url_through(postgres.cluster.url),
            "JOB_HANDLERS": "tests.chaos.handlers",
            "FLUSH_SECONDS": "0.1",
        }
        site.worker("--types", "chaos.stream", without=without, **worker)
        for job_id in jobs:
            body = {"type": "chaos.stream", "jobId": job_id, "input": {"chunks": 60, "seconds": 0.05}}
            assert lose(to_server, partial(postgres.ask, "POST", "/api/jobs", body, port=port))[0] == 503
            assert postgres.ask("POST", "/api/jobs", body, port=port)[0] == 200
            postgres.until(job_id, state="running", seconds=60)  # a claim of which nobody knows is rescued
        while any(postgres.job(job_id)["state"] == "running" for job_id in jobs):
            to_worker.drop_reply(commits)
        to_worker.heal()
        for job_id in jobs:
            row = postgres.until(job_id, state="completed", seconds=60)
            chunks = re.findall(r"\[([^:]+):(\d+):(\d+)\]", row["streamingText"])
            assert [(job, int(index)) for job, _, index in chunks] == [(job_id, index) for index in range(60)]
            assert postgres.ends(job_id).count("completed") == 1
        postgres.claimed(f"{name}-stopped", port=port)
        assert lose(to_server, lambda: postgres.cancel(f"{name}-stopped", port=port))[0] == 503
        assert postgres.cancel(f"{name}-stopped", port=port)[1]["state"] == "cancelled"
        assert postgres.ends(f"{name}-stopped") == ["cancelled"]
        assert to_worker.dropped > 1


def test_what_is_done_and_not_answered_is_done_once(postgres: PostgresSite) -> None:
    replies_lost(postgres, "unanswered")
