"""daphne on the listening socket of `serve`, for those who have it: the same application and the same drain, no limit on sends."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from omnibrowser.server import FRAME_LIMIT_BYTES

log = logging.getLogger(__name__)

ENDED_BY_FORCE = 1


def serve_with_daphne(listener: socket.socket, *, grace_seconds: float, drain: Callable[[float], Any]) -> None:
    """Serve on `listener` until SIGTERM or Ctrl-C; then run `drain`, close what is open, and return. A second signal ends at once."""
    from daphne.server import Server  # chooses Twisted's reactor, which may happen in this process alone
    from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
    from twisted.internet import reactor

    from omnibrowser.asgi import application

    class Protocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
        """Closes with any code: 1009, 1012 and 1013 are refused by what daphne calls."""

        def serverClose(self, code: int | None = None) -> None:  # noqa: N802  daphne's name
            self.sendCloseFrame(code=1000 if code is None else code)

    WebSocketFactory.protocol = Protocol

    loop: Any = reactor
    is_asked_to_end = False

    async def end() -> None:
        try:
            async with asyncio.timeout(grace_seconds):
                await drain(grace_seconds)
        except Exception:
            log.exception("draining did not go as it should, closing what is left")
        loop.stop()

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal is_asked_to_end
        if is_asked_to_end:
            os._exit(ENDED_BY_FORCE)
        is_asked_to_end = True
        loop.callFromThread(lambda: ending.append(asyncio.ensure_future(end())))

    ending: list[asyncio.Future[None]] = []  # kept, so that it is not lost on the way
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    served: Any = application
    proxies = os.environ.get("FORWARDED_ALLOW_IPS", default="127.0.0.1")  # uvicorn reads it by itself
    Server(
        ProxyHeadersMiddleware(served, trusted_hosts=proxies),
        endpoints=[f"fd:fileno={listener.fileno()}"],
        signal_handlers=False,
        websocket_max_message_size=FRAME_LIMIT_BYTES,
        websocket_max_frame_size=FRAME_LIMIT_BYTES,
    ).run()
