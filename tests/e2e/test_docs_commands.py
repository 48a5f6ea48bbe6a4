"""Blocks of the pages that say `run`, in a shell as a reader has it, against a server and a worker."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.pages import PAGES, ROOT, Block, blocks
from tests.processes import PASSWORD, Site
from tests.waiting import wait_until

RUN = [(f"{page.name}:{block.line}", block) for page in PAGES for block in blocks(page) if "run" in block.words]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        site.serve()
        site.worker()
        token = site.environment["TOKEN"] = site.user("admin", staff=True)
        assert site.call("POST", "/api/jobs", {"type": "search", "query": "context managers", "jobId": "j1"}, token=token)[0] == 201
        yield site


@pytest.mark.parametrize("block", [block for _, block in RUN], ids=[name for name, _ in RUN])
def test_it_runs(site: Site, block: Block) -> None:
    code = block.code.replace("localhost:3000", f"127.0.0.1:{site.port}").replace('"…"', f'"{PASSWORD}"')
    environment = {**site.environment, "SOCKET_PORT": str(site.port), "PATH": os.environ["PATH"]}

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "problem" not in done.stdout
    assert done.stdout


def test_there_are_some() -> None:
    assert len(RUN) >= 4


def test_search_answers_from_these_pages_too(site: Site) -> None:
    token = site.environment["TOKEN"]
    body = {"type": "search", "query": "What does EVENT_LOG_LENGTH do?", "jobId": "pages"}
    assert site.call("POST", "/api/jobs", body, token=token)[0] == 201

    job = wait_until(lambda: ended(site.call("GET", "/api/jobs/pages", token=token)[1]), seconds=30, what="the answer")

    assert job["state"] == "completed"
    assert "docs/" in " ".join(source["path"] for source in job["result"]["sources"])


def ended(job: dict[str, Any]) -> dict[str, Any] | None:
    return job if job["state"] in ("completed", "failed") else None
