"""The app that takes mechanisms out."""

import os

from django.apps import AppConfig

from tests.sabotage import rows as rows
from tests.sabotage import wire as wire
from tests.sabotage import workers as workers
from tests.sabotage.mechanisms import MECHANISMS


class Sabotage(AppConfig):
    """Takes out what `SABOTAGE` names, when the apps are there and nothing works yet."""

    name = "tests.sabotage"

    def ready(self) -> None:
        for name in os.environ["SABOTAGE"].split(","):
            MECHANISMS[name]()
