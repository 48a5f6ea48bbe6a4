"""A user of a site under test, who creates jobs and looks at them over the API."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from typing import Any

import psutil
import psycopg

from tests.processes import Site
from tests.waiting import wait_until


class Owner:
    """A user and the user's jobs."""

    def __init__(self, site: Site, name: str = "ann") -> None:
        self.site = site
        self.token = site.user(name)
        self._jobs: list[str] = []

    def create(self, job_id: str, type: str = "test.stream", **values: Any) -> str:
        """Create a job with this input and return its id."""
        status, job = self.site.call("POST", "/api/jobs", {"type": type, "jobId": job_id, "input": values}, token=self.token)
        assert status == 201, job
        self._jobs.append(job_id)
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        """Return the job as it is now."""
        status, job = self.site.call("GET", f"/api/jobs/{job_id}", token=self.token)
        assert status == 200, job
        return dict(job)

    def until(self, job_id: str, *, seconds: float = 15, **wanted: Any) -> dict[str, Any]:
        """Wait until the job has these values and return it."""
        try:
            return wait_until(
                lambda: found if wanted.items() <= (found := self.job(job_id)).items() else None,
                seconds=seconds,
                what=f"{job_id}: {wanted}",
            )
        except AssertionError as error:
            logs = "\n".join(f"{process.log_path.name}: {process.log[-3000:]}" for process in self.site.processes if process.is_alive)
            raise AssertionError(f"{error}\n{self.job(job_id)}\n{logs}") from None

    def cancel_all(self) -> None:
        """Cancel what has not ended."""
        for job_id in self._jobs:
            self.site.call("POST", f"/api/jobs/{job_id}/cancel", {}, token=self.token)
        self._jobs = []

    def process_of(self, job_id: str) -> psutil.Process:
        """Return the process that runs the job."""
        ((name,),) = self._select("SELECT name FROM jobs_job j JOIN jobs_worker w ON j.worker_id = w.id WHERE j.id = %s", job_id)
        return psutil.Process(int(name.rpartition(":")[2]))

    def reasons(self, job_id: str) -> list[str]:
        """Return why the job went back to the queue or ended, each time."""
        rows = self._select("SELECT reason FROM jobs_jobtransition WHERE job_id = %s AND source = 'running' ORDER BY id", job_id)
        return [reason for (reason,) in rows]

    def changes(self) -> dict[str, list[tuple[str, str, int]]]:
        """Return the audit of all jobs: from which state to which, and the attempt after it."""
        found: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
        for job_id, *change in self._select("SELECT job_id, source, target, attempt FROM jobs_jobtransition ORDER BY id"):
            found[job_id].append(tuple(change))
        return found

    def running_attempt(self, job_id: str) -> int | None:
        """Return the attempt that runs, None while none does."""
        rows = self._select("SELECT attempt FROM jobs_job WHERE id = %s AND state = 'running'", job_id)
        return int(rows[0][0]) if rows else None

    def count_jobs(self) -> int:
        """Return how many rows of jobs there are."""
        return int(self._select("SELECT count(*) FROM jobs_job")[0][0])

    def _select(self, query: str, *values: Any) -> list[Any]:
        """Ask the site's database for what the API does not tell, or not fast enough."""
        url = self.site.environment["DATABASE_URL"]
        if url.startswith("postgres"):
            with psycopg.connect(url) as postgres:
                return postgres.execute(query.encode(), values).fetchall()
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=5)) as sqlite:
            return sqlite.execute(query.replace("%s", "?"), values).fetchall()
