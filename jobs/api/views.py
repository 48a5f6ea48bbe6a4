"""`/api/jobs`."""

import json
from typing import Any

from django.db import transaction
from django.urls import reverse
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from jobs import transitions
from jobs.api.base import JobsAPIView
from jobs.api.filters import filtered
from jobs.api.pages import JobPages
from jobs.api.serializers import CommandSerializer, JobChangesSerializer, NewJobSerializer, ShareSerializer
from jobs.api.service_authentication import ServiceTokenAuthentication
from jobs.errors import JobNotFound
from jobs.models import Job, JobQuerySet, iso
from jobs.outlook import UNKNOWN, outlooks
from jobs.representation import changes_of, represent, summarize
from jobs.rights import require
from jobs.shared_page import link_to_shared
from jobs.transitions.close import tail_of, with_tail
from realtime.shares import issue_share, take_back_shares
from realtime.topics import is_job_id


class JobViewSet(JobsAPIView, viewsets.GenericViewSet[Job]):
    """Create, read, change and command jobs. What one may not see is 404."""

    authentication_classes = (ServiceTokenAuthentication, *JobsAPIView.authentication_classes)
    pagination_class = JobPages
    open_to_shares = ("retrieve", "history")
    lookup_value_regex = "[^/]+"
    lookup_url_kwarg = "job_id"

    def get_queryset(self) -> JobQuerySet:
        """Return the jobs that the caller may see."""
        return Job.objects.visible_to(self.request.user).select_related("owner")

    def create(self, request: Request) -> Response:
        """Create a job; the same body with the same `jobId` again gives the job that is there."""
        serializer = NewJobSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        job, created = transitions.create(request.user, serializer.new_job())
        headers = {"Location": reverse("job-api-detail", args=[job.pk])}
        return Response(self._whole(job), status=201 if created else 200, headers=headers)

    def list(self, request: Request) -> Response:
        """List summaries, newest first unless another order is asked for."""
        page = self.paginate_queryset(filtered(self.get_queryset(), request.query_params))
        expected = outlooks(page or [])
        return self.get_paginated_response([summarize(job, expected.get(job.pk, UNKNOWN)) for job in page or []])

    def retrieve(self, request: Request, job_id: str) -> Response:
        """Return the job, fresh to the last event."""
        return Response(self._whole(self._visible(job_id)))

    def partial_update(self, request: Request, job_id: str) -> Response:
        """Change when the turn of a created job comes, or its state as the command of that name would."""
        job = self._visible(job_id)
        serializer = JobChangesSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        changes = serializer.validated_data
        require(request.user, "priority", job)
        with transaction.atomic():  # both changes or none
            turn = {column: changes[name] for name, column in (("priority", "priority"), ("runAt", "run_at")) if name in changes}
            if turn:
                job = transitions.edit(job_id, **turn)
            if "state" in changes:
                job = transitions.command(job_id, _action_to(changes["state"], job), actor=request.user)
        return Response(self._whole(job))

    def destroy(self, request: Request, job_id: str) -> Response:
        """Delete a job that has ended: its content goes at once, its id stays taken for a while."""
        require(request.user, "delete", self._visible(job_id))
        transitions.delete(job_id, actor=request.user)
        return Response(status=204)

    @action(detail=True, url_path="transitions")
    def history(self, request: Request, job_id: str) -> Response:
        """List how the job came to be as it is: its last changes of state, oldest first."""
        return Response({"transitions": changes_of(self._visible(job_id))})

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, job_id: str) -> Response:
        """Stop the job for good."""
        return self._command(request, job_id, "cancel")

    @action(detail=True, methods=["post"])
    def pause(self, request: Request, job_id: str) -> Response:
        """Stop the job until it is resumed."""
        return self._command(request, job_id, "pause")

    @action(detail=True, methods=["post"])
    def resume(self, request: Request, job_id: str) -> Response:
        """Let a paused job go on."""
        return self._command(request, job_id, "resume")

    @action(detail=True, methods=["post"])
    def retry(self, request: Request, job_id: str) -> Response:
        """Try a failed or cancelled job again."""
        return self._command(request, job_id, "retry")

    @action(detail=True, methods=["post", "delete"])
    def share(self, request: Request, job_id: str) -> Response:
        """Make a link with which anybody may watch this job; DELETE takes all of them back."""
        job = self._visible(job_id)
        require(request.user, "unshare" if request.method == "DELETE" else "share", job)
        if request.method == "DELETE":
            take_back_shares([job.pk])
            return Response(status=204)
        serializer = ShareSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token, expires_at = issue_share(request.user, job.pk, seconds=serializer.validated_data["expiresInSeconds"])
        return Response({"token": token, "url": link_to_shared(request, job.pk, token), "expiresAt": iso(expires_at)})

    def _command(self, request: Request, job_id: str, name: str) -> Response:
        job = self._visible(job_id)
        serializer = CommandSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        require(request.user, name, job)
        if_attempt = serializer.validated_data["ifAttempt"]
        return Response(self._whole(transitions.command(job_id, name, actor=request.user, if_attempt=if_attempt)))

    def _visible(self, job_id: str) -> Job:
        job = self.get_queryset().filter(pk=job_id).first() if is_job_id(job_id) else None
        if job is None:
            raise JobNotFound
        return job

    def _whole(self, job: Job) -> dict[str, Any]:
        view = with_tail(job, tail_of(job.pk) if job.state == "running" else [])
        return represent(job, view, outlooks([job]).get(job.pk, UNKNOWN))


def _action_to(state: str, job: Job) -> str:
    """Return the command that brings the job to `state`."""
    if state != "created":
        return {"cancelled": "cancel", "paused": "pause"}[state]
    began_by = json.loads(job.queued_event)["data"]["reason"]
    return "resume" if job.state == "paused" or (job.state in ("created", "running") and began_by == "resume") else "retry"
