"""A remote worker, call by call."""

from typing import Any

import httpx

from jobs.models import WorkerToken
from jobs.remote import tokens
from tests.sockets import LiveServer


class RemoteWorker:
    """Speaks the worker API with a token of its own."""

    def __init__(self, live: LiveServer, name: str = "crawler", types: tuple[str, ...] = ("remote.job",)) -> None:
        self.types = list(types)
        self.row, self.token = tokens.issue(name, types)
        headers = {"Authorization": f"Bearer {self.token}"}
        self.http = live.clients.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{live.port}", headers=headers, timeout=40))

    def call(self, path: str, body: Any) -> tuple[int, Any]:
        """Make a call and return the status and the JSON of the answer."""
        response = self.http.post(f"/api/worker/{path}", json=body)
        if response.status_code >= 400:
            assert response.headers["Content-Type"] == "application/problem+json"
        return response.status_code, response.json()

    def claim(self, *, limit: int = 1, wait: float = 0, **more: Any) -> list[dict[str, Any]]:
        """Claim and return the jobs."""
        status, answer = self.call("claim", {"types": self.types, "limit": limit, "waitSeconds": wait, **more})
        assert status == 200, answer
        jobs: list[dict[str, Any]] = answer["jobs"]
        return jobs

    def about(self, job: dict[str, Any], verb: str, **fields: Any) -> tuple[int, Any]:
        """Make a call about a job, with its attempt."""
        return self.call(f"jobs/{job['jobId']}/{verb}", {"attempt": job["attempt"], **fields})

    def events(self, job: dict[str, Any], *events: tuple[int, str, dict[str, Any]]) -> tuple[int, Any]:
        """Report events, each a seq, a type and its data."""
        return self.about(job, "events", events=[{"seq": seq, "type": type, "data": data} for seq, type, data in events])

    def write(self, job: dict[str, Any], seq: int, offset: int, text: str) -> tuple[int, Any]:
        """Report one text event."""
        return self.events(job, (seq, "text", {"offset": offset, "text": text}))

    def revoke(self) -> None:
        """End what the token is worth."""
        tokens.revoke(WorkerToken.objects.get(pk=self.row.pk))
