"""The channel layer's wire format, so that own clients publish what the layer receives.

Publishing goes through own clients: the layer publishes and subscribes under one lock and without limits, so a hung
publish would hold up every subscription. `_get_group_channel_name` is private: it is used here alone, and where it is
missing the documented default prefix stands in for it.
"""

from functools import cache
from typing import Any

from channels.layers import get_channel_layer


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
