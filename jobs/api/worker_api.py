"""`/api/worker/*`: what remote workers call. Every call about a job carries its attempt; an old one is 409 `fenced`."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from jobs.api import worker_serializers as bodies
from jobs.api.base import JobsAPIView
from jobs.api.parsers import WorkerJSONParser
from jobs.api.worker_authentication import WorkerTokenAuthentication
from jobs.conf import settings
from jobs.engines.grant import Grant
from jobs.errors import Fenced
from jobs.models import Job, Worker
from jobs.remote import attempts
from jobs.remote.tokens import worker_of
from jobs.remote.waiting import WaitingClaim, claims_of_this_loop
from jobs.source import JobSource
from realtime.hub import hub_of_this_loop
from realtime.topics import is_job_id

S = TypeVar("S", bound=Serializer[Any])


class WorkerView(JobsAPIView):
    """Takes worker tokens and nothing else."""

    authentication_classes = [WorkerTokenAuthentication]
    parser_classes = [WorkerJSONParser]
    throttle_classes: list[Any] = []
    is_for_runs = False
    """Whether runs in other engines may call it: they report for the worker that handed them over, which does the rest."""

    def check_permissions(self, request: Request) -> None:
        """Refuse what a run in another engine may not do."""
        super().check_permissions(request)
        if isinstance(request.auth, Grant) and not self.is_for_runs:
            raise PermissionDenied("A run in another engine reports and saves; its worker does the rest.")

    def worker(self, request: Request, **asks: Any) -> Worker:
        """Return the row of the worker that calls: it is alive."""
        token: Any = request.auth  # the row of a worker token: nothing else is taken
        return worker_of(token, **asks)

    def holder(self, request: Request, held: Mapping[str, int]) -> Worker:
        """Return the worker that holds these attempts. Raises Fenced for a run that names others than its own."""
        grant: Any = request.auth
        if not isinstance(grant, Grant):
            return self.worker(request)
        worker = Worker.objects.filter(pk=grant.worker_id).first()
        if worker is None or held != {grant.job_id: grant.attempt}:
            raise Fenced("fenced")
        return worker


class ClaimResponse(Response):
    """The answer to a claim, and what is needed to claim again when it is empty."""

    def __init__(self, worker: Worker, jobs: list[dict[str, Any]], *, wait_seconds: float) -> None:
        super().__init__({"leaseSeconds": settings.lease_seconds, "jobs": jobs}, headers={"Cache-Control": "no-store"})
        self.worker, self.jobs, self.wait_seconds = worker, jobs, wait_seconds


class ClaimView(WorkerView):
    """Claims once; `claim` waits around it."""

    def post(self, request: Request) -> Response:
        """Take due jobs of these types, and hold each as long as a lease; wait up to `waitSeconds` for the first."""
        body = _valid(bodies.ClaimSerializer, request).validated_data
        types, limit = body["types"], body["limit"]
        token: Any = request.auth
        if foreign := sorted(set(types) - set(token.types)):
            raise PermissionDenied(f"This token is not for jobs of type {', '.join(foreign)}.")
        worker = self.worker(request, types=types, concurrency=limit, version=request.headers.get("User-Agent", ""))
        return ClaimResponse(
            worker, attempts.claim(worker, types=types, limit=limit, claim_id=body.get("claimId")), wait_seconds=body["waitSeconds"]
        )


claim_once = ClaimView.as_view()


@csrf_exempt
@transaction.non_atomic_requests
async def claim(request: HttpRequest) -> HttpResponseBase:
    """Claim, and while there is nothing wait for work as long as the worker wants: a plain view, since DRF has no async ones."""
    _ = request.body  # read once; every claim reads it again
    threads = claims_of_this_loop().threads
    waiting: WaitingClaim | None = None
    try:
        while True:
            claiming = asyncio.ensure_future(threads.run(lambda: claim_once(request)))
            try:
                response = await asyncio.shield(claiming)
            except asyncio.CancelledError:  # the worker has left, and what was claimed goes to somebody else
                await threads.run(partial(_give_back, await claiming))
                raise
            if not isinstance(response, ClaimResponse) or response.jobs:
                return response
            waiting = waiting or WaitingClaim(hub_of_this_loop(JobSource()), seconds=response.wait_seconds)
            if not await waiting.for_work():
                return response
    finally:
        if waiting is not None:
            waiting.close()


claim.cls = ClaimView  # type: ignore[attr-defined]  # by it the view is found for the description of the API
claim.initkwargs = {}  # type: ignore[attr-defined]


def _give_back(response: HttpResponseBase) -> None:
    if isinstance(response, ClaimResponse):
        for job in response.jobs:
            attempts.release(response.worker, job["jobId"], job["attempt"], 1)


class HeartbeatView(WorkerView):
    """Renews leases."""

    is_for_runs = True

    def post(self, request: Request) -> Response:
        """Hold these jobs for another lease. `stop` names those that the worker does not hold any more."""
        body = _valid(bodies.HeartbeatSerializer, request)
        return Response({"stop": attempts.heartbeat(self.holder(request, body.attempts()), body.attempts())})


class WorkerJobView(WorkerView, ABC):
    """Something about one job that the worker holds."""

    serializer_class: type[bodies.AttemptSerializer]

    def post(self, request: Request, job_id: str) -> Response:
        """Do it. An attempt that this worker does not hold is 409 `fenced`, a `seq` that does not fit 409 `gap`."""
        body = _valid(self.serializer_class, request)
        worker = self.holder(request, {job_id: body.validated_data["attempt"]})
        if not is_job_id(job_id):
            raise Fenced("fenced")
        return Response(self.act(worker, job_id, body))

    @abstractmethod
    def act(self, worker: Worker, job_id: str, body: Any) -> dict[str, Any]:
        """Do it and return the answer."""


class EventsView(WorkerJobView):
    """Takes what the run writes."""

    serializer_class = bodies.EventsSerializer
    is_for_runs = True

    def act(self, worker: Worker, job_id: str, body: bodies.EventsSerializer) -> dict[str, Any]:
        """Write the events and publish them; those that are known already are passed over."""
        return {"position": str(attempts.report(worker, job_id, body.validated_data["attempt"], body.reported()))}


class CheckpointView(WorkerJobView):
    """Saves what a later attempt is to start from."""

    serializer_class = bodies.CheckpointSerializer
    is_for_runs = True

    def act(self, worker: Worker, job_id: str, body: bodies.CheckpointSerializer) -> dict[str, Any]:
        """Save it."""
        fields = body.validated_data
        return {"position": str(attempts.checkpoint(worker, job_id, fields["attempt"], fields["seq"], fields["data"]))}


class CompleteView(WorkerJobView):
    """Ends an attempt that has done its work."""

    serializer_class = bodies.CompleteSerializer

    def act(self, worker: Worker, job_id: str, body: bodies.CompleteSerializer) -> dict[str, Any]:
        """Complete the job."""
        fields = body.validated_data
        return _ended(attempts.complete(worker, job_id, fields["attempt"], fields["seq"], fields["result"]))


class FailView(WorkerJobView):
    """Ends an attempt by an error."""

    serializer_class = bodies.FailSerializer

    def act(self, worker: Worker, job_id: str, body: bodies.FailSerializer) -> dict[str, Any]:
        """Fail the job, or have it tried again later."""
        fields = body.validated_data
        return _ended(attempts.fail(worker, job_id, fields["attempt"], fields["seq"], body.failed()))


class ReleaseView(WorkerJobView):
    """Gives a job back."""

    serializer_class = bodies.ReleaseSerializer

    def act(self, worker: Worker, job_id: str, body: bodies.ReleaseSerializer) -> dict[str, Any]:
        """Put the job back into the queue, at no cost."""
        fields = body.validated_data
        return _ended(attempts.release(worker, job_id, fields["attempt"], fields["seq"]))


def _valid(kind: type[S], request: Request) -> S:
    serializer = kind(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer


def _ended(job: Job) -> dict[str, Any]:
    return {"position": str(job.position), "state": job.state}
