"""`manage.py drill`, as an operator runs it: on a machine of one's own, on two servers with PostgreSQL, and where a guard is missing."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnibrowser.valkey import free_port
from tests import environment
from tests.e2e.test_up import Run
from tests.postgres import postgres_url
from tests.processes import ROOT, Site

PIECES = "25"
FAULTS = 6


def drill(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "manage.py"), "drill", "--pieces", PIECES, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=400, check=False)


def report(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    return dict(json.loads(done.stdout.splitlines()[-1]))


def test_on_a_machine_of_ones_own_it_needs_no_yes(tmp_path: Path) -> None:
    run = Run(tmp_path, **environment.FAST)
    try:
        run.wait_for("watch it at", seconds=180)

        done = drill(run.environment)

        assert done.returncode == 0, f"{done.stdout}{done.stderr}{run.output}"
        assert done.stdout.count("recovered in") == FAULTS + 1
        assert done.stdout.splitlines()[-1].startswith("lost 0, doubled 0, recovered in ")
        assert done.stdout.endswith(" s, text equal\n")
        assert "ended with -9" in (tmp_path / "state" / "logs" / "worker.log").read_text(), "a process was killed"
    finally:
        run.end()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def test_in_production_it_asks_first_and_goes_through_all_servers() -> None:
    with Site(database_url=postgres_url()) as site:
        ports = [site.port, free_port()]
        for port in ports:
            site.serve(port=port)
        site.user("boss", staff=True)
        servers = [word for port in ports for word in ("--server", f"http://127.0.0.1:{port}")]

        refused = drill(site.environment, *servers)
        assert (refused.returncode, "This is production" in refused.stderr, "--yes" in refused.stderr) == (1, True, True)
        assert "manage.py worker --types drill" in drill(site.environment, "--yes", *servers).stderr

        worker = site.worker("--processes", "2")
        done = drill(site.environment, "--yes", "--json", *servers)

        assert done.returncode == 0, f"{done.stdout}{done.stderr}{worker.log}"
        found = report(done)
        assert (found["lost"], found["doubled"], found["textEqual"], found["problems"]) == (0, 0, True, [])
        assert len(found["recoveredSeconds"]) == FAULTS
        assert site.call("GET", "/api/jobs?type=drill", token=site.token("boss"))[1]["results"] == [], "nothing is left behind"


def test_without_the_position_check_it_says_that_a_lost_nudge_is_never_made_good(site: Site) -> None:
    site.serve(without="comparison")
    site.worker()
    site.user("boss", staff=True)

    done = drill(site.environment, "--yes", "--json", "--patience", "5", "--server", site.url)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "a nudge lost: not recovered within 5 s" in report(done)["problems"]


def test_without_the_fence_it_says_what_a_late_worker_has_done(site: Site) -> None:
    site.serve()
    site.worker()
    site.user("boss", staff=True)

    unguarded = {**site.environment, "DJANGO_SETTINGS_MODULE": "tests.site_settings", "SABOTAGE": "fence"}
    done = drill(unguarded, "--yes", "--json", "--server", site.url)

    assert done.returncode == 1, done.stdout + done.stderr
    assert any(problem.startswith("a worker too late for its lease: ") for problem in report(done)["problems"])
    assert not report(done)["textEqual"]
