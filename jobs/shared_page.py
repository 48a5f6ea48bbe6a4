"""Where a shared job is shown."""

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


def link_to_shared(request: HttpRequest, job_id: str, token: str) -> str:
    """Return the address of a shared job; in a project without the pages, where it is read.

    What follows the # no server is sent, and no log has.
    """
    try:
        path = reverse("shared-job", args=[job_id])
    except NoReverseMatch:
        path = reverse("job-api-detail", args=[job_id])
    return f"{request.build_absolute_uri(path)}#{token}"
