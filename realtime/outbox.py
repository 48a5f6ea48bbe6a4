"""What goes out on one socket: one frame at a time, never a queue of them. What happens while one is sent goes into the next."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from realtime.conf import settings
from realtime.protocol import encode


class Cursor(Protocol):
    """A reader's place in a topic."""

    def next_frame(self) -> str | None:
        """Return the next frame and move on, None when there is none."""


class Outbox:
    """Sends answers when they are asked for, and news of the cursors whenever nothing else is being sent."""

    def __init__(self, write: Callable[[str], Awaitable[None]], *, degraded: Callable[[], bool]) -> None:
        self._write = write
        self._degraded = degraded
        self._cursors: dict[str, Cursor] = {}
        self._notices: list[str] = []
        self._dirty: dict[str, None] = {}
        """Topics with news, in the order in which they came."""
        self._news = asyncio.Event()
        self._sending = asyncio.Lock()
        self._began: float | None = None
        self._beat_at = asyncio.get_running_loop().time()
        self._pump: asyncio.Task[None] | None = None
        self.broken: Exception | None = None
        """What made sending end."""

    def begin(self) -> None:
        """Begin to send news; again is harmless."""
        if self._pump is None:
            self._pump = asyncio.create_task(self._deliver())

    def end(self) -> None:
        """Send nothing more."""
        if self._pump:
            self._pump.cancel()

    async def send(self, text: str) -> None:
        """Send an answer."""
        async with self._sending:
            await self._send_now(text)

    async def send_and_follow(self, text: str, name: str, cursor: Cursor) -> None:
        """Send an answer, and from then on the news of `cursor`, under the watch's name."""
        async with self._sending:
            self._cursors[name] = cursor
            await self._send_now(text)
        self.wake(name)

    def forget(self, name: str) -> None:
        """Send no more news of this watch."""
        self._cursors.pop(name, None)

    def notify(self, text: str) -> None:
        """Have a frame sent that nobody asked for, before other news."""
        self._notices.append(text)
        self._news.set()

    def wake(self, name: str) -> None:
        """There may be news of this watch."""
        self._dirty[name] = None
        self._news.set()

    def beat(self, now: float) -> None:
        """Have a heartbeat sent when one is due."""
        if now - self._beat_at >= settings.heartbeat_seconds:
            self._beat_at = now
            self.notify(encode({"type": "heartbeat", "ts": time.time_ns() // 1_000_000, "degraded": self._degraded()}))

    def is_stuck(self, now: float) -> bool:
        """Tell whether the present send takes too long."""
        return self._began is not None and now - self._began > settings.send_limit_seconds

    async def _deliver(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._notices:
                    await self.send(self._notices.pop(0))
                dirty, self._dirty = self._dirty, {}
                for name in dirty:
                    await self._deliver_one(name)
        except Exception as error:
            self.broken = error

    async def _deliver_one(self, name: str) -> None:
        """Send the next frame of a watch; when there is more, the others have their turn first."""
        async with self._sending:
            cursor = self._cursors.get(name)
            frame = cursor.next_frame() if cursor else None
            if frame is not None:
                await self._send_now(frame)
                self.wake(name)

    async def _send_now(self, text: str) -> None:
        self._began = asyncio.get_running_loop().time()
        await self._write(text)
        self._began = None
