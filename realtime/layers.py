"""What we ask of a channel layer beyond its documented interface; works with the stock pub/sub layer and with our own.

Publishing goes through own clients: the stock layer publishes and subscribes under one lock and without limits, so a hung
publish would hold up every subscription. Private names of channels_redis are used here and in `raw_layer` alone; where one
is missing, the documented default or the plain way stands in for it.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from channels.layers import get_channel_layer

from realtime.raw_layer import RawPubSubChannelLayer

log = logging.getLogger(__name__)


@cache
def _prefix() -> str:
    layer: Any = get_channel_layer()
    return str(getattr(layer, "_kwargs", {}).get("prefix", "asgi"))


def group_channel(group: str) -> str:
    """Return the Redis channel on which the layer hears of `group`."""
    return f"{_prefix()}__group__{group}"


def wire_format(message: dict[str, Any]) -> bytes:
    """Return `message` as the layer puts it on the wire."""
    layer: Any = get_channel_layer()
    serialized: bytes = layer.serialize(message)
    return serialized


async def receive(layer: Any, channel: str) -> list[dict[str, Any]]:
    """Wait for a message on `channel` and return it; what is no message is left out."""
    try:
        message = await layer.receive(channel)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        log.warning("what is no message came through the channel layer: %r", error)
        return []
    return [message] if isinstance(message, dict) else []


def hand_over(layer: Any, channel: str, take: Callable[[list[dict[str, Any]]], None]) -> bool:
    """Have `take` called with all messages that arrive for `channel` in one go. Returns whether the layer can: else receive them."""
    # What the layer asks itself, whatever it is, without the layer's proxy in between.
    decode = getattr(getattr(layer, "_serializer", None), "deserialize", layer.deserialize)

    def take_bytes(items: list[bytes]) -> None:
        messages = []
        for item in items:
            try:
                messages.append(decode(item))
            except Exception as error:  # somebody published what the layer cannot read
                log.warning("what is no message came through the channel layer: %r", error)
        take([message for message in messages if isinstance(message, dict)])

    return isinstance(layer, RawPubSubChannelLayer) and layer.hand_over(channel, take_bytes)


def confirms(layer: Any) -> bool:
    """Tell whether `group_add` returns only when the subscription is confirmed; else it has to be proved by a message."""
    return isinstance(layer, RawPubSubChannelLayer) and layer.confirms


def when_connected_again(layer: Any, notice: Callable[[], None]) -> None:
    """Have `notice` called when the layer has replaced a lost connection; the stock layer does not say so."""
    if isinstance(layer, RawPubSubChannelLayer):
        layer.when_connected_again(notice)


async def reconnect(layer: Any) -> None:
    """Have the layer give up its receiving connection, which seems dead, and subscribe to all anew."""
    if confirms(layer):
        layer.reconnect()
        return
    for shard in getattr(layer, "_shards", ()):
        connection = getattr(getattr(shard, "_pubsub", None), "connection", None)
        if connection is not None:
            await connection.disconnect(nowait=True)  # redis-py connects and subscribes again at its next read
