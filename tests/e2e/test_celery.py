"""docs/celery.md, done: a real Celery runs a job, and a process of it is killed in the middle."""

import asyncio
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.owner import Owner
from tests.pages import ROOT, blocks
from tests.processes import Site
from tests.viewers import Viewer, agree
from tests.waiting import until

PAGES = 40


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    """Return a user of a site without workers, where Celery runs the modules of the page."""
    for block in blocks(ROOT / "docs" / "celery.md"):
        if name := block.word("module"):
            (tmp_path / f"{name}.py").write_text(block.code)
    path = f"{tmp_path}:{ROOT}"
    with Site(JOB_HANDLERS="report_handlers", PYTHONPATH=path, DJANGO_SETTINGS_MODULE="omnibrowser.settings") as site:
        site.serve()
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        command = [sys.executable, "-m", "celery", "-A", "report_tasks", "worker", "-B", "--schedule", str(tmp_path / "beat"), *quiet]
        with (tmp_path / "celery.log").open("wb") as log:
            celery = subprocess.Popen([*command, "--concurrency", "2"], cwd=tmp_path, env=site.environment, stdout=log, stderr=log)
        try:
            yield Owner(site)
        finally:
            celery.send_signal(signal.SIGTERM)
            celery.wait(30)


async def test_a_killed_process_of_celery_costs_what_came_after_the_checkpoint(owner: Owner) -> None:
    owner.create("report", "report", pages=PAGES, seconds=0.05)
    viewer = Viewer([owner.site.socket_url], owner.token, "report")
    watching = asyncio.create_task(viewer.watch())
    await until(lambda: "page 5," in viewer.job.text, seconds=120, what="Celery at work")
    (await asyncio.to_thread(owner.process_of, "report")).kill()
    await watching

    row = owner.job("report")
    assert (row["state"], row["result"], row["progress"]) == ("completed", {"pages": PAGES}, 100)
    assert owner.reasons("report") == ["worker_lost", ""]
    assert [int(page) for page in re.findall(r"page (\d+), attempt [12]\n", row["streamingText"])] == list(range(PAGES))
    agree([viewer], {"report": row})
