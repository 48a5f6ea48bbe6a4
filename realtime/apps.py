"""The Django app `realtime`."""

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """The wire: topics, positions and sockets."""

    name = "realtime"
    default_auto_field = "django.db.models.BigAutoField"
