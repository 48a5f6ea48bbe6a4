"""The twins of fault tests: a mechanism is taken out of the real processes, and what the test asserts must fail."""

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from omnibrowser.valkey import Valkey, free_port
from tests.chaos import test_processes as processes
from tests.e2e import (
    test_clocks,
    test_deploy,
    test_drain,
    test_herd,
    test_postgres_away,
    test_redis,
    test_stream,
    test_stream_faults,
    test_supervisor,
    test_worker_faults,
)
from tests.e2e import test_postgres_faults as locks
from tests.e2e.postgres_site import PostgresSite, postgres_site
from tests.e2e.test_ids_again import live_again
from tests.owner import Owner
from tests.postgres import Cluster
from tests.processes import Site

LONGEST_SECONDS = 300
"""A test that does without a mechanism may wait for something that never comes."""


@contextmanager
def site_without(mechanism: str, **settings: str) -> Iterator[Site]:
    """Run a site whose processes all do without a mechanism, or several."""
    handlers = "tests.handlers,tests.bad_handlers,tests.chaos.handlers"
    limits = {"API_RATE": "1000000/min", "SOCKETS_PER_USER": "5000"}
    sabotage = {"DJANGO_SETTINGS_MODULE": "tests.site_settings", "SABOTAGE": mechanism}
    with Site(JOB_HANDLERS=handlers, **limits, **sabotage, **settings) as site:
        yield site


async def fails(test: Callable[[], Awaitable[Any]], *, saying: str) -> None:
    """Assert that a test fails, by an assertion that says this."""
    with pytest.raises(AssertionError, match=saying):
        await asyncio.wait_for(test(), LONGEST_SECONDS)


OF_WORKERS: list[tuple[str, Callable[[Owner], Any], str]] = [
    ("durability", processes.test_creates_are_there_once_or_not_at_all_while_servers_are_killed, "count_jobs|len"),
    ("release", test_supervisor.test_a_killed_process_is_replaced_and_its_job_runs_again_at_once, "killed: .*'attempt': 2"),
    ("checkpoint", processes.test_a_job_survives_the_death_of_its_process_wherever_it_is, "older checkpoint"),
    ("row", test_stream_faults.test_a_worker_that_loses_redis_alone_is_followed_by_its_row, "text from the row"),
    ("grace", test_deploy.test_a_deploy_costs_no_job_anything, "1.5 <="),
    ("cutting", processes.test_a_worker_that_is_killed_while_it_ends_loses_nothing, r"ending:1:.*ending:2:"),
    ("splitting", partial(test_worker_faults.test_text_of_any_size_comes_in_events_that_fit, size=200 * 1024), "<= 65536"),
    (
        "isolation,budget_of_kills",
        test_worker_faults.test_what_kills_its_process_is_poison_and_takes_nobody_with_it_at_the_third_time,
        "poison",
    ),
    ("pulse", test_worker_faults.test_who_blocks_a_process_has_timed_out_and_its_neighbours_are_interrupted, "block: "),
    ("patience", test_worker_faults.test_who_hangs_is_ended_though_its_worker_lives, "hangs: "),
]


@pytest.mark.parametrize(("mechanism", "test", "saying"), OF_WORKERS, ids=[mechanism for mechanism, _, _ in OF_WORKERS])
async def test_without(mechanism: str, test: Callable[[Owner], Any], saying: str) -> None:
    with site_without(mechanism) as site:
        await asyncio.to_thread(site.serve)
        owner = await asyncio.to_thread(Owner, site)
        if asyncio.iscoroutinefunction(test):
            await fails(lambda: test(owner), saying=saying)
        else:
            await fails(lambda: asyncio.to_thread(test, owner), saying=saying)


OF_SERVERS: list[tuple[str, Callable[[Site], Any], str]] = [
    ("recovery", test_stream.test_connections_that_are_killed_all_the_time_lose_nothing, "old"),
    ("recovery", test_stream.test_a_server_that_is_killed_is_replaced_by_another, "old"),
    ("drain", test_drain.test_readers_leave_one_after_another_and_health_says_so_first, "health was late|1 < "),
]


@pytest.mark.parametrize(("mechanism", "test", "saying"), OF_SERVERS, ids=[test.__name__ for _, test, _ in OF_SERVERS])
async def test_servers_without(mechanism: str, test: Callable[[Site], Any], saying: str) -> None:
    with site_without(mechanism, SHUTDOWN_GRACE_SECONDS="4") as site:
        await fails(lambda: test(site), saying=saying)


async def test_a_herd_that_is_sent_what_it_had_sees_it_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_herd, "VIEWERS", 40)
    with site_without("recovery") as site:
        await fails(lambda: test_herd.test_all_are_back_soon_after_the_server_is(site), saying="old")


async def test_a_worker_who_looks_for_nothing_by_himself_finds_nothing() -> None:
    with site_without("") as site:
        await asyncio.to_thread(site.serve)
        owner = await asyncio.to_thread(Owner, site)
        await fails(lambda: asyncio.to_thread(test_worker_faults.whom_nobody_tells, owner, POLL_SECONDS="1000"), saying="untold: ")


async def test_who_compares_nothing_never_learns_that_a_job_is_gone() -> None:
    with site_without("comparison") as site:
        await asyncio.to_thread(site.serve)
        owner = await asyncio.to_thread(Owner, site)
        with pytest.raises(TimeoutError):
            await test_stream_faults.test_a_row_that_is_deleted_under_its_worker_ends_the_subscription(owner)


