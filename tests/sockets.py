"""A real server in a thread of this process, and clients that speak the protocol with it."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from omnibrowser.asgi import application
from omnibrowser.server import configuration, listening_socket
from tests.shapes import checked_frame
from tests.tokens import token_of
from tests.waiting import wait_until


class LiveServer:
    """uvicorn as `serve` runs it, with the database, Valkey and settings of this process."""

    def __init__(self) -> None:
        self._listener = listening_socket("127.0.0.1", 0)
        self.port: int = self._listener.getsockname()[1]
        self._server = uvicorn.Server(configuration(application, grace_seconds=1))
        self._thread = threading.Thread(target=self._run, name="live server", daemon=True)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.clients = ExitStack()
        """Closes the clients at the end."""
        self._thread.start()
        wait_until(lambda: self._server.started, what="a server that listens")

    def _run(self) -> None:
        async def serve() -> None:
            self.loop = asyncio.get_running_loop()
            await self._server.serve(sockets=[self._listener])

        asyncio.run(serve())

    def stop(self) -> None:
        """End it, and all its connections."""
        self.clients.close()
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()

    def connect(self, token: str | None = None, **headers: str) -> "Client":
        """Open a socket, with a token in the header if there is one."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.clients.enter_context(client(f"ws://127.0.0.1:{self.port}/ws/", **headers))

    def signed_in(self, user: Any) -> "Client":
        """Open a socket and sign in by the header."""
        client = self.connect(token_of(user))
        assert client.next()["type"] == "welcome"
        return client


class Client:
    """One socket, frame by frame."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, type: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": type, **fields}))

    def next(self, *, seconds: float = 10) -> dict[str, Any]:
        """Return the next frame, whatever it is; one that is not as its schema says fails the test."""
        return checked_frame(json.loads(self.socket.recv(timeout=seconds)))

    def until(self, type: str, *, seconds: float = 10, **fields: Any) -> dict[str, Any]:
        """Return the next frame of this type with these fields; what comes before is left out."""
        while True:
            frame = self.next(seconds=seconds)
            if frame["type"] == type and all(frame.get(name) == value for name, value in fields.items()):
                return frame

    def ask(self, type: str, *, ref: int = 1, **fields: Any) -> dict[str, Any]:
        """Send a request and return its answer."""
        self.send(type, ref=ref, **fields)
        while True:
            frame = self.next()
            if frame.get("ref") == ref:
                return frame

    def ask_pong(self) -> bool:
        """Tell whether the server still answers."""
        self.send("ping")
        return bool(self.until("pong"))

    def subscribe(self, topic: str, after: str | None = None) -> dict[str, Any]:
        """Subscribe and return the answer."""
        return self.ask("subscribe", topic=topic, after=after)

    def events(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` events, and no others."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += self.until("events")["events"]
        return found

    def close_code(self, *, seconds: float = 10) -> int:
        """Read until the server closes, and return its code."""
        try:
            while True:
                self.socket.recv(timeout=seconds)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def close(self) -> None:
        self.socket.close()


@contextmanager
def client(url: str, **headers: str) -> Iterator[Client]:
    """Open a socket and close it at the end."""
    with connect(url, additional_headers=headers, compression=None, max_size=2**22, close_timeout=1) as socket:
        yield Client(socket)
