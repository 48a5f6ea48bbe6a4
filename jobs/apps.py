"""The Django app `jobs`."""

from django.apps import AppConfig
from django.core.checks import register


class JobsConfig(AppConfig):
    """The work: jobs, their rows and their workers."""

    name = "jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks."""
        from jobs.checks import check_relations, check_time_zones

        register(check_relations)
        register(check_time_zones)
