"""Two servers on one PostgreSQL, and a remote worker that is this process: where many want the same rows at the same moment."""

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from omnibrowser.valkey import free_port
from tests.owner import Owner
from tests.postgres import Cluster
from tests.processes import Site

REMOTE = "remote.job"


class PostgresSite(Owner):
    """A user of a site with two servers; those of `start` are beside them."""

    def __init__(self, site: Site, cluster: Cluster) -> None:
        site.serve()
        self.cluster = cluster
        self.ports = [site.port, free_port()]
        site.serve(port=self.ports[1])
        super().__init__(site)
        self.worker_token = site.manage("worker_token", "remote", "--types", REMOTE).strip()

    def connect(self) -> "psycopg.Connection[Any]":
        """Return a connection to the database, in a transaction from its first statement on."""
        return psycopg.connect(self.cluster.url)

    def ask(self, method: str, path: str, body: Any = None, *, port: int | None = None) -> tuple[int, Any]:
        """Ask one of the servers, as the user or, where the path is a worker's, as the worker."""
        token = self.worker_token if path.startswith("/api/worker/") else self.token
        return self.site.call(method, path, body, token=token, port=port or random.choice(self.ports))

    def claimed(self, *job_ids: str, port: int | None = None) -> None:
        """Create these jobs and have the remote worker claim all of them."""
        for job_id in job_ids:
            self.create(job_id, REMOTE)
        status, answer = self.ask("POST", "/api/worker/claim", {"types": [REMOTE], "limit": len(job_ids)}, port=port)
        assert (status, {job["jobId"] for job in answer["jobs"]}) == (200, set(job_ids)), answer

    def complete(self, job_id: str, *, port: int | None = None) -> tuple[int, Any]:
        """Have the remote worker complete a job that it holds at its first attempt."""
        return self.ask("POST", f"/api/worker/jobs/{job_id}/complete", {"attempt": 1, "seq": 1, "result": "done"}, port=port)

    def cancel(self, job_id: str, *, port: int | None = None) -> tuple[int, Any]:
        """Cancel a job as its user."""
        return self.ask("POST", f"/api/jobs/{job_id}/cancel", {}, port=port)

    def ends(self, job_id: str) -> list[str]:
        """Return the states in which the job's attempts ended."""
        rows = self._select("SELECT target FROM jobs_jobtransition WHERE job_id = %s AND source = 'running' ORDER BY id", job_id)
        return [target for (target,) in rows]

    def tidy(self) -> None:
        """End all processes but the two servers, and all jobs."""
        for process in self.site.processes[2:]:
            process.kill()
        for (job_id,) in self._select("SELECT id FROM jobs_job WHERE state IN ('created', 'running')"):
            self.cancel(job_id)


@contextmanager
def postgres_site() -> Iterator[PostgresSite]:
    """Run such a site on a PostgreSQL that finds a deadlock at once, and has few connections."""
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-")), options={"deadlock_timeout": "50ms", "max_connections": "60"})
    try:
        with Site(
            database_url=cluster.url, API_RATE="100000/min", LEASE_SECONDS="30", JOB_HANDLERS="tests.handlers,tests.chaos.handlers"
        ) as site:
            yield PostgresSite(site, cluster)
    finally:
        cluster.remove()
