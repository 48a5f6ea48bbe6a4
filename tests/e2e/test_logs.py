"""Nothing that anybody could read in a log is a secret, a text or an input: a whole site is searched for marked ones."""

import json
import signal
from typing import Any

from websockets.sync.client import connect

from tests.processes import PASSWORD, Site
from tests.waiting import wait_until

MARK = "Geheimnis"

JOBS: dict[str, dict[str, Any]] = {
    "writes": {"type": "test.echo", "input": {"text": f"{MARK}-text", "value": f"{MARK}-result"}, "query": f"{MARK}-query"},
    "raises": {"type": "test.raise", "input": {"message": f"{MARK}-error\n{MARK}-more"}, "maxAttempts": 1},
    "fails": {"type": "test.fail", "input": {"code": "broken", "message": f"{MARK}-message"}},
    "saves": {"type": "test.saving", "input": {"interrupt_at": 1, "note": f"{MARK}-note"}},
    "too-big": {"type": "test.echo", "input": {"text": f"{MARK}" * 60}},
}


def test_no_secret_is_in_any_line() -> None:
    with Site(TEXT_LIMIT_BYTES="500", SHUTDOWN_GRACE_SECONDS="1", LOG_LEVEL="DEBUG") as site:
        processes = [site.serve(), site.worker()]
        token = site.user("ann")
        _, ticket = site.call("POST", "/api/auth/ticket", token=token)
        assert site.call("POST", "/api/auth/token", {"username": "ann", "password": f"{MARK}-password"})[0] == 401
        assert site.call("POST", "/api/jobs", {"type": "test.echo", "input": f"{MARK}-not-an-object"}, token=token)[0] == 400
        assert site.call("GET", f"/api/jobs?search={MARK}-search&token={token}", token=f"{token}x")[0] == 401
        for job_id, body in JOBS.items():
            assert site.call("POST", "/api/jobs", {**body, "jobId": job_id}, token=token)[0] == 201
        share = site.call("POST", "/api/jobs/writes/share", token=token)[1]["token"]
        assert site.call("GET", f"/api/jobs/writes?share={share}", token=share)[0] == 200
        with connect(f"{site.socket_url}?token={token}&ticket={ticket['ticket']}", close_timeout=0.2) as socket:
            socket.send(json.dumps({"type": "auth", "token": ticket["ticket"]}))
            for job_id in JOBS:
                socket.send(json.dumps({"type": "subscribe", "topic": f"job:{job_id}", "after": "0-0"}))
            socket.send(json.dumps({"type": MARK}))
            for job_id in JOBS:
                wait_until(lambda job_id=job_id: site.call("GET", f"/api/jobs/{job_id}", token=token)[1]["finishedAt"])  # type: ignore[misc]
        for process in processes:
            process.signal(signal.SIGTERM)
        for process in processes:
            process.popen.wait(timeout=15)
        secrets = (MARK, token, ticket["ticket"], share, PASSWORD, site.environment["SECRET_KEY"], site.environment["JWT_SECRET"])
        for process in site.processes:
            lines = [json.loads(line) for line in process.log.splitlines() if line.startswith("{")]
            assert any("job_id" in line or "socket_id" in line for line in lines)
            assert [line for line in process.log.splitlines() if any(secret in line for secret in secrets)] == []
