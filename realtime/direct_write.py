"""Frames straight to the connection: encoded once for all readers, and written without a task when the connection takes them.

uvicorn hands its protocol object's `send` to the application; what is written here is byte for byte what that `send` would
write. Its names (`conn`, `transport`, `writable`, `close_sent`, `handshake_complete`) are private and used in this file alone: on
any other server, class or version it is the plain ASGI `send`, under the same tests.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from realtime.protocol import Frame

TRIED_WITH = "0."
CLASS = ("uvicorn.protocols.websockets.websockets_sansio_impl", "WebSocketsSansIOProtocol")
NEEDED = ("conn", "transport", "writable", "close_sent", "handshake_complete", "disconnected")


def direct_writer(send: Any) -> "DirectWriter | None":
    """Return a writer for the connection behind an ASGI `send`, None where there is none that we know."""
    connection = getattr(send, "__self__", None)
    kind = type(connection)
    if connection is None or (kind.__module__, kind.__name__) != CLASS or not _version().startswith(TRIED_WITH):
        return None
    if not all(hasattr(connection, name) for name in NEEDED) or connection.conn.extensions:
        return None
    return DirectWriter(connection)


@cache
def _version() -> str:
    try:
        return version("uvicorn")
    except PackageNotFoundError:
        return ""


class DirectWriter:
    """Writes text frames to one connection while it takes them."""

    __slots__ = ("_connection", "_writable")

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._writable = connection.writable

    @property
    def is_ready(self) -> bool:
        """Whether a frame can be written now: the connection is open and its buffer is not full."""
        connection = self._connection
        return self._writable.is_set() and not (connection.close_sent or connection.disconnected or not connection.handshake_complete)

    def abort(self) -> None:
        """Close at once: what a reader that does not read has not got, it does not get."""
        self._connection.transport.abort()

    def write(self, frame: Frame) -> None:
        """Write a frame; only while ready."""
        self._connection.transport.write(frame.wire)
