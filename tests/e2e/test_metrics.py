"""`/metrics` of several processes: any of them answers for all, and for those that have died."""

import signal
from contextlib import ExitStack
from http.client import HTTPException
from urllib.error import HTTPError

import psutil
import pytest
from websockets.sync.client import connect

from omnibrowser.valkey import free_port
from tests.processes import Site
from tests.scrape import Samples, scrape, total
from tests.waiting import wait_until


def whole(port: int) -> Samples:
    """Scrape until an answer is whole: whoever gave it may be the one that is killed meanwhile."""

    def try_once() -> Samples | None:
        try:
            return scrape(port)
        except (OSError, HTTPException):
            return None

    return wait_until(try_once, what="an answer")


def test_worker_processes_answer_for_all_and_count_those_that_were_killed() -> None:
    port = free_port()
    with Site(LEASE_SECONDS="2", WORKER_METRICS_PORT=str(port)) as site:
        site.serve()
        token = site.user("ann")
        worker = site.worker("--processes", "2", "--concurrency", "2")
        for index in range(8):
            assert site.call("POST", "/api/jobs", {"type": "test.echo", "jobId": f"echo-{index}"}, token=token)[0] == 201
        wait_until(lambda: total(whole(port), "jobs_closed_total", state="completed") == 8, what="eight completed jobs")
        wait_until(lambda: total(whole(port), "jobs_worker_places") == 4)
        assert site.call("POST", "/api/jobs", {"type": "test.exit"}, token=token)[0] == 201
        wait_until(lambda: total(whole(port), "jobs_kills_total", type="test.exit") >= 1, what="a kill")
        found = whole(port)
        assert total(found, "jobs_closed_total", state="completed") == 8, "what a dead process counted stays counted"
        assert total(found, "jobs_waiting_seconds_count", type="test.echo") == 8
        wait_until(lambda: total(whole(port), "jobs_worker_places") in (4, 5), what="the successor's places, not those of the dead")
        other = site.start("worker")
        assert other.popen.wait(timeout=20) == 1
        assert f"WORKER_METRICS_PORT={port} cannot be listened on" in other.log
        assert worker.terminate() == 0


def test_server_processes_answer_for_all() -> None:
    with Site(METRICS_TOKEN="a-token-of-prometheus") as site:
        server = site.serve("--processes", "2")
        token = site.user("ann")
        wait_until(lambda: len(psutil.Process(server.popen.pid).children()) == 2)
        bearer = {"Authorization": "Bearer a-token-of-prometheus"}
        with pytest.raises(HTTPError, match="403"):
            scrape(site.port)
        with ExitStack() as sockets:
            for _ in range(12):
                sockets.enter_context(connect(site.socket_url, additional_headers={"Authorization": f"Bearer {token}"}))
            for _ in range(4):  # whichever of them answers
                wait_until(lambda: total(scrape(site.port, **bearer), "realtime_sockets", transport="websocket") == 12)
            assert total(scrape(site.port, **bearer), "realtime_sign_ins_total") == 12
        victim = psutil.Process(server.popen.pid).children()[0]
        victim.send_signal(signal.SIGKILL)
        wait_until(lambda: victim not in psutil.Process(server.popen.pid).children())
        wait_until(lambda: total(scrape(site.port, **bearer), "realtime_sockets", transport="websocket") == 0)
        assert total(scrape(site.port, **bearer), "realtime_sign_ins_total") == 12
