"""One socket after another: signs in, notices when nothing is heard any more, comes back. Knows nothing of jobs."""

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException

from jobs.client.backoff import Backoff
from jobs.client.errors import SignedOut
from jobs.client.subscription import Frame
from realtime.protocol import CLOSE_CODES, SIGN_IN_EXPIRED, TOO_MANY, TRY_LATER

Token = str | Callable[[], str | Awaitable[str]]
"""A token for all connections, or a function that is called for each and when a sign-in is about to end; it may raise SignedOut."""

FRAME_LIMIT_BYTES = 4 * 1024 * 1024
"""A snapshot is at most 2 MiB."""
SIGN_IN_SECONDS = 15
STABLE_SECONDS = 5
CLOSE_SECONDS = 1
LOST = 1006


class Link(StrEnum):
    """How the connection is."""

    CONNECTING = "connecting"
    ONLINE = "online"
    DEGRADED = "degraded"
    """Updates come late, from the database."""
    OFFLINE = "offline"
    """Trying again."""
    CLOSED = "closed"
    """For good; `reason` says why."""


@dataclass(frozen=True, kw_only=True)
class Ears:
    """Who is told what happens to a connection."""

    on_link: Callable[[], None]
    on_welcome: Callable[[], None]
    on_frame: Callable[[Frame], None]
    on_lost: Callable[[], None]


class Connection:
    """Stays connected until `close`, or until the server says that there is no use in coming back."""

    def __init__(self, url: str, *, token: Token, device_id: str | None, ears: Ears) -> None:
        self.link = Link.CLOSED
        self.reason: str | None = "not connected yet"
        self._url = url
        self._token = token
        self._device_id = device_id
        self._ears = ears
        self._backoff = Backoff()
        self._task: asyncio.Task[None] | None = None
        self._outgoing: asyncio.Queue[str] | None = None
        self._welcomed_at: float | None = None
        self._silence_seconds = float(SIGN_IN_SECONDS)
        self._sent_token: str | None = None
        self._refused_token: str | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None

    def open(self) -> None:
        """Connect, and come back whenever the connection is lost."""
        if self._task is None or self._task.done():
            self._backoff.reset()
            self._refused_token = None
            self._become(Link.CONNECTING)
            self._task = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        """Leave for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._end("closed here")

    def cut(self) -> None:
        """Cut the socket that is open, as a network does: another one follows."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def is_up(self) -> bool:
        """Whether the server has welcomed this socket."""
        return self._welcomed_at is not None

    def send(self, frame: Frame) -> bool:
        """Send a frame if the connection is up; returns whether it was."""
        if not self.is_up or self._outgoing is None:
            return False
        self._outgoing.put_nowait(json.dumps(frame))
        return True

    async def _stay_connected(self) -> None:
        while True:
            try:
                code = await self._live_once()
            except SignedOut as error:
                self._end(str(error))
                return
            except InvalidURI as error:
                self._end(f"{self._url} is no address of a socket: {error}")
                return
            if code == SIGN_IN_EXPIRED:
                self._refused_token = self._sent_token
            if 4500 <= code <= 4999:
                self._end(CLOSE_CODES.get(code, f"refused with code {code}"))
                return
            if code in (TOO_MANY, TRY_LATER):
                self._backoff.skip_first()
            seconds = self._backoff.next()
            self._become(Link.OFFLINE if seconds > 0 or self.link is Link.OFFLINE else Link.CONNECTING)
            await asyncio.sleep(seconds)

    async def _live_once(self) -> int:
        """Live through one socket and return the code with which it closed. Raises SignedOut and InvalidURI."""
        self._sent_token = token = await self._fetch_token()
        if token == self._refused_token:
            raise SignedOut(CLOSE_CODES[SIGN_IN_EXPIRED])
        try:
            async with connect(
                self._url, max_size=FRAME_LIMIT_BYTES, open_timeout=SIGN_IN_SECONDS, close_timeout=CLOSE_SECONDS, ping_interval=None
            ) as self._socket:
                return await self._converse(self._socket, token)
        except (OSError, TimeoutError, WebSocketException) as error:
            if isinstance(error, InvalidURI):
                raise
            return LOST
        finally:
            self._socket = None

    async def _converse(self, socket: ClientConnection, token: str) -> int:
        self._outgoing = asyncio.Queue()
        self._outgoing.put_nowait(self._auth_frame(token))
        self._silence_seconds = SIGN_IN_SECONDS
        writing = asyncio.create_task(_write(socket, self._outgoing))
        try:
            while True:
                # Whoever hears nothing for longer than the server's heartbeats allow is not connected any more, whatever TCP says.
                async with asyncio.timeout(self._silence_seconds):
                    text = await socket.recv()
                self._hear(text)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else LOST
        except TimeoutError:
            socket.transport.abort()
            return LOST
        finally:
            writing.cancel()
            self._lose()

    def _hear(self, text: str | bytes) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return  # what it carried is missed, and found missing by its position
        match frame.get("type"):
            case "welcome":
                self._welcome(frame)
            case "heartbeat":
                self._become(Link.DEGRADED if frame.get("degraded") else Link.ONLINE)
            case "auth_required":
                self._renewal = asyncio.create_task(self._renew())
            case str() if self.is_up:
                self._ears.on_frame(frame)

    def _welcome(self, frame: Frame) -> None:
        self._silence_seconds = frame["heartbeatSeconds"] * 1.5
        if self.is_up:
            return  # a token handed over in place
        self._welcomed_at = time.monotonic()
        self._refused_token = None
        self._become(Link.ONLINE)
        self._ears.on_welcome()

    async def _renew(self) -> None:
        """Hand over a fresh token in place; without one the server closes when the time is over, and says so."""
        try:
            token = await self._fetch_token()
        except SignedOut:
            return
        if token != self._sent_token and self.is_up and self._outgoing is not None:
            self._sent_token = token
            self._outgoing.put_nowait(self._auth_frame(token))

    async def _fetch_token(self) -> str:
        if isinstance(self._token, str):
            return self._token
        token = self._token()
        return await token if inspect.isawaitable(token) else token

    def _auth_frame(self, token: str) -> str:
        return json.dumps({"type": "auth", "token": token, **({"deviceId": self._device_id} if self._device_id else {})})

    def _lose(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
        self._outgoing = None
        if self._welcomed_at is None:
            return
        if time.monotonic() - self._welcomed_at > STABLE_SECONDS:
            self._backoff.reset()
        self._welcomed_at = None
        self._ears.on_lost()

    def _end(self, reason: str) -> None:
        if self.link is not Link.CLOSED:
            self._become(Link.CLOSED, reason)

    def _become(self, link: Link, reason: str | None = None) -> None:
        self.reason = reason
        if link is not self.link:
            self.link = link
            self._ears.on_link()


async def _write(socket: ClientConnection, outgoing: "asyncio.Queue[str]") -> None:
    """Send what is put into the queue, in order; a socket that is closed is the reader's business."""
    try:
        while True:
            await socket.send(await outgoing.get())
    except ConnectionClosed:
        return
