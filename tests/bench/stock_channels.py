"""Channels as its tutorial has it, on uvicorn with the stock pub/sub layer: one consumer a socket, one group a room, JSON for each.

Run `REDIS_URL=... python -m uvicorn tests.bench.stock_channels:application`.
"""

import os
from typing import Any

from django.conf import settings

settings.configure(
    CHANNEL_LAYERS={"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [os.environ["REDIS_URL"]]}}}
)

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402


class Consumer(AsyncJsonWebsocketConsumer):
    """Sends the events of a room."""

    groups = []

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Watch a room."""
        await self.channel_layer.group_add(content["room"], self.channel_name)
        await self.send_json({"type": "watching"})

    async def job_event(self, message: Any) -> None:
        """Send an event."""
        await self.send_json({"type": "event", "event": message["event"]})


application = ProtocolTypeRouter({"websocket": Consumer.as_asgi()})
