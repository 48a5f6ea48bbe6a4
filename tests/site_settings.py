"""Settings for processes under test: the real ones, with times that no environment variable has, and either channel layer."""

import json
import os

from omnibrowser.settings import *  # noqa: F403

REALTIME.update(json.loads(os.environ.get("TEST_REALTIME", "{}")))  # noqa: F405

if os.environ.get("TEST_LAYER") == "stock":
    CHANNEL_LAYERS["default"]["BACKEND"] = "channels_redis.pubsub.RedisPubSubChannelLayer"  # noqa: F405
