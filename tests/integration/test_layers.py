"""Our channel layer's receiving side when Redis is away or half there: what fails leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from omnibrowser.valkey import free_port
from realtime.raw_layer import RawPubSubChannelLayer, Receiver
from tests.waiting import until


@pytest.fixture
async def layer(redis: Any, settings: Any) -> AsyncIterator[RawPubSubChannelLayer]:
    made = RawPubSubChannelLayer(**settings.CHANNEL_LAYERS["default"]["CONFIG"])
    yield made
    await made.flush()


async def test_a_channel_that_could_not_be_made_leaves_nothing() -> None:
    layer = RawPubSubChannelLayer(hosts=[f"redis://127.0.0.1:{free_port()}/0"])
    for _ in range(3):
        with pytest.raises(OSError, match="connect"):
            await layer.new_channel()
    assert layer.channels == {}


async def test_a_connection_that_confirms_nothing_is_closed(
    layer: RawPubSubChannelLayer, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = await layer.new_channel()
    open_before = redis.info("clients")["connected_clients"]
    subscribe, failed = Receiver.subscribe, 0

    async def twice_in_vain(self: Receiver, channels: list[str]) -> None:
        nonlocal failed
        if failed < 2:
            failed += 1
            raise TimeoutError
        await subscribe(self, channels)

    monkeypatch.setattr(Receiver, "subscribe", twice_in_vain)
    layer.reconnect()
    received = asyncio.create_task(layer.receive(channel))
    await until(lambda: redis.pubsub_numsub(channel)[0][1] == 1 and failed == 2)
    redis.publish(channel, layer.serialize({"type": "heard"}))
    assert await received == {"type": "heard"}
    assert redis.info("clients")["connected_clients"] <= open_before