# Redis


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    made = Valkey(tmp_path / "valkey", options=["--enable-debug-command", "local"])
    yield made
    made.stop()


async def test_without_the_row_nobody_follows_while_redis_is_away(valkey: Valkey) -> None:
    async for rig in test_redis.rig_with(valkey, without="row"):
        await fails(lambda rig=rig: test_redis.away_and_back(rig, "cut"), saying="not within")  # type: ignore[misc]


async def test_numbers_that_the_log_gives_begin_anew_when_it_is_emptied(valkey: Valkey) -> None:
    async for rig in test_redis.rig_with(valkey, without="numbering"):
        await fails(lambda rig=rig: test_redis.test_redis_that_is_emptied_again_and_again(rig), saying="not within")  # type: ignore[misc]


async def test_without_the_row_what_a_full_redis_did_not_take_is_missed(valkey: Valkey) -> None:
    async for rig in test_redis.rig_with(valkey, without="row"):
        await fails(lambda rig=rig: test_redis.test_redis_that_is_full(rig), saying="not within")  # type: ignore[misc]


async def test_a_heartbeat_that_waits_for_redis_loses_its_lease(valkey: Valkey) -> None:
    async for rig in test_redis.rig_with(valkey, without="own_thread"):
        await fails(lambda rig=rig: test_redis.test_redis_that_pauses_takes_no_lease_away(rig), saying="== {1}")  # type: ignore[misc]


# PostgreSQL


async def test_a_heartbeat_that_keeps_a_lost_connection_loses_its_lease() -> None:
    cluster = await asyncio.to_thread(Cluster, Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")))
    async for rig in test_postgres_away.rig_with(cluster, DJANGO_SETTINGS_MODULE="tests.site_settings", SABOTAGE="reconnection"):
        await fails(lambda rig=rig: test_postgres_away.restarted(rig), saying="== {1}|more text")  # type: ignore[misc]
    cluster.remove()


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresSite]:
    with postgres_site() as made:
        yield made


@pytest.fixture(autouse=True)
def _tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "postgres" in request.fixturenames:
        request.getfixturevalue("postgres").tidy()


def servers_without(postgres: PostgresSite, mechanism: str) -> list[int]:
    """Start two servers without a mechanism and return their ports."""
    ports = [free_port(), free_port()]
    for port in ports:
        postgres.site.serve(port=port, without=mechanism)
    return ports


def test_who_holds_many_rows_is_refused(postgres: PostgresSite) -> None:
    with pytest.raises(AssertionError, match="503"):
        locks.in_opposite_orders(postgres, "crossed", ports=servers_without(postgres, "one_row_at_a_time"))


def test_without_the_chosen_id_fifty_creates_are_fifty_jobs(postgres: PostgresSite) -> None:
    with pytest.raises(AssertionError, match="201, 201"):
        locks.creates_at_once(postgres, "fifty", ports=servers_without(postgres, "chosen_ids"))


def test_without_row_locks_a_job_ends_twice(postgres: PostgresSite) -> None:
    ports = servers_without(postgres, "row_locks")
    with pytest.raises(AssertionError, match="'cancelled', 'cancelled'"):
        locks.cancels_at_once(postgres, "twice", ports=ports)
    with pytest.raises(AssertionError):
        locks.races(postgres, "tied", seed=random.randrange(10**6), ports=ports)


def test_without_row_locks_a_job_is_rescued_twice(postgres: PostgresSite) -> None:
    with pytest.raises(AssertionError, match="'worker_lost', 'worker_lost'"):
        locks.rescuers_at_once(postgres, "double", without="row_locks")


def test_who_waits_for_a_locked_row_runs_nothing(postgres: PostgresSite) -> None:
    with pytest.raises(AssertionError, match="canceling statement due to lock timeout"):
        locks.long_transactions(postgres, "waiting", without="skipping")


def test_a_heartbeat_without_a_connection_of_its_own_loses_its_lease(postgres: PostgresSite) -> None:
    with pytest.raises(AssertionError, match="could not be renewed"):
        locks.no_connection_left(postgres, "lost", without="own_connection")


async def test_a_worker_that_does_not_stop_itself_writes_beside_its_heir(postgres: PostgresSite) -> None:
    await fails(lambda: locks.cut_off_from_the_rows(postgres, "both", without="self_fence"), saying="both wrote at once")


def test_what_a_worker_has_not_heard_to_be_written_is_written_twice(postgres: PostgresSite) -> None:
    with pytest.raises(AssertionError):
        locks.replies_lost(postgres, "doubled", without="rows_own_length")


# Clocks and ids


async def test_a_lease_by_the_workers_own_clock_is_lost_when_it_jumps(tmp_path: Path) -> None:
    with Site(JOB_HANDLERS="tests.handlers", RESCUE_SECONDS="0.1", **test_clocks.SETTINGS) as site:
        await fails(lambda: test_clocks.clocks_jump(site, tmp_path, without="database_clock"), saying="worker_lost|interrupted")


async def test_without_the_fence_leases_that_end_early_do_harm() -> None:
    with site_without("") as site:
        await asyncio.to_thread(site.serve)
        owner = await asyncio.to_thread(Owner, site)
        await fails(lambda: test_clocks.leases_end_early(owner, "unfenced", without="fence"), saying="unfenced-")


def test_without_dropped_logs_an_id_brings_its_old_life_back() -> None:
    with Site(JOB_HANDLERS="tests.handlers") as site:
        site.serve(without="dropped_logs")
        with pytest.raises(AssertionError, match="-of-old"):
            live_again(Owner(site), "undead", without="dropped_logs")
