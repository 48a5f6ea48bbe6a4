"""The pages: my jobs, one job, a job that somebody shares."""

from functools import partial
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render

from jobs.handlers import registry
from jobs.lifecycle import TERMINAL
from jobs.models import Job
from realtime.topics import is_job_id

SHOWN_JOBS = 50


@login_required
def job_list(request: HttpRequest) -> HttpResponse:
    """Show the form and the newest jobs of the user."""
    jobs = Job.objects.filter(owner_id=request.user.pk).order_by("-created_at", "-id")
    rows = jobs.only("id", "type", "query", "state", "progress", "created_at")[:SHOWN_JOBS]
    return render(request, "jobs/list.html", {"jobs": rows, "types": registry.types()})


@login_required
def job_detail(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show one job; one that the user may not see is not there."""
    job = Job.objects.visible_to(request.user).filter(pk=job_id).only("id", "type", "query").first()
    if job is None:
        raise Http404
    return render(request, "jobs/detail.html", {"job": job, "status_job_id": job.pk})


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
