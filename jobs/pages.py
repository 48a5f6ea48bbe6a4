"""The pages: my jobs, one job, a job that somebody shares."""

from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from rest_framework.request import Request
from rest_framework.serializers import ValidationError

from jobs.api.filters import filtered
from jobs.api.pages import JobPages
from jobs.handlers import registry
from jobs.lifecycle import TERMINAL
from jobs.models import Job
from jobs.rights import may
from realtime.topics import is_job_id

TABS = {"All": "", "Active": "created,running,paused", "Completed": "completed", "Failed": "failed", "Cancelled": "cancelled"}
"""What the list can be narrowed to with one click, and the states that are then asked for."""


@login_required
def job_list(request: HttpRequest) -> HttpResponse:
    """Show the form and the user's jobs, newest first, narrowed and paged as the query of `GET /api/jobs` says."""
    pages = JobPages()
    try:
        mine = filtered(Job.objects.visible_to(request.user).filter(owner_id=request.user.pk), request.GET)
        jobs = pages.paginate_queryset(mine, Request(request))
    except ValidationError:  # nobody writes such an address by hand
        return redirect("jobs")
    narrowed = {name: request.GET.get(name, "") for name in ("state", "search")}
    context = {
        **narrowed,
        "tabs": [(name, states, states == narrowed["state"]) for name, states in TABS.items()],
        "jobs": jobs,
        "links": pages.get_paginated_response(None).data,
        "is_narrowed": any(narrowed.values()),
        "types": registry.types(),
    }
    return render(request, "jobs/list.html", context)


@login_required
def job_detail(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show one job; one that the user may not see is not there."""
    job = Job.objects.visible_to(request.user).filter(pk=job_id).only("id", "type", "query", "owner_id").first()
    if job is None:
        raise Http404
    rights = {"may_command": may(request.user, "cancel", job), "may_share": may(request.user, "share", job)}
    return render(request, "jobs/detail.html", {"job": job, "status_job_id": job.pk, **rights})


def shared_job(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show one job to whoever has a share token, which is in the fragment: the server has not seen it, and says nothing of the job."""
    if not is_job_id(job_id):
        raise Http404
    return render(request, "jobs/shared.html", {"job_id": job_id})


def page(request: HttpRequest) -> dict[str, Any]:
    """Give every template of a signed-in user what `base.html` needs; read only by those that use it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {
        "page": lambda: {"csrfToken": get_token(request), "user": user.get_username()},
        "status_job_id": partial(_status_job_id, user.pk),
    }


def _status_job_id(user_id: int) -> str | None:
    """Return the job that the status bar follows: the user's latest active one, else the latest of all."""
    mine = Job.objects.filter(owner_id=user_id).order_by("-created_at", "-id").values_list("id", flat=True)
    return mine.exclude(state__in=sorted(TERMINAL)).first() or mine.first()
