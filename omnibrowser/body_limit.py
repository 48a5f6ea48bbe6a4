"""Bodies have an end: Django would keep whatever is sent in a file before any view is asked."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from jobs.api.parsers import WORKER_BODY_LIMIT_BYTES
from jobs.api.problems import MEDIA_TYPE, problem
from omnibrowser.security_headers import HEADERS

LIMIT_BYTES = WORKER_BODY_LIMIT_BYTES + 1
"""What the most patient view takes, and one more, so that its own answer is the one that is given at its limit."""

LINGER_SECONDS = 10.0
"""How long what is left of a body that is too long is read and thrown away."""

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class BodyLimit:
    """Answers 413 to requests whose body is too long, as they say themselves or as it turns out."""

    def __init__(self, application: Callable[[Any, Receive, Send], Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if _announced_bytes(scope) > LIMIT_BYTES:
            await _refuse(receive, send)
            return
        read_bytes, has_begun = 0, False

        async def limited_receive() -> Any:
            nonlocal read_bytes
            if read_bytes > LIMIT_BYTES:
                return {"type": "http.disconnect"}
            message = await receive()
            read_bytes += len(message.get("body", b""))
            # To whoever reads on it is as if the client had left: what was kept of the body is let go.
            return {"type": "http.disconnect"} if read_bytes > LIMIT_BYTES else message

        async def noted_send(message: Any) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        await self._application(scope, limited_receive, noted_send)
        if read_bytes > LIMIT_BYTES and not has_begun:
            await _refuse(receive, send)


def _announced_bytes(scope: Any) -> int:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    return max((int(value) for value in lengths if value.isdigit() and len(value) < 20), default=0)


async def _refuse(receive: Receive, send: Send) -> None:
    """Answer at once, and close once the client has said all: a connection that is closed with bytes unread takes the answer along."""
    body = json.dumps(problem(413, "too_large", f"A body has at most {LIMIT_BYTES - 1} bytes.")).encode()
    told = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Connection": "close", **HEADERS}
    headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})
