"""Runs in other engines: what their token is good for, and which handlers may be such."""

import pickle
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured

from jobs import transitions
from jobs.engines.engine import load
from jobs.engines.grant import Grant
from jobs.engines.remote_run import Assignment, RemoteRun
from jobs.errors import EngineLost, JobStopped
from jobs.handlers import job_handler
from jobs.models import Job
from tests import runs
from tests.sockets import LiveServer

pytestmark = pytest.mark.django_db(transaction=True)


def handed_over(live: LiveServer, job: Job) -> RemoteRun:
    assignment = Assignment(
        server=f"http://127.0.0.1:{live.port}", grant=Grant(str(job.worker_id), job.pk, job.attempt).sign(), job_id=job.pk,
        attempt=job.attempt, query="", input={}, checkpoint_data=None, seq=job.seq, text_length=job.text_length,
    )  # fmt: skip
    run: RemoteRun = pickle.loads(pickle.dumps(RemoteRun(assignment)))
    return run


def test_it_reports_and_saves_for_its_own_attempt(live: LiveServer, ann: Any) -> None:
    job, recorder = runs.running(ann)
    run = handed_over(live, job)
    run.begin()
    run.progress(40, step="Counting", message="on its way")
    run.write("half \ud83d")
    run.write("\ude00 and more")
    run.log("a line", level="warning")
    run.checkpoint({"next": 1})
    assert not run.stopping
    run.finish()
    run.close()

    recorder.finish()
    transitions.complete(recorder.flush(), {"done": True})

    job.refresh_from_db()
    assert (job.state, job.text, job.progress, job.step, job.message) == ("completed", "half 😀 and more", 100, "Counting", "on its way")
    assert job.checkpoint is not None
    assert job.checkpoint["data"] == {"next": 1}


def test_a_second_beginning_of_the_same_attempt_is_refused(live: LiveServer, ann: Any) -> None:
    job, _ = runs.running(ann)
    first, second = handed_over(live, job), handed_over(live, job)
    first.begin()
    first.write("once")
    first.finish()

    with pytest.raises(EngineLost):
        second.begin()

    first.close()
    second.close()


def test_it_stops_when_the_job_does(live: LiveServer, ann: Any) -> None:
    job, _ = runs.running(ann)
    run = handed_over(live, job)
    run.begin()
    transitions.command(job.pk, "cancel", actor=ann)

    assert run.stopping
    with pytest.raises(JobStopped, match="cancelled"):
        run.write("too late")
    run.close()


def test_its_token_is_good_for_nothing_else(live: LiveServer, ann: Any) -> None:
    job, _ = runs.running(ann)
    other, _ = runs.running(ann)
    grant = Grant(str(job.worker_id), job.pk, job.attempt).sign()
    with httpx.Client(base_url=f"http://127.0.0.1:{live.port}", headers={"Authorization": f"Bearer {grant}"}) as client:

        def status(path: str, body: Any) -> int:
            return client.post(f"/api/worker/{path}", json=body).status_code

        line = {"events": [{"seq": 2, "type": "log", "data": {"level": "info", "message": "x"}}]}
        assert status(f"jobs/{job.pk}/events", {"attempt": 1, **line}) == 200
        assert status(f"jobs/{other.pk}/events", {"attempt": 1, **line}) == 409
        assert status(f"jobs/{job.pk}/events", {"attempt": 2, **line}) == 409
        assert status("heartbeat", {"jobs": [{"jobId": other.pk, "attempt": 1}]}) == 409
        assert status("claim", {"types": ["test.wait"]}) == 403
        assert status(f"jobs/{job.pk}/complete", {"attempt": 1, "seq": 2, "result": None}) == 403
        assert client.get("/api/jobs").status_code == 401
        client.headers["Authorization"] = f"Bearer {grant[:-2]}xx"
        assert status(f"jobs/{job.pk}/events", {"attempt": 1, **line}) == 401


def test_a_handler_that_no_other_process_could_find_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="plain function of a module"):
        job_handler("engine.inner", executor="tests.engines:pool")(lambda run: None)
    with pytest.raises(ImproperlyConfigured, match=r"reports\.engines:pool"):
        job_handler("engine.named", executor="pool")(handed_over)
    with pytest.raises(ImproperlyConfigured, match="names no function"):
        load("tests.engines:nothing")
