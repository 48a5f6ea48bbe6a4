"""`submit`, `watch`, `jobs` and `workers` at the terminal, and the blocking client, against a real server."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from jobs import transitions
from jobs.client import JobsClient, JobsError
from jobs.models import Job
from tests import runs
from tests.remote import RemoteWorker
from tests.sockets import LiveServer
from tests.tokens import token_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def place(live: LiveServer, staff: Any) -> Iterator[dict[str, Any]]:
    """Return the options that name the server, while a worker runs."""
    with runs.worker():
        yield {"server": f"http://127.0.0.1:{live.port}"}


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, **options: Any) -> str:
    capsys.readouterr()
    call_command(*arguments, **options)
    return capsys.readouterr().out


def test_a_job_is_submitted_and_watched(place: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    options = {"input": '{"chunks": 3, "seconds": 0.02}', "job_id": "mine", "watch": True, **place}
    out = printed(capsys, "submit", "test.stream", "context managers", **options)
    assert out.startswith("mine\n")
    assert "[mine:1:2]" in out
    assert "completed, 100 %" in out
    assert (Job.objects.get().query, Job.objects.get().owner.get_username()) == ("context managers", "staff")
    assert printed(capsys, "submit", "test.stream", "context managers", **{**options, "watch": False}) == "mine\n"


def test_a_job_that_does_not_complete_ends_it_with_1(place: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        printed(capsys, "submit", "test.fail", input='{"message": "No\\u001b[2Jluck"}', watch=True, **place)
    assert ended.value.code == 1
    assert "No\ufffd[2Jluck" in capsys.readouterr().out, "what would steer the terminal is only shown"


def test_a_server_elsewhere_needs_a_token_and_no_database(live: LiveServer, ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server = f"http://127.0.0.1:{live.port}"
    job = runs.create(ann, "test.wait")
    transitions.command(job.pk, "cancel", actor=ann)
    with pytest.raises(SystemExit):
        printed(capsys, "watch", job.pk, server=server, token=token_of(ann))
    assert "cancelled" in capsys.readouterr().out
    with pytest.raises(CommandError, match="token"):
        printed(capsys, "jobs", server=server, token="nonsense")
    with pytest.raises(CommandError, match=r"looked for at http://127\.0\.0\.1:1"):
        printed(capsys, "jobs", server="http://127.0.0.1:1", token=token_of(ann))


@pytest.mark.parametrize(("command", "options"), [("jobs", {}), ("submit", {"user": "nobody"})])
def test_who_it_is_has_to_be_known(live: LiveServer, command: str, options: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match=r"no superuser|no user nobody"):
        call_command(command, *(["test.wait"] if command == "submit" else []), server="http://127.0.0.1:1", **options)


def test_jobs_are_listed(place: dict[str, Any], ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(3):
        runs.create(ann, "remote.job", job_id=f"j{index}", query="line\none")
    table = printed(capsys, "jobs", limit=2, **place)
    assert ["j2" in table, "j1" in table, "j0" in table, "line one" in table, "3 in line" in table] == [True, True, False, True, True]
    lines = printed(capsys, "jobs", state="created", json=True, **place).splitlines()
    assert [json.loads(line)["jobId"] for line in lines] == ["j2", "j1", "j0"]
    assert printed(capsys, "jobs", state="failed", json=True, **place) == ""


def test_workers_are_listed_remote_ones_too(place: dict[str, Any], live: LiveServer, ann: Any, capsys: pytest.CaptureFixture[str]) -> None:
    remote = RemoteWorker(live)
    runs.create(ann, "remote.job")
    assert len(remote.claim()) == 1
    found = {worker["name"]: worker for worker in map(json.loads, printed(capsys, "workers", json=True).splitlines())}
    assert (found["remote:crawler"]["state"], found["remote:crawler"]["running"]) == ("alive", 1)
    assert len(found) == 2
    assert "remote:crawler" in printed(capsys, "workers")


def test_the_blocking_client_does_what_the_other_one_does(place: dict[str, Any], ann: Any) -> None:
    with JobsClient(place["server"], token=lambda: token_of(ann)) as client:
        job = client.create("test.stream", "why", input={"chunks": 3, "seconds": 0.02})
        states = [seen["state"] for seen in client.watch(job["jobId"])]
        assert states[-1] == "completed"
        assert client.wait(job["jobId"])["result"] == {"chunks": 3}
        waiting = client.create("test.wait")
        for seen in client.watch(waiting["jobId"]):
            if seen["state"] == "running":
                break  # whoever has seen enough leaves
        assert client.command(waiting["jobId"], "cancel")["state"] == "cancelled"
        assert [job["state"] for job in client.list()] == ["cancelled", "completed"]
        with pytest.raises(JobsError, match="no such job"):
            client.read("nothing")
        with pytest.raises(JobsError, match="no such job"):
            next(client.watch("nothing"))
    assert not [thread for thread in threading.enumerate() if thread.name == "jobs client"]
