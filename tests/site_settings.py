"""Settings for processes under test: the real ones, with times that no variable has, either channel layer, and what tests break."""

import json
import os

from omnibrowser.settings import *  # noqa: F403

REALTIME.update(json.loads(os.environ.get("TEST_REALTIME", "{}")))  # noqa: F405

if os.environ.get("TEST_LAYER") == "stock":
    CHANNEL_LAYERS["default"]["BACKEND"] = "channels_redis.pubsub.RedisPubSubChannelLayer"  # noqa: F405

if os.environ.get("SABOTAGE"):
    INSTALLED_APPS.append("tests.sabotage.apps.Sabotage")  # noqa: F405

if os.environ.get("WALL_CLOCK"):
    INSTALLED_APPS.append("tests.wall_clock.WallClock")  # noqa: F405
