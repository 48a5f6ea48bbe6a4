"""The Django app `realtime`."""

from django.apps import AppConfig
from django.core.checks import register


class RealtimeConfig(AppConfig):
    """The wire: topics, positions and sockets."""

    name = "realtime"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the check."""
        from realtime.checks import check_layer

        register(check_layer)
