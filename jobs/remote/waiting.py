"""Claims that wait for work: woken by the nudge that workers get, and by the poll that makes it sure."""

import asyncio
import logging
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from jobs.conf import settings
from realtime.hub import Hub
from realtime.threads import Threads
from realtime.topics import WORKERS_GROUP

log = logging.getLogger(__name__)

RETRY_SECONDS = 1
THREADS = 4


class WaitingClaim:
    """One claim that found nothing. The hub sends it away with the sockets when the server ends."""

    identity = None
    transport = None
    """It is none of those that are counted as sockets and streams."""

    def __init__(self, hub: Hub, *, seconds: float) -> None:
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + seconds
        self._woken = asyncio.Event()
        self._is_ending = False
        hub.start()
        hub.sockets.add(self)
        self._claims = claims_of_this_loop()
        self._claims.waiting.add(self._woken)

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
        self._claims.waiting.discard(self._woken)
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


class Claims:
    """What the claims of this process share: threads of their own, so that sockets never wait for them, and one ear for nudges."""

    def __init__(self) -> None:
        self.threads = Threads(THREADS)
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


_claims: WeakKeyDictionary[asyncio.AbstractEventLoop, Claims] = WeakKeyDictionary()


def claims_of_this_loop() -> Claims:
    """Return what the claims of the running event loop share."""
    loop = asyncio.get_running_loop()
    if loop not in _claims:
        _claims[loop] = Claims()
    return _claims[loop]
