"""The pages: my jobs, one job."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie

from jobs.models import Job


@login_required
@ensure_csrf_cookie
def job_list(request: HttpRequest) -> HttpResponse:
    """Show the form and the newest jobs of the user."""
    jobs = Job.objects.filter(owner_id=request.user.pk).order_by("-created_at", "-id")[:50]
    return render(request, "jobs/list.html", {"jobs": jobs})


@login_required
@ensure_csrf_cookie
def job_detail(request: HttpRequest, job_id: str) -> HttpResponse:
    """Show one job; one that the user may not see is not there."""
    job = Job.objects.visible_to(request.user).filter(pk=job_id).first()
    if job is None:
        raise Http404
    return render(request, "jobs/detail.html", {"job": job})
