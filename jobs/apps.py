"""The Django app `jobs`."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The work: jobs, their rows and their workers."""

    name = "jobs"
    default_auto_field = "django.db.models.BigAutoField"
