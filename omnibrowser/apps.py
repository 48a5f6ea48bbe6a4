"""The Django app `omnibrowser`."""

from django.apps import AppConfig


class OmnibrowserConfig(AppConfig):
    """The wiring: settings, urls, and the commands that start it all."""

    name = "omnibrowser"
