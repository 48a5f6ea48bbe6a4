"""Random schedules of everything that may happen to jobs, with the real rows, log and feeds: FAULTS A, the invariants of DESIGN §5.

The suite tries 200 schedules, most of them short; `MACHINE_EXAMPLES` says how many long ones are tried instead, as `make soak`
does, each time others. A failure prints the shortest schedule that shows it.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from jobs import transitions
from jobs.database import DatabaseThreads
from jobs.errors import CommandConflict, JobExists, LeaseLost
from jobs.lifecycle import Reason
from jobs.models import Job, Worker
from jobs.pruner import prune_once
from jobs.transitions import NewJob
from jobs.transitions.checkpoint import start_of
from realtime import event_log
from realtime.position import Position
from realtime.redis_client import breaker, client
from tests import runs
from tests.machine import ENDED, STARTS_FROM, Ear, Expected, Run, Theatre, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "200"))
ARE_LONG = "MACHINE_EXAMPLES" in os.environ
JOBS = st.sampled_from(["a", "a", "a", "b"])
LAST = st.sampled_from([0, 0, 0, 1, 2])
"""Draws one of the last runs."""
BURST = 50
BURSTS = st.just(BURST) if ARE_LONG else st.sampled_from([4, 5, 6, 7, 8, 8, 10, 12, 25])
STEPS = 20 if ARE_LONG else 5
PEOPLE = ["retry"] * 4 + ["resume"] * 4 + ["create"] * 3 + ["prune"] * 2 + ["cancel", "pause", "delete"]
WORK = (
    ["write"] * 12
    + ["checkpoint"] * 5
    + ["flush"] * 5
    + ["lost reply"] * 3
    + ["stale flush"] * 2
    + ["interrupt", "retry_later", "fail", "complete", "complete together"]
)
FAULTS = ["lose the worker"] * 2 + ["lose the log", "lose redis"]
WIRE = ["read"] * 3 + ["arrive"] * 2 + ["arrive all", "attach", "detach", "compare", "be lost", "come twice", "come in another order"]


class JobMachine(RuleBasedStateMachine):
    owner: Any
    loop: asyncio.AbstractEventLoop
    thread: DatabaseThreads
    ear: Ear
    longest: int | None = None
    """How long each burst is, whatever was drawn."""

    def __init__(self) -> None:
        super().__init__()
        breaker._failed = False
        client().flushall()
        Job.with_deleted.all().delete()
        Worker.objects.all().delete()
        self.worker = runs.worker_row()
        self.ear.forget()
        self.expected: dict[str, Expected] = {}
        self.lives = 0
        self.runs: list[Run] = []
        self.away_steps = 0
        """For so many steps Redis is away yet."""
        self.theatres = {job_id: Theatre(job_id, self.loop, self.thread) for job_id in ("a", "b")}

    def present(self, job_id: str) -> Expected | None:
        """Return what is expected of a job that is there and not deleted."""
        expected = self.expected.get(job_id)
        return None if expected is None or expected.is_deleted else expected

    def holds(self, run: Run) -> bool:
        expected = self.present(run.job_id)
        return expected is not None and expected.state == "running" and expected.holder is run

    @initialize(seed=st.integers(0, 2**64), burst=BURSTS)
    def begin(self, seed: int, burst: int) -> None:
        """A job runs and is watched, and much happens: Hypothesis by itself likes to do one thing again and again."""
        self.create("a", 1)
        self.claim(1)
        self.viewer("a", 0, "attach")
        self.write(self.runs[0], 2)
        draw = random.Random(seed)
        for _ in range(self.longest or burst):
            match draw.choice(["person", "claim", "claim", "claim", "work", "work", "work", "work", "work", "fault", "wire", "wire"]):
                case "person":
                    self.person(draw.choice("aaab"), draw.choice(PEOPLE), draw.choice([None, None, 0, 1]))
                case "claim":
                    self.claim(draw.choice([1, 2]))
                case "work":
                    self.worker_works(draw.choice([0, 0, 0, 1, 2]), draw.choice(WORK), draw.randint(1, 4))
                case "fault":
                    self.fault(draw.choice("aaab"), draw.choice(FAULTS), draw.randint(1, 6))
                case "wire":
                    self.wire(draw.choice("aaab"), draw.randint(0, 1), draw.choice(WIRE))
            self.redis_comes_back()
            self.rows_are_as_expected()

    # The draws: what happens often in life happens often here

    @rule(
        job_id=JOBS,
        does=st.sampled_from(PEOPLE),
        if_attempt=st.sampled_from([None, None, 0, 1]),
    )
    def person(self, job_id: str, does: str, if_attempt: int | None) -> None:
        if does in STARTS_FROM:
            self.command(job_id, does, if_attempt)
        elif does == "prune":
            self.prune()
        elif does == "delete":
            self.delete(job_id)
        else:
            self.create(job_id, 1 if if_attempt is None else 2)

    @rule(limit=st.integers(1, 2))
    def worker_claims(self, limit: int) -> None:
        self.claim(limit)

    @rule(
        which=LAST,
        does=st.sampled_from(WORK),
        chunks=st.integers(1, 4),
    )
    def worker_works(self, which: int, does: str, chunks: int) -> None:
        if not self.runs:
            return
        run = self.runs[-1 - which % len(self.runs)]
        match does:
            case "write":
                self.write(run, chunks)
            case "flush" | "lost reply":
                self.flush(run, is_heard=does == "flush")
            case "stale flush":
                self.flush_what_is_stale(run)
            case "checkpoint":
                self.checkpoint(run)
            case _:
                self.end(run, does)

    @rule(job_id=JOBS, does=st.sampled_from(FAULTS), steps=st.integers(1, 6))
    def fault(self, job_id: str, does: str, steps: int) -> None:
        if does == "lose the log":
            client().delete(event_log.stream_key(job_id))
        elif does == "lose redis":
            breaker._failed, breaker._retry_at, self.away_steps = True, float("inf"), steps
        else:
            self.rescue()

    @rule(
        job_id=JOBS,
        which=st.integers(0, 1),
        does=st.sampled_from(WIRE),
    )
    def wire(self, job_id: str, which: int, does: str) -> None:
        if does == "compare":
            self.theatres[job_id].compare()
        elif does in ("attach", "detach", "read"):
            self.viewer(job_id, which, does)
        else:
            self.nudges(job_id, does)

    # What people do

    def create(self, job_id: str, body: int) -> None:
        known = self.expected.get(job_id)
        try:
            _, created = transitions.create(self.owner, NewJob(type="test.wait", job_id=job_id, priority=body))
        except JobExists:
            assert known
            assert known.is_deleted or known.body != body
            return
        assert created == (known is None)
        if known is None:
            self.lives += 1
            self.expected[job_id] = Expected(body, self.lives)
        else:
            assert (known.body, known.is_deleted) == (body, False)

    def command(self, job_id: str, action: str, before: int | None) -> None:
        expected = self.present(job_id)
        if expected is None:
            return
        if_attempt = None if before is None else max(1, expected.attempt - before)
        outcome = expected.command(action, if_attempt)
        try:
            transitions.command(job_id, action, actor=self.owner, if_attempt=if_attempt)
        except CommandConflict:
            assert outcome == "conflict"
        else:
            assert outcome != "conflict"

    def delete(self, job_id: str) -> None:
        expected = self.present(job_id)
        if expected is None:
            return
        try:
            transitions.delete(job_id, actor=self.owner)
        except CommandConflict:
            assert expected.state not in ENDED
        else:
            assert expected.state in ENDED
            expected.is_deleted = True

    def prune(self) -> None:
        """The retention of the deleted jobs is over."""
        deleted = [job_id for job_id, item in self.expected.items() if item.is_deleted]
        Job.with_deleted.filter(pk__in=deleted).update(finished_at=timezone.now() - timedelta(days=31))
        prune_once()
        for job_id in deleted:
            del self.expected[job_id]
            self.theatres[job_id] = Theatre(job_id, self.loop, self.thread)
        self.ear.forget()
        self.runs = [run for run in self.runs if run.job_id not in deleted]

    # What workers do

    def claim(self, limit: int) -> None:
        waiting = {job_id for job_id, item in self.expected.items() if item.state == "created"}
        jobs = transitions.claim(self.worker, types=["test.wait"], limit=limit)
        assert len(jobs) == min(limit, len(waiting))
        for job in jobs:
            expected, run = self.expected[job.pk], Run.of(job)
            assert job.pk in waiting
            assert (job.attempt, job.text, run.index) == (expected.attempt, expected.saved_text, expected.saved_index)
            expected.state, expected.holder = "running", run
            self.runs.append(run)

    def write(self, run: Run, chunks: int) -> None:
        run.write(chunks)
        assert not (self.holds(run) and run.recorder.ended)

    def flush(self, run: Run, *, is_heard: bool) -> None:
        assert run.flush(is_heard=is_heard) == self.holds(run)
        run.publish()

    def flush_what_is_stale(self, run: Run) -> None:
        if run.stale:
            assert bool(transitions.flush([run.stale]).held) == self.holds(run)

    def checkpoint(self, run: Run) -> None:
        flush, half = run.recorder.checkpoint()
        try:
            transitions.checkpoint(flush, {"index": run.index}, half=half)
        except LeaseLost:
            assert not self.holds(run)
            run.recorder.stop("fenced")
            return
        assert self.holds(run)
        expected = self.expected[run.job_id]
        expected.saved_index, expected.saved_text, expected.kills = run.index, run.text, 0

    def end(self, run: Run, end: str) -> None:
        run.recorder.finish()
        append = run.recorder.take()
        flush = transitions.Flush(**{**run.recorder.flush().__dict__, "unpublished": append.entries if append else ()})
        try:
            if end == "complete together":
                if run.job_id not in transitions.complete_all([transitions.Completion(flush, {"index": run.index})]):
                    raise LeaseLost
            elif end == "complete":
                transitions.complete(flush, {"index": run.index})
            elif end == "fail":
                transitions.fail(flush, code="c", message="m")
            elif end == "interrupt":
                transitions.interrupt(flush)
            else:
                transitions.retry_later(flush, reason=Reason.ERROR, delay_seconds=0, detail="")
        except LeaseLost:
            assert not self.holds(run)
            return
        assert self.holds(run)
        expected = self.expected[run.job_id]
        if end in ("complete", "complete together", "fail"):
            expected.state = "failed" if end == "fail" else "completed"
            assert Job.objects.get(pk=run.job_id).text == run.text
        else:
            expected.requeue()

    def rescue(self) -> None:
        """The lease of a job is over; its worker may know nothing of it."""
        job_id = next((job_id for job_id, item in self.expected.items() if item.state == "running"), None)
        if job_id is None:
            return
        Job.objects.filter(state="running").update(lease_expires_at=timezone.now() + timedelta(hours=1))
        Job.objects.filter(pk=job_id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        assert [job.pk for job in transitions.rescue(limit=10)] == [job_id]
        expected = self.expected[job_id]
        expected.kills += 1
        if expected.kills < 3:
            expected.requeue()
        else:
            expected.state = "failed"

    # What happens to Redis, to nudges and to viewers

    def nudges(self, job_id: str, what: str) -> None:
        self.ear.listen()
        theatre, nudges = self.theatres[job_id], self.ear.nudges[job_id]
        match what:
            case "arrive" | "arrive all":
                for nudge in nudges if what == "arrive all" else nudges[:1]:
                    theatre.hear(nudge)
                del nudges[: len(nudges) if what == "arrive all" else 1]
            case "be lost":
                del nudges[:1]
            case "come twice":
                nudges.extend(nudges[:1])
            case "come in another order":
                nudges.reverse()

    def viewer(self, job_id: str, which: int, does: str) -> None:
        theatre = self.theatres[job_id]
        theatre.open()
        if theatre.watch.is_open:
            getattr(theatre.viewers[which], does)()

    # What holds at any time, and at the end

    @invariant()
    def redis_comes_back(self) -> None:
        self.away_steps -= 1
        if self.away_steps == 0:
            breaker._failed = False

    @invariant()
    def rows_are_as_expected(self) -> None:
        rows = stored()
        assert rows.keys() == self.expected.keys()
        for job_id, row in rows.items():
            expected = self.expected[job_id]
            assert (row.state, row.attempt) == (expected.state, expected.attempt)
            assert not row.pieces or row.state == "running"
            if expected.is_deleted:
                assert (row.text, row.query) == ("", "")
                continue
            text = "".join([row.text, *row.pieces])
            indexes = [int(chunk.split(".")[0]) for chunk in text[1:-1].split("][") if chunk]
            assert indexes == list(range(len(indexes))), f"a hole or a double: {text}"
            assert text.startswith(expected.saved_text)
            assert (expected.holder.text if expected.holder else expected.saved_text).startswith(text)

    def teardown(self) -> None:
        """Faults end, zombies have their say, everybody catches up with the row."""
        breaker._failed = False
        for run in self.runs:
            run.write(1)
            assert run.flush() == self.holds(run)
            run.publish()
        self.rows_are_as_expected()
        for job_id, theatre in self.theatres.items():
            theatre.open()
            for _ in range(2):
                theatre.compare()
            if self.present(job_id) is None:
                assert not theatre.watch.is_open
                continue
            for viewer in theatre.viewers:
                viewer.attach()
                while viewer.read():
                    continue
                self.compare_with_row(Job.objects.get(pk=job_id), viewer.job)

    def compare_with_row(self, row: Job, view: Any) -> None:
        expected = self.expected[row.pk]
        assert view.state == expected.state
        assert view.text == (expected.holder.text if expected.state == "running" and expected.holder else row.text)
        if expected.state != "running":
            assert view.position == Position(row.attempt, row.seq)


@contextmanager
def nothing_made_sure() -> Iterator[None]:
    """Have SQLite, as the PostgreSQL of tests, not wait for the disk: no machine dies here, and thousands of commits would wait."""
    if connection.vendor == "sqlite":
        connection.cursor().execute("PRAGMA synchronous = OFF")
    try:
        yield
    finally:
        connection.close()


def run_machine(
    owner: Any, *, examples: int, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink), longest: int | None = None
) -> None:
    JobMachine.owner, JobMachine.loop, JobMachine.longest = owner, asyncio.new_event_loop(), longest
    JobMachine.thread, JobMachine.ear = DatabaseThreads(1, name="hub"), Ear(["a", "b"])
    chosen = settings(
        max_examples=examples, stateful_step_count=20 if longest else STEPS, deadline=None, database=None, phases=phases, print_blob=True,
        derandomize="MACHINE_EXAMPLES" not in os.environ, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    try:
        with nothing_made_sure():
            run_state_machine_as_test(JobMachine, settings=chosen)
    finally:
        JobMachine.ear.close()
        JobMachine.thread.end()
        JobMachine.loop.close()


def test_whatever_happens_jobs_and_viewers_keep_what_was_promised(ann: Any) -> None:
    run_machine(ann, examples=EXAMPLES)


def without_the_attempt_in_the_guard(flush: transitions.Flush) -> Job:
    job = Job.objects.select_for_update().filter(pk=flush.job_id, state="running").first()
    if job is None:
        raise LeaseLost
    return job


TWINS: dict[str, tuple[list[str], Any]] = {
    "the attempt in the guard": (
        ["jobs.transitions.close.lock_held", "jobs.transitions.requeue.lock_held"],
        without_the_attempt_in_the_guard,
    ),
    "the checkpoint": (["jobs.transitions.requeue.start_of"], lambda job: {**start_of(job), "textLength": 0}),
    "the row is read": (["realtime.job_watch.JobWatch.follow"], lambda self, row: None),
}
"""Mechanisms, and what is there without them."""


@pytest.mark.parametrize("mechanism", TWINS)
def test_a_missing_mechanism_is_noticed(ann: Any, mechanism: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names, without = TWINS[mechanism]
    for name in names:
        monkeypatch.setattr(name, without)
    with pytest.raises((AssertionError, ValueError)):
        run_machine(ann, examples=100, phases=(Phase.generate,), longest=BURST)
