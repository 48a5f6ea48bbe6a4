"""What goes out on one socket: one frame at a time, never a queue of them. What happens while one is sent goes into the next."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from realtime.conf import settings
from realtime.direct_write import DirectWriter
from realtime.metrics import frames_sent
from realtime.protocol import Frame, encode

log = logging.getLogger(__name__)


class Cursor(Protocol):
    """A reader's place in a topic."""

    @property
    def has_next(self) -> bool:
        """Whether there is a next frame."""

    def next_frame(self) -> Frame | None:
        """Return the next frame and move on, None when there is none."""


class Turn:
    """The sockets with news in this turn of the event loop: one callback flushes them all when all of what came at once was heard."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: list[Outbox] = []

    def take(self, outbox: "Outbox") -> None:
        """Have the outbox flushed when its turn comes."""
        if not self._due:
            self._loop.call_soon(self._flush)
        self._due.append(outbox)

    def _flush(self) -> None:
        due, self._due = self._due, []
        for outbox in due:
            try:
                outbox.flush()
            except Exception:
                log.exception("a socket could not be flushed; the others are")


class Outbox:
    """Sends answers when they are asked for, and news of the cursors whenever nothing else is being sent.

    News go straight to the connection while it takes them. When it does not, a task waits for it, frame by frame.
    """

    def __init__(self, write: Callable[[str], Awaitable[None]], *, turn: Turn, degraded: Callable[[], bool]) -> None:
        self._write = write
        self._turn = turn
        self._degraded = degraded
        self._direct: DirectWriter | None = None
        self._cursors: dict[str, Cursor] = {}
        self._notices: list[str] = []
        self._dirty: dict[str, None] = {}
        """Topics with news, in the order in which they came."""
        self._is_due = False
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._sending = asyncio.Lock()
        self._began: float | None = None
        self._beat_at = self._loop.time()
        self._pump: asyncio.Task[None] | None = None
        self._has_ended = False
        self.broken: Exception | None = None
        """What made sending end."""

    def begin(self, direct: DirectWriter | None) -> None:
        """Begin to send news; again is harmless."""
        if self._pump is None and not self._has_ended:
            self._direct = direct
            self._pump = asyncio.create_task(self._deliver())

    def end(self) -> None:
        """Send nothing more."""
        self._has_ended = True
        if self._pump:
            self._pump.cancel()

    def release(self) -> None:
        """Let go of all that hangs on it, since the socket is over: what goes round in a circle stays until somebody looks for garbage."""
        self.end()
        self._write, self._direct, self._pump = _write_nowhere, None, None
        self._cursors.clear()
        self._dirty.clear()
        self._notices.clear()

    def abort(self) -> None:
        """Close the connection at once if we have it in hand; else the server does when the kernel gives it up."""
        if self._direct:
            self._direct.abort()

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
        """There may be news of this watch. All that is heard at once is sent at once, when all of it was heard."""
        self._dirty[name] = None
        if not self._is_due:
            self._is_due = True
            self._turn.take(self)

    def beat(self, now: float) -> None:
        """Have a heartbeat sent when one is due."""
        if now - self._beat_at >= settings.heartbeat_seconds:
            self._beat_at = now
            self.notify(encode({"type": "heartbeat", "ts": time.time_ns() // 1_000_000, "degraded": self._degraded()}))

    def is_stuck(self, now: float) -> bool:
        """Tell whether the present send takes too long."""
        return self._began is not None and now - self._began > settings.send_limit_seconds

    def flush(self) -> None:
        """Write news while the connection takes them; what is left is the task's."""
        self._is_due = False
        direct = self._direct
        if direct is None or self._sending.locked() or self._notices:
            self._news.set()
            return
        dirty, cursors = self._dirty, self._cursors
        while dirty and not self._has_ended:
            name = next(iter(dirty))
            if cursor := cursors.get(name):
                while True:
                    if not direct.is_ready:
                        self._news.set()
                        return
                    if (frame := cursor.next_frame()) is None:
                        break
                    direct.write(frame)
                    frames_sent.count += 1
                    if not cursor.has_next:
                        break
            del dirty[name]

    async def _deliver(self) -> None:
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._notices:
                    await self.send(self._notices.pop(0))
                while self._dirty:
                    name = next(iter(self._dirty))
                    del self._dirty[name]
                    if await self._deliver_one(name):
                        self._dirty[name] = None  # the others have their turn first
        except Exception as error:
            self.broken = error

    async def _deliver_one(self, name: str) -> bool:
        """Send the next frame of a watch. Returns whether there was one."""
        async with self._sending:
            cursor = self._cursors.get(name)
            frame = cursor.next_frame() if cursor else None
            if frame is None:
                return False
            await self._send_now(frame.text)
            frames_sent.count += 1
            return True

    async def _send_now(self, text: str) -> None:
        self._began = self._loop.time()
        await self._write(text)
        self._began = None


async def _write_nowhere(text: str) -> None:
    """Write nothing: nobody is there any more."""
