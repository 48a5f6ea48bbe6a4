"""Which consumer serves which path."""

from typing import Any

from realtime.consumers import JobConsumer
from realtime.hub import hub_of_this_loop
from realtime.source import Source

SOCKET_PATHS = ("/ws/", "/ws")


def socket_application(source: Source) -> Any:
    """Return the ASGI application of `/ws/`, whose hub asks `source`; handshakes to other paths are refused."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] in SOCKET_PATHS:
            await JobConsumer(hub=hub_of_this_loop(source))(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})

    return serve
