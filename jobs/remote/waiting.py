"""Claims that wait for work: woken by the nudge that workers get, and by the poll that makes it sure."""

import asyncio
import logging
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from jobs.conf import settings
from realtime.hub import Hub
from realtime.topics import WORKERS_GROUP

log = logging.getLogger(__name__)

RETRY_SECONDS = 1


class WaitingClaim:
    """One claim that found nothing. The hub sends it away with the sockets when the server ends."""

    identity = None

    def __init__(self, hub: Hub, *, seconds: float) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + seconds
        self._woken = asyncio.Event()
        self._is_ending = False
        hub.start()
        hub.sockets.add(self)
        self._bell = _bell_of_this_loop()
        self._bell.waiting.add(self._woken)

    async def for_work(self) -> bool:
        """Wait until it is worth claiming again; returns False when the time is over."""
        seconds = min(settings.poll_seconds, self._until - self._loop.time())
        if seconds <= 0 or self._is_ending:
            return False
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        return not self._is_ending

    def close(self) -> None:
        """Wait no more."""
        self._bell.waiting.discard(self._woken)
        self._hub.sockets.discard(self)

    # What the hub asks of a socket

    def tick(self, now: float) -> None:
        """Once a second: nothing is due."""

    def end(self, code: int) -> None:
        """Answer that there is no work."""
        self._is_ending = True
        self._woken.set()

    async def leave(self, code: int) -> None:
        """Answer that there is no work."""
        self.end(code)


class _Bell:
    """Hears in this process that there is work, for all claims that wait."""

    def __init__(self) -> None:
        self.waiting: set[asyncio.Event] = set()
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        layer: Any = get_channel_layer()
        while True:
            try:
                channel = await layer.new_channel("claims")
                await layer.group_add(WORKERS_GROUP, channel)
                while True:
                    await layer.receive(channel)
                    for woken in self.waiting:
                        woken.set()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.info("no nudges for waiting claims for now, polling: %s", error)
                await asyncio.sleep(RETRY_SECONDS)


_bells: WeakKeyDictionary[asyncio.AbstractEventLoop, _Bell] = WeakKeyDictionary()


def _bell_of_this_loop() -> _Bell:
    loop = asyncio.get_running_loop()
    if loop not in _bells:
        _bells[loop] = _Bell()
    return _bells[loop]
