"""Requests that schemathesis makes from the description of the API: whatever is sent, the answer is one that is described.

`FUZZ_CASES` says how many for each operation; every other one is fitted to rows that are there, so that it can succeed.
"""

import os
from collections import Counter
from itertools import count
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import checks

from jobs import transitions
from jobs.models import Job
from jobs.transitions import NewJob
from realtime.tokens import sign_in
from tests.remote import RemoteWorker
from tests.sockets import LiveServer

CASES = int(os.environ.get("FUZZ_CASES", "6"))
BEFORE = {"retry": ("cancel",), "resume": ("pause",), "delete": ("cancel",)}
CHECKS = [
    checks.not_a_server_error, checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
]  # fmt: skip


class Fitting:
    """Makes cases meet rows that are there."""

    def __init__(self, live: LiveServer, user: Any) -> None:
        self.user = user
        self.worker = RemoteWorker(live, types=("fuzz",))
        self.tokens = sign_in(user)

    def headers(self, case: Any) -> dict[str, str]:
        token = self.worker.token if "/worker/" in case.path else self.tokens["access"]
        return {"Authorization": f"Bearer {token}"}

    def fit(self, case: Any) -> None:
        """Give the case a job in the right state, and a body that names it rightly."""
        name = case.operation.definition.raw["operationId"]
        if "/worker/jobs/" in case.path:
            job = self._claimed()
            case.path_parameters["job_id"] = job["jobId"]
            case.body["attempt"] = job["attempt"]
            if "seq" in case.body:
                case.body["seq"] = 1
            if name == "reportEvents":
                case.body["events"] = [{"seq": 2, "type": "text", "data": {"offset": 0, "text": "fuzz"}}]
        elif "{job_id}" in case.path:
            case.path_parameters["job_id"] = self._job(name)
            case.query = {}
            case.headers = {}
            if "ifAttempt" in (case.body if isinstance(case.body, dict) else {}):
                case.body["ifAttempt"] = None
            if name == "changeJob":
                case.body = {"priority": 3}
        elif name == "createJob":
            case.body["type"] = "fuzz"
            case.body.pop("jobId", None)
        elif name == "claimJobs":
            case.body |= {"types": ["fuzz"], "waitSeconds": 0}
        elif name in ("refresh", "signOut"):
            case.body = {"refresh": sign_in(self.user)["refresh"]}
        elif name == "signIn":
            case.body = {"username": "ann", "password": "a-long-password"}
        elif name == "listJobs":
            case.query = {key: value for key, value in case.query.items() if key in ("pageSize", "ordering")}

    def _job(self, operation: str) -> str:
        job, _ = transitions.create(self.user, NewJob(type="fuzz"))
        for word, actions in BEFORE.items():
            for action in actions if operation.startswith(word) else ():
                transitions.command(job.pk, action, actor=self.user)
        return job.pk

    def _claimed(self) -> dict[str, Any]:
        Job.objects.filter(type="fuzz", state="created").delete()
        transitions.create(self.user, NewJob(type="fuzz"))
        return self.worker.claim()[0]


def fuzz(operation: Any, fitting: Fitting, url: str, answers: Counter[tuple[str, int]]) -> None:
    """Send the cases of one operation and count their answers."""
    name = operation.definition.raw["operationId"]
    turns = count()

    @settings(max_examples=CASES, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def run(case: Any) -> None:
        if next(turns) % 2 == 0:
            fitting.fit(case)
        if name == "claimJobs" and isinstance(case.body, dict):
            case.body["waitSeconds"] = 0
        if name == "readEvents":
            case.headers = {}  # a stream of a job that goes on has no end
        response = case.call_and_validate(base_url=url, headers=fitting.headers(case), checks=CHECKS, timeout=15)
        answers[name, response.status_code] += 1

    run()


@pytest.mark.django_db(transaction=True)
def test_every_answer_is_one_that_is_described(live: LiveServer, ann: Any) -> None:
    url = f"http://127.0.0.1:{live.port}"
    fitting = Fitting(live, ann)
    answers: Counter[tuple[str, int]] = Counter()
    found: Any
    for found in schemathesis.openapi.from_url(f"{url}/api/schema").get_all_operations():
        fuzz(found.ok(), fitting, url, answers)
    statuses = Counter(status for _, status in answers.elements())
    failed = sum(times for status, times in statuses.items() if status >= 500)
    print(f"{answers.total()} tried, {failed} x 5xx: {dict(sorted(statuses.items()))}")
    good = Counter(name for name, status in answers.elements() if status < 300)
    of_all = Counter(name for name, _ in answers.elements())
    assert {name for name in of_all if good[name] < 0.3 * of_all[name]} == set()
