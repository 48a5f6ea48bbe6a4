"""Autobahn's cases of RFC 6455, run by kosoku against the server as `serve` runs it."""

import subprocess
import sys
from collections.abc import Iterator

import kosoku
import pytest

from omnibrowser.valkey import free_port
from tests.processes import ROOT
from tests.waiting import answers_on, wait_until

CASES = 247
WITHOUT = ["9.*", "12.*", "13.*"]
"""How fast large messages are, and compression, which is off."""
EXCEPTIONS = {"7.1.5"}
"""A close in the middle of a fragmented message: uvicorn answers 1002 where 1000 or nothing is right."""


@pytest.fixture
def port() -> Iterator[int]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.echo", str(port)], cwd=ROOT)
    wait_until(lambda: answers_on(port), what="a server that listens")
    yield port
    process.kill()
    process.wait()


async def test_all_cases_but_one(port: int) -> None:
    try:
        results = await kosoku.run_fuzzingclient(f"ws://127.0.0.1:{port}/ws/", exclude_cases=WITHOUT, concurrency=4)
    except kosoku.FailureError as failure:
        results = failure.results
    assert len(results) == CASES
    assert {result.case_id for result in results if not result.passed} <= EXCEPTIONS
