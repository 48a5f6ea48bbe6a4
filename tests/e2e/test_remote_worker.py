"""The workers of examples/remote-worker against a real server: they work, are killed, freeze and wake up; texts stay exact."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT, Site
from tests.viewers import Viewer, agree
from tests.waiting import until

EXAMPLES = ROOT / "examples" / "remote-worker"
WORKERS = {"node": [str(ROOT / ".ci" / "node.sh"), "node", "worker.mjs"], "python": [sys.executable, "worker.py"]}
WORDS = "naïve 👍 streams survive kills freezes and wakes up again"
COUNTED = "".join(f"{word}: {len(word)}\n" for word in WORDS.split())


class Worker:
    """A remote worker as a process."""

    def __init__(self, site: Site, kind: str, token: str, log: Path) -> None:
        self.log_path = log
        environment = {"PATH": os.environ["PATH"], "SERVER": site.url, "WORKER_TOKEN": token, "TYPE": f"words.{kind}"}
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                WORKERS[kind], cwd=EXAMPLES, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def signal(self, number: int) -> None:
        os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.signal(signal.SIGKILL)
        self.popen.wait()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(LEASE_SECONDS="2", RESCUE_SECONDS="0.2", POLL_SECONDS="0.2", POSITION_CHECK_SECONDS="1") as site:
        site.serve()
        yield site


@pytest.fixture(scope="module")
def token(site: Site) -> str:
    return site.user("ann")


class Scene:
    """The workers of one language, and the jobs that they run."""

    def __init__(self, site: Site, token: str, kind: str, folder: Path) -> None:
        self.site, self.token, self.kind, self.folder = site, token, kind, folder
        self.secret = site.manage("worker_token", kind, "--types", f"words.{kind}").strip()
        self.workers: list[Worker] = []

    def start(self) -> Worker:
        self.workers.append(Worker(self.site, self.kind, self.secret, self.folder / f"{self.kind}-{len(self.workers)}.log"))
        return self.workers[-1]

    async def begun(self, name: str) -> tuple[Viewer, "asyncio.Task[Viewer]"]:
        """Create a job and return its viewer once there is some text."""
        job_id = f"{self.kind}-{name}"
        body = {"type": f"words.{self.kind}", "jobId": job_id, "query": WORDS, "input": {"secondsPerWord": 0.1}}
        status, _ = await asyncio.to_thread(lambda: self.site.call("POST", "/api/jobs", body, token=self.token))
        assert status == 201
        viewer = Viewer([self.site.socket_url], self.token, job_id)
        watching = asyncio.create_task(viewer.watch())
        await until(lambda: viewer.job.text.count("\n") >= 2, what=f"some text of {viewer.job_id}")
        return viewer, watching

    async def ended(self, viewer: Viewer, watching: "asyncio.Task[Viewer]", *, attempts: tuple[int, ...] = (2,)) -> None:
        """Assert that the job was done in a later attempt, and that its text is what one attempt would have written."""
        await watching
        row = (await asyncio.to_thread(lambda: self.site.call("GET", f"/api/jobs/{viewer.job_id}", token=self.token)))[1]
        agree([viewer], {viewer.job_id: row})
        assert (row["state"], row["streamingText"], row["result"]) == ("completed", COUNTED, {"words": 10})
        assert row["attempt"] in attempts


async def test_remote_workers_are_killed_freeze_or_end_and_the_text_is_exact(site: Site, token: str, tmp_path: Path) -> None:
    await asyncio.gather(*(played(Scene(site, token, kind, tmp_path)) for kind in WORKERS))


async def played(scene: Scene) -> None:
    """Kill a worker, freeze one, and ask one to end, each while it runs a job."""
    kind = scene.kind
    try:
        first = scene.start()
        killed = await scene.begun("killed")
        first.kill()
        second = scene.start()
        await scene.ended(*killed)

        frozen = await scene.begun("frozen")
        second.signal(signal.SIGSTOP)
        third = scene.start()
        await scene.ended(*frozen, attempts=(2, 3))  # the frozen worker's claim, which waits at the server, may get the job once more
        second.signal(signal.SIGCONT)
        await until(lambda: f"{kind}-frozen attempt 1: stopped" in second.log, what="a worker that lets go")
        second.kill()

        released = await scene.begun("released")
        third.popen.terminate()
        scene.start()
        await scene.ended(*released, attempts=(2, 3))  # a claim of the worker that ends may be answered once more
        await until(lambda: f"{kind}-released attempt 1: stopped, interrupted" in third.log, what="a job that was given back")
        await until(lambda: third.popen.poll() is not None, what="a worker that ends")
    finally:
        for worker in scene.workers:
            print(worker.log)  # shown when the test fails
            worker.kill()
