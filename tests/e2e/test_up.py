"""`make run`, as a user has it."""

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.asyncio.client import connect

from jobs.events import FoldedJob
from omnibrowser.valkey import free_port
from realtime.position import Verdict, judge
from tests.processes import ROOT
from tests.waiting import wait_until

HIDDEN = ("REDIS_URL", "DATABASE_URL", "SECRET_KEY", "JWT_SECRET", "JOB_HANDLERS", "DJANGO_SETTINGS_MODULE", "DEBUG", "SECURE_SSL_REDIRECT")


class Run:
    """A `make run` at a terminal of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self._output = folder / "output"
        environment = {name: value for name, value in os.environ.items() if name not in HIDDEN}
        environment |= {"STATE_DIR": str(folder / "state"), "SOCKET_PORT": str(self.port), **settings}
        self.environment = environment
        with self._output.open("wb") as output:
            self.popen = subprocess.Popen(
                ["make", "run"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 90) -> None:
        wait_until(lambda: text in self.output or self.popen.poll() is not None, seconds=seconds, what=text)
        assert text in self.output, self.output

    def said(self, pattern: str) -> str:
        match = re.search(pattern, self.output, re.MULTILINE)
        assert match, self.output
        return match[1]

    def end(self) -> None:
        for process in self.tree() if self.popen.poll() is None else []:
            process.kill()
        self.popen.wait()

    def post(self, path: str, body: Any, token: str) -> Any:
        return self._call(urllib.request.Request(self._url(path), json.dumps(body).encode(), {"Content-Type": "application/json"}), token)

    def get(self, path: str, token: str = "") -> Any:
        return self._call(urllib.request.Request(self._url(path)), token)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _call(self, request: urllib.request.Request, token: str) -> Any:
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def tree(self) -> list[psutil.Process]:
        root = psutil.Process(self.popen.pid)
        return [root, *root.children(recursive=True)]

    def ctrl_c(self) -> None:
        """As a terminal does it: to all in the foreground."""
        os.killpg(self.popen.pid, signal.SIGINT)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path)
    yield run
    run.end()


def gone(processes: list[psutil.Process], seconds: float) -> None:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    assert not alive, f"still there after {seconds} s: {alive}"


def test_one_command_and_the_printed_curl_line_give_a_job_that_is_watched_to_its_end(run: Run) -> None:
    run.wait_for("Ctrl-C ends it")
    assert run.said(r"user: (\w+)$") == "admin"
    assert len(run.said(r"password: (\S+)$")) >= 12
    first = run.said(r"watch it at http://localhost:\d+/jobs/([\w-]+)/")
    curl = shlex.split(run.said(r"^(curl .*)$"))
    answer = json.loads(subprocess.run(curl, capture_output=True, check=True, timeout=20).stdout)
    token = run.said(r"Bearer ([\w.-]+)'")

    job = asyncio.run(follow(f"ws://127.0.0.1:{run.port}/ws/", token, answer["jobId"]))

    whole = run.get(f"/api/jobs/{answer['jobId']}", token)
    assert (job.state, whole["state"]) == ("completed", "completed")
    assert job.text == whole["streamingText"] != ""
    assert [step["name"] for step in whole["steps"]] == ["Analyzing", "Searching", "Processing", "Generating", "Finalizing"]
    assert run.get(f"/api/jobs/{first}", token)["state"] == "completed"
    assert run.get("/health")["status"] == "ok"

    processes = run.tree()
    assert len(processes) >= 4, processes
    run.ctrl_c()
    gone(processes, 5)


async def follow(url: str, token: str, job_id: str) -> FoldedJob:
    """Watch a job to its end as PROTOCOL.md says, and return what the events make of it."""
    async with connect(url, additional_headers={"Authorization": f"Bearer {token}"}, max_size=2**21) as socket:
        await socket.send(json.dumps({"type": "subscribe", "ref": 1, "topic": f"job:{job_id}"}))
        job = FoldedJob()
        async with asyncio.timeout(30):
            async for text in socket:
                frame = json.loads(text)
                if frame["type"] == "snapshot":
                    job = FoldedJob(frame["job"])
                for event in frame["events"] if frame["type"] == "events" else []:
                    assert judge(job.position, event) is Verdict.FOLLOWS
                    job.fold(event)
                if job.state in ("completed", "failed", "cancelled"):
                    return job
    raise AssertionError("the socket ended before the job")


def test_a_killed_worker_is_replaced_and_the_job_that_it_ran_goes_on(tmp_path: Path) -> None:
    run = Run(tmp_path, JOB_HANDLERS="tests.handlers", LEASE_SECONDS="3", RESCUE_SECONDS="0.5")
    try:
        run.wait_for("Ctrl-C ends it")
        token = run.said(r"Bearer ([\w.-]+)'")
        job_id = run.post("/api/jobs", {"type": "test.stream", "input": {"chunks": 60, "seconds": 0.1}}, token)["jobId"]
        wait_until(lambda: run.get(f"/api/jobs/{job_id}", token)["streamingText"])
        worker = next(process for process in run.tree() if "worker" in process.cmdline())
        worker.kill()
        wait_until(lambda: run.get(f"/api/jobs/{job_id}", token)["state"] == "completed", seconds=45)
        job = run.get(f"/api/jobs/{job_id}", token)
        assert job["attempt"] == 2
        assert job["streamingText"] == "".join(f"[{job_id}:2:{index}]" for index in range(60))
        assert "worker ended with -9" in run.output
    finally:
        run.end()


def test_when_the_parent_is_killed_nothing_stays_behind(run: Run) -> None:
    run.wait_for("watch it at")
    processes = run.tree()
    parent = next(process for process in processes if "up" in process.cmdline()[1:3])
    parent.kill()
    gone(processes, 8)


def test_what_is_in_the_way_is_said_in_one_line(tmp_path: Path) -> None:
    readable = tmp_path / "file"
    readable.write_text("not a folder")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cases: list[tuple[dict[str, str], str]] = [
            ({"SOCKET_PORT": str(taken.getsockname()[1])}, r"Port \d+ is in use\..*SOCKET_PORT="),
            ({"STATE_DIR": str(readable / "state")}, r"cannot be written.*STATE_DIR"),
            ({"REDIS_URL": "redis://127.0.0.1:1/0"}, r"Redis does not answer.*REDIS_URL"),
            ({"REDIS_URL": "nonsense"}, r"REDIS_URL cannot be used"),
            ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}, r"database cannot be reached.*DATABASE_URL"),
            ({"DATABASE_URL": "mysql://x@127.0.0.1/none"}, r"DATABASE_URL must begin with"),
        ]
        for index, (settings, pattern) in enumerate(cases):
            folder = tmp_path / str(index)
            folder.mkdir()
            run = Run(folder, **settings)
            assert run.popen.wait(timeout=30) != 0, settings
            complaint = [line for line in run.output.splitlines() if not line.startswith("make")]
            assert len(complaint) == 1, run.output
            assert re.search(pattern, complaint[0]), run.output
