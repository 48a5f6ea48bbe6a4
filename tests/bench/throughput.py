"""How many empty jobs a second go from `transitions.create` to completed with one worker process, beside Celery and procrastinate.

Run `TEST_DATABASE=sqlite python -m tests.bench.throughput` (or `postgres`). Rounds are interleaved, so that whatever else the
machine does meets all alike; PostgreSQL and SQLite make sure of every commit, as in production, for everybody.
"""

import argparse
import logging
import os
import statistics
import sys
import tempfile
from pathlib import Path

from tests import environment  # before Django reads its settings
from tests.postgres import Cluster

TARGETS = {"sqlite": 150.0, "postgres": 300.0}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="how many jobs each of them does in a round (1000)")
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds (3)")
    parser.add_argument("--alone", action="store_true", help="without Celery and procrastinate")
    options = parser.parse_args()
    database = os.environ.get("TEST_DATABASE", "sqlite")
    if database == "postgres":
        os.environ["DATABASE_URL"] = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")), options=DURABLE).url
    os.environ.update(LEASE_SECONDS="10", FLUSH_SECONDS="1", RESCUE_SECONDS="2", POLL_SECONDS="1")
    rivals = _rivals(database, alone=options.alone)
    rates: dict[str, list[float]] = {rival.name: [] for rival in rivals}
    for number in range(options.rounds):
        for rival in rivals if number % 2 == 0 else reversed(rivals):
            rate, cpu_ms = rival.round(options.jobs)
            rates[rival.name].append(rate)
            print(
                f"round {number + 1}  {rival.name:<14}{rate:8.0f} jobs/s; CPU a job: {cpu_ms[0]:.2f} ms to create, {cpu_ms[1]:.2f} ms to do"
            )
    sys.exit(0 if report(database, rates) else 1)


def _rivals(database: str, *, alone: bool) -> list:  # type: ignore[type-arg]
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from tests.bench.rivals import CeleryRival, Ours, ProcrastinateRival

    logging.getLogger("procrastinate").setLevel(logging.WARNING)
    call_command("migrate", verbosity=0)
    owner = get_user_model().objects.create_user("ann")
    shared = {"DATABASE_URL": os.environ["DATABASE_URL"], "STATE_DIR": str(environment.STATE_DIR)}
    ours = Ours(shared, owner)
    if alone:
        return [ours]
    return [ours, CeleryRival(shared), *([ProcrastinateRival(shared)] if database == "postgres" else [])]


def report(database: str, rates: dict[str, list[float]]) -> bool:
    """Print the medians and the ratios. Returns whether the targets were met."""
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ours = medians.pop("omnibrowser")
    met = ours >= TARGETS[database]
    print(f"{database}: {ours:.0f} jobs/s, target {TARGETS[database]:.0f}: {'met' if met else 'missed'}")
    for name, rate in medians.items():
        ratios = [mine / theirs for mine, theirs in zip(rates["omnibrowser"], rates[name], strict=True)]
        ratio = statistics.median(ratios)
        print(f"{database}: {ratio:.2f} times {name} ({rate:.0f} jobs/s), target 1.00: {'met' if ratio >= 1 else 'missed'}")
        met = met and ratio >= 1
    return met


if __name__ == "__main__":
    main()
