"""One socket: its frames in, its cursors, its frames out. No rules of its own, no database: `auth` and the hub ask for it."""

import asyncio
import logging
import time
from typing import Any
from urllib.parse import urlsplit

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError

from realtime import protocol
from realtime.auth import Identity, SignInExpired, SignInRefused, identify
from realtime.conf import settings
from realtime.cursor import Cursor
from realtime.errors import RequestRefused
from realtime.hub import Hub, Topic
from realtime.limits import Allowance
from realtime.position import CLOSED, Position
from realtime.topics import job_id_of

log = logging.getLogger(__name__)

RENEW_BEFORE_SECONDS = 60
RENEW_GRACE_SECONDS = 25


class JobConsumer(AsyncWebsocketConsumer):
    """Speaks the protocol with one client. Subscribing joins the job's Channels group, through the hub that all sockets share."""

    channel_layer_alias = None  # type: ignore[assignment]  # channels means it so; the hub has the one channel of this process

    def __init__(self, *, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self.identity: Identity | None = None
        self._topics: dict[str, tuple[Topic, Cursor]] = {}
        self._gone: list[str] = []
        self._news = asyncio.Event()
        self._sending = asyncio.Lock()
        self._send_began: float | None = None
        self._heartbeat_due = False
        self._renewal_due = False
        self._allowance = Allowance(burst=settings.messages_burst, per_second=settings.messages_per_second)
        self._opened_at = self._beat_at = asyncio.get_running_loop().time()
        self._renewal_asked = False
        self._pump: asyncio.Task[None] | None = None
        self._main: asyncio.Task[Any] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket. Whatever ends it, nothing of it stays behind."""
        self._main = asyncio.current_task()
        self.hub.start()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.hub.sockets.discard(self)
            if self._pump:
                self._pump.cancel()
            for topic, _ in self._topics.values():
                self.hub.detach(topic, self)

    async def dispatch(self, message: Any) -> None:
        """Hand a message to its handler. Unlike the base class no database connection is looked after: none is used here."""
        await getattr(self, get_handler_name(message))(message)

    # Signing in

    async def connect(self) -> None:
        """Accept, so that a refusal's code arrives; sign in by the header if there is one."""
        await self.accept()
        self.hub.sockets.add(self)
        headers = dict(self.scope["headers"])
        if not _origin_is_allowed(headers):
            await self.leave(protocol.REFUSED)
            return
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer":
            await self._sign_in(token.strip().decode("latin-1"))

    async def _sign_in(self, token: str) -> None:
        try:
            identity = await self.hub.in_thread(lambda: identify(token))
        except SignInExpired:
            await self.leave(protocol.SIGN_IN_EXPIRED)
            return
        except SignInRefused:
            await self.leave(protocol.REFUSED)
            return
        if self.identity and self.identity.user.pk != identity.user.pk:
            await self.leave(protocol.REFUSED)
            return
        if self._is_one_too_many(identity):
            await self.leave(protocol.TOO_MANY)
            return
        self.identity = identity
        self._renewal_asked = False
        user, beat = identity.user.get_username(), settings.heartbeat_seconds
        welcome = {"type": "welcome", "protocol": protocol.PROTOCOL_VERSION, "user": user, "heartbeatSeconds": beat}
        await self._send_frame(protocol.encode({**welcome, "expiresAt": identity.expires_at}))
        if self._pump is None:
            self._pump = asyncio.create_task(self._deliver())

    def _is_one_too_many(self, identity: Identity) -> bool:
        if self.identity:
            return False
        others = (socket.identity for socket in self.hub.sockets)
        count = sum(other is not None and bool(other.user.pk == identity.user.pk) for other in others)
        return count >= settings.sockets_per_user

    # Frames in

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what a client's frame asks for."""
        if text_data is None:
            await self.leave(protocol.UNEXPECTED_FRAME)
            return
        if len(text_data) > settings.frame_limit_bytes:
            await self.leave(protocol.FRAME_TOO_BIG)
            return
        message, ref, wrong = protocol.parse(text_data)
        if isinstance(message, protocol.Auth):
            self._allowance.begin()
            await self._sign_in(message.token)
        elif self.identity is None:
            await self.leave(protocol.UNEXPECTED_FRAME)
        elif not self._allowance.take(free=isinstance(message, protocol.Subscribe)):
            if self._allowance.is_abused:
                await self.leave(protocol.TOO_MANY)
            else:
                await self._send_frame(protocol.error_frame(ref, "rate_limited", "Too many messages: wait a little."))
        elif message is None:
            await self._send_frame(protocol.error_frame(ref, "bad_message", wrong))
        else:
            await self._answer(message, self.identity, ref)

    async def _answer(self, message: protocol.Message, identity: Identity, ref: protocol.Ref) -> None:
        try:
            match message:
                case protocol.Subscribe():
                    await self._subscribe(message, identity)
                case protocol.Unsubscribe():
                    await self._unsubscribe(message)
                case protocol.Command():
                    await self._command(message, identity)
                case protocol.Ping():
                    await self._send_frame('{"type":"pong"}')
        except RequestRefused as refused:
            await self._send_frame(protocol.error_frame(ref, refused.code, str(refused)))
        except DatabaseError as error:
            log.warning("a request could not be met: %s", error)
            await self._send_frame(protocol.error_frame(ref, "unavailable", "The database does not answer, try again."))

    async def _subscribe(self, message: protocol.Subscribe, identity: Identity) -> None:
        job_id = job_id_of(message.topic)
        if job_id is None:
            raise RequestRefused("bad_message", "A topic is job:<jobId>.")
        if message.topic not in self._topics and len(self._topics) >= settings.topics_per_socket:
            raise RequestRefused("too_many_subscriptions", f"A socket has at most {settings.topics_per_socket} subscriptions.")
        if not await self.hub.in_thread(lambda: self.hub.source.may_watch(identity.user, job_id)):
            raise RequestRefused("not_found", "There is no such job.")
        topic = await self.hub.attach(message.topic, self)
        if topic is None or topic.feed is None:
            raise RequestRefused("not_found", "There is no such job.")
        after = message.after
        if after is not None and after > topic.feed.position:
            await self.hub.catch_up(topic, after)
        recovered = after is not None and _recovers(topic, after)
        position = topic.feed.position
        frame = {"type": "subscribed", "ref": message.ref, "topic": message.topic, "position": str(position), "recovered": recovered}
        if position.seq == CLOSED:
            frame["textSha256"] = topic.feed.job.text_sha256
        async with self._sending:
            self._topics[message.topic] = topic, Cursor(topic.feed, after if recovered else None)
            await self._send_now(protocol.encode(frame))
        self._news.set()

    async def _unsubscribe(self, message: protocol.Unsubscribe) -> None:
        known = self._topics.pop(message.topic, None)
        if known:
            self.hub.detach(known[0], self)
        await self._send_frame(protocol.encode({"type": "unsubscribed", "ref": message.ref, "topic": message.topic}))

    async def _command(self, message: protocol.Command, identity: Identity) -> None:
        source = self.hub.source
        job = await self.hub.in_thread(lambda: source.command(identity.user, message.job_id, message.action, message.if_attempt))
        await self._send_frame(protocol.encode({"type": "ack", "ref": message.ref, "job": job}))

    # Frames out

    def wake(self) -> None:
        """There may be something new in one of the feeds."""
        self._news.set()

    def gone(self, topic: str) -> None:
        """The job of this topic was deleted."""
        if self._topics.pop(topic, None):
            self._gone.append(topic)
            self._news.set()

    def tick(self, now: float) -> None:
        """Once a second: note what is due. Called by the hub's sweeper, so that no socket needs a timer."""
        if self._send_began is not None and now - self._send_began > settings.send_limit_seconds:
            self._drop("a send took too long")
        elif self.identity is None:
            if now - self._opened_at > settings.sign_in_seconds:
                self._leave_soon(protocol.NO_SIGN_IN)
        else:
            self._heartbeat_due = self._heartbeat_due or now - self._beat_at >= settings.heartbeat_seconds
            left = self.identity.expires_at / 1000 - time.time()
            if left < -RENEW_GRACE_SECONDS:
                self._leave_soon(protocol.SIGN_IN_EXPIRED)
            elif left < RENEW_BEFORE_SECONDS and not self._renewal_asked:
                self._renewal_asked = self._renewal_due = True
            if self._heartbeat_due or self._renewal_due:
                self._news.set()

    async def _deliver(self) -> None:
        """Send what is new, topic by topic, one frame at a time; what arrives meanwhile goes into the next frame."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._deliver_notices()
                for name in list(self._topics):
                    if await self._deliver_one(name):
                        self._news.set()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._drop(f"a send failed: {error!r}")

    async def _deliver_notices(self) -> None:
        while self._gone:
            await self._send_frame(protocol.encode({"type": "unsubscribed", "topic": self._gone.pop(), "reason": "deleted"}))
        if self._renewal_due and self.identity:
            self._renewal_due = False
            await self._send_frame(protocol.encode({"type": "auth_required", "expiresAt": self.identity.expires_at}))
        if self._heartbeat_due:
            self._heartbeat_due, self._beat_at = False, asyncio.get_running_loop().time()
            beat = {"type": "heartbeat", "ts": time.time_ns() // 1_000_000, "degraded": self.hub.degraded}
            await self._send_frame(protocol.encode(beat))

    async def _deliver_one(self, name: str) -> bool:
        """Send the next frame of a topic; returns whether there was one."""
        async with self._sending:
            if name not in self._topics:
                return False
            frame = self._topics[name][1].next_frame()
            if frame is None:
                return False
            await self._send_now(frame)
            return True

    async def _send_frame(self, text: str) -> None:
        async with self._sending:
            await self._send_now(text)

    async def _send_now(self, text: str) -> None:
        self._send_began = asyncio.get_running_loop().time()
        await self.base_send({"type": "websocket.send", "text": text})  # type: ignore[arg-type]  # the stubs want bytes too
        self._send_began = None

    async def leave(self, code: int) -> None:
        """Close with a code of the protocol."""
        if self._pump:
            self._pump.cancel()
        await self.close(code=code)

    def _leave_soon(self, code: int) -> None:
        if self._leaving is None:
            self._leaving = asyncio.create_task(self.leave(code))

    def _drop(self, why: str) -> None:
        """Leave without waiting for a close that the client may never read."""
        log.info("a socket is dropped: %s", why)
        if self._main:
            self._main.cancel()


def _recovers(topic: Topic, after: Position) -> bool:
    """Tell whether a reader at `after` gets all that it missed as events."""
    feed = topic.feed
    assert feed is not None, "an open topic has a feed"
    if after > feed.position:  # ahead of log and row: it heard what was published just now, if that can be
        return after.attempt == feed.position.attempt and feed.position.seq != CLOSED and after.seq != CLOSED
    return feed.reaches(after)


def _origin_is_allowed(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a page of this origin may open a socket: its own server's, or one that is allowed.

    No cookie is read, so no origin is fine: it is a program, not a page.
    """
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1")
    return text in settings.allowed_origins or urlsplit(text).netloc == headers.get(b"host", b"").decode("latin-1")
