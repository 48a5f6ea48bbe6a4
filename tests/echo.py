"""What suites of WebSocket cases talk to: an application that sends back what it gets, served as `serve` serves ours.

Text goes out as our frames do: straight to the connection while it takes them. Run `python -m tests.echo PORT`.
"""

import sys
from typing import Any

import django

django.setup()  # what the server counts are models' matters

from omnibrowser import server  # noqa: E402
from realtime.direct_write import direct_writer  # noqa: E402
from realtime.protocol import Frame  # noqa: E402


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Echo."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    direct = direct_writer(send)
    while (message := await receive())["type"] == "websocket.receive":
        if direct and direct.is_ready and message.get("text") is not None:
            direct.write(Frame(message["text"]))
        else:
            await send({"type": "websocket.send", "text": message.get("text"), "bytes": message.get("bytes")})


async def drain(seconds: float) -> None:
    """Nothing has to be sent away."""


if __name__ == "__main__":
    server.APPLICATION = "tests.echo:application"
    server.FRAME_LIMIT_BYTES = 16 * 1024 * 1024  # there are cases of messages that are larger than any of ours
    server.serve(server.listening_socket("127.0.0.1", int(sys.argv[1])), grace_seconds=1, drain=drain)
