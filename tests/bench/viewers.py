"""Many WebSocket clients that only count what they get: as little work as a client can do, so that the server is what is measured."""

import asyncio
import base64
import os
from collections.abc import Callable
from typing import cast

EVENT = b'"seq":'
"""What is in an event once."""


class Viewer(asyncio.Protocol):
    """One socket. Knows of the protocol what a server that behaves needs: unmasked, unfragmented frames."""

    def __init__(self, port: int, path: str, headers: dict[str, str], on_frame: Callable[["Viewer", bytes], None]) -> None:
        self._request = self._handshake(port, path, headers)
        self._on_frame = on_frame
        self._buffer = b""
        self._is_open = False
        self.opened = asyncio.get_running_loop().create_future()
        self.events = 0

    @staticmethod
    def _handshake(port: int, path: str, headers: dict[str, str]) -> bytes:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def send(self, text: str) -> None:
        """Send a text frame, masked with zeros."""
        data = text.encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
        self._transport.write(b"\x81" + size + bytes(4) + data)

    def say_goodbye(self) -> None:
        """Send a close frame, masked with zeros."""
        self._transport.write(b"\x88\x82" + bytes(4) + (1000).to_bytes(2, "big"))

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.split(b"\r\n")[0], head
            self._is_open, self._buffer = True, rest
            self.opened.set_result(None)
        self._read_frames()

    def _read_frames(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= 2:
            size, start = buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            if len(buffer) < start + size:
                break
            payload = buffer[start : start + size]
            self.events += payload.count(EVENT)
            self._on_frame(self, payload)
            at = start + size
        self._buffer = buffer[at:]
