"""What a user may do to a job that he may see: to his own everything, to others' what a member of staff has the permission for.

One rule for the API, the socket, the pages and the admin.
"""

from typing import Any

from jobs.errors import JobForbidden
from jobs.models import Job

PERMISSIONS = {
    **dict.fromkeys(("cancel", "pause", "resume", "retry", "priority"), "jobs.change_job"),
    "delete": "jobs.delete_job",
    "share": "realtime.add_share",
    "unshare": "realtime.delete_share",
}
"""What can be done, and the permission that it takes to do it to anybody's job."""


def may(user: Any, action: str, job: Job) -> bool:
    """Tell whether the user, who sees the job, may do this to it."""
    return bool(job.owner_id == user.pk or may_to_all(user, action))


def may_to_all(user: Any, action: str) -> bool:
    """Tell whether the user may do this to anybody's job."""
    return bool(user.has_perm(PERMISSIONS[action]))


def require(user: Any, action: str, job: Job) -> None:
    """Raise JobForbidden unless the user may do this to the job."""
    if not may(user, action, job):
        raise JobForbidden
