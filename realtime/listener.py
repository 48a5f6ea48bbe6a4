"""What this process hears through the channel layer: its one channel, the groups that were joined, and the proof that they speak."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis
from channels.layers import get_channel_layer

from realtime import layers, publisher
from realtime.conf import settings
from realtime.errors import RedisUnavailable
from realtime.redis_client import breaker
from realtime.threads import Threads

log = logging.getLogger(__name__)

JOIN_SECONDS = 1.0
PROBE_SECONDS = 0.05
"""How long a probe may be on its way before it is sent again: the subscription may not have been there yet."""

DEAF_SECONDS = 0.5
"""How long after a connection was made anew it is probed again."""
AWAY = (OSError, TimeoutError, redis.RedisError, RedisUnavailable)
"""What a layer raises when Redis does not answer it."""

Message = dict[str, Any]


class Listener:
    """Owns the process's channel. The layer may forget, hang or go deaf; whoever joins here is told whether it worked."""

    def __init__(self, threads: Threads, hear: Callable[[list[Message]], None], when_back: Callable[[], None]) -> None:
        """Call `hear` with what arrives, and `when_back` after a time in which something may have been missed."""
        self._threads = threads
        self._hear = hear
        self._when_back = when_back
        self._layer: Any = None
        self._channel = ""
        self._ready = asyncio.Event()
        self._is_handed_over = False
        self._own_group = f"hub.{uuid.uuid4().hex}"
        self._probes: dict[str, asyncio.Event] = {}
        self._spoke: dict[str, asyncio.Event] = {}
        self.is_deaf = False
        """Whether Redis answers and yet nothing arrives here."""

    async def listen(self) -> None:
        """Receive for ever."""
        if self._layer is None:
            self._layer = get_channel_layer()
            layers.when_connected_again(self._layer, self._when_back)
        while not self._channel:
            try:
                channel = await self._layer.new_channel("hub")
                self._is_handed_over = layers.hand_over(self._layer, channel, self._take)
                await self._layer.group_add(self._own_group, channel)
                self._channel = channel
                self._ready.set()
            except AWAY as error:
                log.warning(
                    "nothing can be heard for now: %s; see docs/troubleshooting.md#redis-connection-failed", error or "no answer in time"
                )
                await asyncio.sleep(1)
        if self._is_handed_over:
            await asyncio.get_running_loop().create_future()
        while True:
            self._take(await layers.receive(self._layer, self._channel))

    def _take(self, messages: list[Message]) -> None:
        """Sort out the probes and hand on the rest."""
        probes = [message for message in messages if message.get("type") == "hub.probe"]
        for probe in probes:
            self._take_probe(probe)
        self._hear(messages if not probes else [message for message in messages if message.get("type") != "hub.probe"])

    async def join(self, group: str) -> bool:
        """Have the group's messages heard. Returns whether they are: the stock layer returns before Redis has confirmed it."""
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                if breaker.is_open:
                    return False
                await self._ready.wait()
                await self._layer.group_add(group, self._channel)
                if layers.confirms(self._layer):
                    return True
                return await self._prove(group)
        except AWAY as error:
            log.warning("group %s could not be joined, reading the row instead: %s", group, error or "no answer in time")
            return False

    async def leave(self, group: str) -> None:
        """Hear the group's messages no more."""
        if not self._channel:
            return
        try:
            async with asyncio.timeout(JOIN_SECONDS):
                await self._layer.group_discard(group, self._channel)
        except AWAY as error:
            log.info("group %s could not be left: %s", group, error or "no answer in time")

    async def _prove(self, group: str) -> bool:
        spoke = self._spoke.setdefault(group, asyncio.Event())
        try:
            while not spoke.is_set():
                await self._send_probe(group, "")
                if not await _wait(spoke, PROBE_SECONDS) and breaker.is_open:
                    return False
            return True
        finally:
            self._spoke.pop(group, None)

    def heard(self, group: str) -> None:
        """Note that the group spoke: it is joined."""
        if self._spoke and (spoke := self._spoke.get(group)):
            spoke.set()

    async def delivery_seconds(self, limit_seconds: float = JOIN_SECONDS) -> float:
        """Send a message to this process through Redis and return how long it took. Raises RedisUnavailable when it does not arrive."""
        loop, probe = asyncio.get_running_loop(), uuid.uuid4().hex
        arrived = self._probes[probe] = asyncio.Event()
        began = loop.time()
        try:
            async with asyncio.timeout(limit_seconds):
                while not arrived.is_set():
                    await self._send_probe(self._own_group, probe)
                    await _wait(arrived, PROBE_SECONDS)
        except TimeoutError:
            raise RedisUnavailable("What is published does not arrive here; see docs/troubleshooting.md#redis-connection-failed") from None
        finally:
            del self._probes[probe]
        return loop.time() - began

    async def watch_itself(self) -> None:
        """Send a probe every few seconds, for ever: a connection that is dead without a sign is found by nothing else."""
        while True:
            await asyncio.sleep(DEAF_SECONDS if self.is_deaf else settings.probe_seconds)
            await self.probe_once()

    async def probe_once(self) -> None:
        """Send a probe; when it does not arrive though Redis answers, have the layer connect again."""
        try:
            await self.delivery_seconds(settings.probe_limit_seconds)
        except RedisUnavailable:
            if breaker.is_open or not self._channel:
                return  # Redis is away: the breaker knows
            log.warning(
                "nothing is heard though Redis answers: the channel layer's connection is made anew; "
                "see docs/troubleshooting.md#redis-connection-failed"
            )
            self.is_deaf = True
            with suppress(*AWAY):
                await layers.reconnect(self._layer)
        else:
            if self.is_deaf:
                self.is_deaf = False
                self._when_back()

    async def _send_probe(self, group: str, probe: str) -> None:
        message = {"type": "hub.probe", "group": group, "id": probe}
        await self._threads.run(lambda: publisher.nudge(group, message))

    def _take_probe(self, message: Message) -> None:
        self.heard(str(message.get("group")))
        if arrived := self._probes.get(str(message.get("id"))):
            arrived.set()


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
