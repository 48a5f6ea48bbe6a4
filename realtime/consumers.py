"""One socket: who is there, and what its frames ask for. No rules of its own, no database: `auth` and the hub ask for it."""

import asyncio
import logging
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error as DatabaseError
from structlog.contextvars import bind_contextvars

from realtime import protocol
from realtime.auth import Identity
from realtime.conf import settings
from realtime.direct_write import direct_writer
from realtime.errors import RequestRefused, SignInExpired, SignInRefused, SignInUnavailable
from realtime.hub import Hub
from realtime.limits import Allowance
from realtime.metrics import metrics
from realtime.outbox import Outbox
from realtime.subscriptions import Subscriptions

log = logging.getLogger(__name__)

RENEW_BEFORE_SECONDS = 60
RENEW_GRACE_SECONDS = 25
LEAVE_SECONDS = 5
"""How long a close may take that the client has to read."""


class JobConsumer(AsyncWebsocketConsumer):
    """Speaks the protocol with one client. Subscribing joins the job's Channels group, through the hub that all sockets share."""

    transport = "websocket"
    channel_layer_alias = None  # type: ignore[assignment]  # channels means it so; the hub has the one channel of this process

    def __init__(self, *, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self.identity: Identity | None = None
        self._opened_at = asyncio.get_running_loop().time()
        self._outbox = Outbox(self._write, turn=hub.turn, degraded=lambda: hub.degraded)
        self._subscriptions = Subscriptions(hub, self._outbox)
        self._allowance = Allowance(burst=settings.messages_burst, per_second=settings.messages_per_second)
        self._guest_of: str | None = None
        """The address at which it takes a guest's place, until it shows a token."""
        self._place_of: Any = None
        """The user whose place it takes, when it is signed in."""
        self._renewal_asked = False
        self._close_code: int | None = None
        self._is_dropped = False
        self._main: asyncio.Task[Any] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the socket. Whatever ends it, nothing of it stays behind."""
        self._main = asyncio.current_task()
        bind_contextvars(socket_id=uuid.uuid4().hex[:12])
        self.hub.start()
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_dropped:
                raise
        finally:
            self.hub.sockets.discard(self)
            self._is_no_guest()
            if self._place_of is not None:
                self.hub.places.give_back(self._place_of)
            self._outbox.release()
            self._subscriptions.end()
            self._main = None
            metrics().count_close(self._close_code)
            log.info("a socket has ended", extra={"code": self._close_code})

    async def dispatch(self, message: Any) -> None:
        """Hand a message to its handler. Unlike the base class no database connection is looked after: none is used here."""
        await getattr(self, get_handler_name(message))(message)

    # Signing in

    async def connect(self) -> None:
        """Accept, so that a refusal's code arrives; sign in by the header if there is one."""
        await self.accept()
        self.hub.sockets.add(self)
        if self.hub.is_draining:
            await self.leave(protocol.RESTARTING)
            return
        headers = dict(self.scope["headers"])
        if not _origin_is_allowed(headers):
            origin = headers[b"origin"][:100].decode("latin-1")
            log.info("a page of %r may not open a socket; see docs/troubleshooting.md#socket-not-connected", origin)
            await self.leave(protocol.REFUSED)
            return
        kind, _, token = headers.get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"bearer":
            await self._sign_in(token.strip().decode("latin-1"))
        elif self.hub.guests.take(_client(self.scope), settings.guests_per_address):
            self._guest_of = _client(self.scope)
        else:
            await self.leave(protocol.TOO_MANY)

    async def disconnect(self, code: int) -> None:
        """Note how it ended."""
        self._close_code = self._close_code or code

    async def _sign_in(self, token: str, device_id: str | None = None) -> None:
        code = None
        try:
            identity = await self.hub.sign_ins.identify(token)
        except SignInExpired:
            code = protocol.SIGN_IN_EXPIRED
        except SignInRefused:
            code = protocol.REFUSED
        except (DatabaseError, SignInUnavailable) as error:
            log.warning("nobody can sign in for now: %s; see docs/troubleshooting.md#database-not-reached", error)
            code = protocol.TRY_LATER
        else:
            if self.identity and self.identity.user.pk != identity.user.pk:
                code = protocol.REFUSED
            elif self.identity is None and not self._take_place(identity):
                code = protocol.TOO_MANY
        if code is not None:
            await self.leave(code)
            return
        if self.identity is None:
            metrics().sign_ins.inc()
            bind_contextvars(user_id=identity.user.pk)
            log.info("a socket is signed in", extra={"client": _client(self.scope), "device_id": device_id})
        self.identity = identity
        self._renewal_asked = False
        user, beat = identity.user.get_username(), settings.heartbeat_seconds
        welcome = {"type": "welcome", "protocol": protocol.PROTOCOL_VERSION, "user": user, "heartbeatSeconds": beat}
        await self._outbox.send(protocol.encode({**welcome, "expiresAt": identity.expires_at}))
        self._outbox.begin(direct_writer(self.base_send))

    def _is_no_guest(self) -> None:
        if self._guest_of is not None:
            self.hub.guests.give_back(self._guest_of)
            self._guest_of = None

    def _take_place(self, identity: Identity) -> bool:
        """Take one of the user's places. Returns whether there was one."""
        if not self.hub.places.take(identity.user.pk, settings.sockets_per_user):
            return False
        self._place_of = identity.user.pk
        return True

    # Frames in

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Do what a client's frame asks for."""
        if self._leaving:
            return
        if text_data is None:
            await self.leave(protocol.UNEXPECTED_FRAME)
            return
        if len(text_data) > settings.frame_limit_bytes:
            await self.leave(protocol.FRAME_TOO_BIG)
            return
        message, ref, wrong = protocol.parse(text_data)
        if isinstance(message, protocol.Auth):
            self._allowance.begin()
            self._is_no_guest()
            await self._sign_in(message.token, message.device_id)
        elif self.identity is None:
            await self.leave(protocol.UNEXPECTED_FRAME)
        elif not self._allowance.take(free=isinstance(message, protocol.Subscribe)):
            if self._allowance.is_abused:
                await self.leave(protocol.TOO_MANY)
            else:
                await self._outbox.send(protocol.error_frame(ref, "rate_limited", "Too many messages: wait a little."))
        elif message is None:
            await self._outbox.send(protocol.error_frame(ref, "bad_message", wrong))
        else:
            await self._answer(message, self.identity, ref)

    async def _answer(self, message: protocol.Message, identity: Identity, ref: protocol.Ref) -> None:
        try:
            match message:
                case protocol.Subscribe():
                    await self._subscriptions.subscribe(message, identity)
                case protocol.Unsubscribe():
                    await self._subscriptions.unsubscribe(message)
                case protocol.Command():
                    await self._command(message, identity)
                case protocol.Ping():
                    await self._outbox.send('{"type":"pong"}')
        except RequestRefused as refused:
            await self._outbox.send(protocol.error_frame(ref, refused.code, str(refused)))
        except DatabaseError as error:
            log.warning("a request could not be met: %s", error)
            await self._outbox.send(protocol.error_frame(ref, "unavailable", "The database does not answer, try again."))

    async def _command(self, message: protocol.Command, identity: Identity) -> None:
        if identity.is_shared:
            raise RequestRefused("not_found", "With a share token one may watch, and do nothing.")
        source = self.hub.source
        job = await self.hub.in_thread(lambda: source.command(identity.user, message.job_id, message.action, message.if_attempt))
        await self._outbox.send(protocol.encode({"type": "ack", "ref": message.ref, "job": job}))

    # What is due, and the end

    def tick(self, now: float) -> None:
        """Once a second: note what is due. Called by the hub's sweeper, so that no socket needs a timer."""
        if self._outbox.is_stuck(now):
            self._drop("a send took too long")
        elif self._outbox.broken:
            self._drop(f"a send failed: {self._outbox.broken!r}")
        elif self.identity is None:
            if now - self._opened_at > settings.sign_in_seconds:
                self.end(protocol.NO_SIGN_IN)
        else:
            self._outbox.beat(now)
            left = self.identity.expires_at / 1000 - time.time()
            if left < -RENEW_GRACE_SECONDS:
                self.end(protocol.SIGN_IN_EXPIRED)
            elif left < RENEW_BEFORE_SECONDS and not self._renewal_asked:
                self._renewal_asked = True
                self._outbox.notify(protocol.encode({"type": "auth_required", "expiresAt": self.identity.expires_at}))

    async def _write(self, text: str) -> None:
        await self.base_send({"type": "websocket.send", "text": text})  # type: ignore[arg-type]  # the stubs want bytes too

    async def leave(self, code: int) -> None:
        """Close with a code of the protocol."""
        self.end(code)
        if self._leaving:
            await asyncio.wait([self._leaving], timeout=LEAVE_SECONDS)

    def end(self, code: int) -> None:
        """Close with a code of the protocol, and do not wait for it."""
        if self._leaving is None:
            self._close_code = code
            self._outbox.end()
            self._leaving = asyncio.create_task(self._close_with(code))

    async def _close_with(self, code: int) -> None:
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self.close(code=code)
        except Exception as error:
            self._drop(f"it could not be closed: {error!r}")

    def _drop(self, why: str) -> None:
        """Leave without waiting for a close that the client may never read."""
        log.info("a socket is dropped: %s", why)
        self._is_dropped = True
        self._outbox.abort()
        if self._main:
            self._main.cancel()


def _client(scope: Any) -> str:
    """Return the address that the socket comes from."""
    return str((scope.get("client") or ("",))[0])


def _origin_is_allowed(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a page of this origin may open a socket: its own server's, or one that is allowed.

    No cookie is read, so no origin is fine: it is a program, not a page.
    """
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1")
    host = urlsplit(text).netloc
    return text in settings.allowed_origins or (host != "" and host == headers.get(b"host", b"").decode("latin-1"))
