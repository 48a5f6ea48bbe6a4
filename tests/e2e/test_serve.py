"""`manage.py serve`: one process, several, and another server."""

import json
import signal
from collections.abc import Iterator

import psutil
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.processes import Site
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def watch_to_the_end(site: Site, token: str, job_id: str) -> str:
    with connect(site.socket_url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        socket.send(json.dumps({"type": "subscribe", "topic": f"job:{job_id}", "after": "0-0"}))
        text: str = ""
        while True:
            frame = json.loads(socket.recv(timeout=15))
            for event in frame.get("events", []):
                text += event["data"].get("text", "")
                if event["data"].get("state") == "completed":
                    return text


WAYS = {
    "uvicorn": ["serve", "--port", "{port}"],
    "two processes": ["serve", "--processes", "2", "--port", "{port}"],
    "daphne": ["serve", "--server", "daphne", "--port", "{port}"],
    "runserver": ["runserver", "--noreload", "127.0.0.1:{port}"],
}


@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_a_job_is_created_and_watched(site: Site, command: list[str]) -> None:
    server = site.serve(command=[word.format(port=site.port) for word in command])
    worker = site.worker()
    try:
        name = f"user{len(site.processes)}"
        token = site.user(name)
        status, job = site.call("POST", "/api/jobs", {"type": "test.stream", "input": {"chunks": 20}}, token=token)
        assert (status, job["owner"]) == (201, name)
        assert watch_to_the_end(site, token, job["jobId"]) == "".join(f"[{job['jobId']}:1:{index}]" for index in range(20))
    finally:
        server.kill()
        worker.kill()


def test_a_server_process_that_dies_is_replaced_and_none_outlives_the_parent(site: Site) -> None:
    server = site.serve("--processes", "2")
    parent = psutil.Process(server.popen.pid)
    wait_until(lambda: len(parent.children()) == 2)
    victim = parent.children()[0]
    victim.kill()
    wait_until(lambda: len([child for child in parent.children() if child.pid != victim.pid]) == 2)
    assert site.call("GET", "/health/live")[0] == 200
    children = parent.children()
    parent.kill()
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_on_sigterm_health_says_draining_and_readers_are_sent_away_with_1012(site: Site) -> None:
    server = site.serve()
    token = site.user("drained")
    with connect(site.socket_url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        assert json.loads(socket.recv(timeout=5))["type"] == "welcome"
        server.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert server.popen.wait(timeout=10) == 0
