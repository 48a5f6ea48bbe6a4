"""What becomes of the jobs of a user who is deleted, as `DELETED_USERS_JOBS` says, by whichever way that is done."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db.models import CASCADE, JSONField, ProtectedError, Value
from django.utils import timezone

from jobs.conf import settings
from jobs.lifecycle import TERMINAL

DELETE, ANONYMISE = "delete", "anonymise"
NOBODY = "(deleted)"
"""The name of the account that is left with anonymised jobs; no form lets anybody have it."""
NAMED_JOBS = 10


def jobs_of_deleted_user(collector: Any, field: Any, jobs: Any, using: str) -> None:
    """Delete the jobs with the user; or leave of each what statistics need: its type, times and end, without content or owner.

    To be anonymised a job must be over, for what runs would go on to write: until then the user is protected.
    """
    if settings.deleted_users_jobs == DELETE or _is_about_nobody(collector, using):
        CASCADE(collector, field, jobs, using)
        return
    ids = [job.pk for job in jobs]
    rows = field.model.with_deleted.using(using).filter(pk__in=ids)
    if active := list(rows.exclude(state__in=sorted(TERMINAL))[:NAMED_JOBS]):
        raise ProtectedError("The user has jobs that are not over: cancel them first.", set(active))
    from jobs.models import JobTransition
    from jobs.transitions.delete import cleared

    for name, value in {**cleared(), "owner": _nobody(using), "deleted_at": timezone.now()}.items():
        # What is updated together is told by the value, which has to be hashable.
        hashable = Value(value, output_field=JSONField()) if isinstance(value, dict | list) else value
        collector.add_field_update(field.model._meta.get_field(name), hashable, list(rows.only("pk")))
    if details := list(JobTransition.objects.using(using).filter(job__in=ids).exclude(detail="").only("pk")):
        collector.add_field_update(JobTransition._meta.get_field("detail"), "", details)


def _nobody(using: str) -> Any:
    users = get_user_model()
    known = {field.name for field in users._meta.concrete_fields}
    defaults = {name: value for name, value in {"password": make_password(None), "is_active": False}.items() if name in known}
    return users._default_manager.using(using).get_or_create(**{users.USERNAME_FIELD: NOBODY}, defaults=defaults)[0]


def _is_about_nobody(collector: Any, using: str) -> bool:
    """Tell whether it is the account of anonymised jobs that is deleted: then there is nobody left to have them."""
    return any(user.get_username() == NOBODY for user in collector.data.get(get_user_model(), ()))
