"""A TCP proxy that makes faults, in a thread of its own: what a network does to a link, without root and without a kernel's tools."""

import asyncio
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

CHUNK = 16 * 1024
TO_SERVER, TO_CLIENT = "to server", "to client"


class Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.said = b""
        """The beginnings of what the client has sent."""

    def reset(self) -> None:
        """End both sides with RST, as a machine does that has lost its memory."""
        for writer in (self.client, self.server):
            raw = writer.get_extra_info("socket")
            if raw is not None and not writer.transport.is_closing():
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Forwards connections to a server until told otherwise. Every verb takes effect at once, on what is open as well."""

    def __init__(self, host: str, port: int, *, seed: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """With `tls` it speaks TLS with those who come, and plainly with the server."""
        self._target = host, port
        self._tls = tls
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._open = asyncio.Event()
        self._blocked: set[str] = set()
        self._refuses = False
        self._delay_seconds = self._jitter_seconds = 0.0
        self._bytes_per_second: float | None = None
        self._dropping: Callable[[bytes], bool] | None = None
        self._swallowing: set[Link] = set()
        self._dead: set[tuple[Link, str]] = set()
        self.dropped = 0
        """Replies that were swallowed."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.port = self._call(self._listen())

    @classmethod
    def before(cls, url: str, *, seed: int = 0) -> "Proxy":
        """Return a proxy in front of the server of a URL; `url_through` gives the URL to use instead."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        return cls(parts.hostname, parts.port, seed=seed)

    def url_through(self, url: str) -> str:
        """Return `url` with this proxy in the place of its server."""
        parts = urlsplit(url)
        user, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{self.port}"))

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # Verbs

    def cut(self, *, refuse: bool = True) -> None:
        """Reset all connections, and refuse new ones until healed."""
        self._do(lambda: self._cut(refuse))

    def cut_one(self) -> bool:
        """Reset one connection, drawn by lot. Returns whether there was one."""
        return bool(self._call(self._cut_one()))

    def blackhole(self) -> None:
        """Accept, and forward nothing in either direction."""
        self._do(lambda: self._block({TO_SERVER, TO_CLIENT}))

    def turn_to(self, port: int) -> None:
        """Reset all connections, and lead new ones to another server on this machine."""
        self._target = "127.0.0.1", port
        self._do(lambda: self._cut(False))

    def half(self, direction: str) -> None:
        """Forward nothing in one direction: the other side hears, and is not heard."""
        self._do(lambda: self._block({direction}))

    def half_open(self, direction: str, *, said: bytes) -> None:
        """Forward nothing in one direction on the connections that are open now and have said this once; new ones work."""
        self._do(lambda: self._dead.update({(link, direction) for link in self._links if said in link.said}))

    def delay(self, seconds: float, *, jitter_seconds: float = 0) -> None:
        """Hold everything back for a while."""
        self._delay_seconds, self._jitter_seconds = seconds, jitter_seconds

    def rate(self, bytes_per_second: float | None) -> None:
        """Let so many bytes a second through to the client."""
        self._bytes_per_second = bytes_per_second

    def drop_reply(self, match: Callable[[bytes], bool]) -> None:
        """Forward the next request that matches, swallow its answer, and reset the connection: done, and nobody knows."""
        self._dropping = match

    def heal(self) -> None:
        """Forward again."""
        self._delay_seconds = self._jitter_seconds = 0
        self._bytes_per_second, self._dropping, self._refuses = None, None, False
        self._do(lambda: self._block(set()))

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._links)

    def stop(self) -> None:
        """End all."""
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    # The loop's side

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _do(self, action: Callable[[], None]) -> None:
        async def do() -> None:
            action()

        self._call(do())

    async def _listen(self) -> int:
        self._block(set())
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=CHUNK, ssl=self._tls)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        self._cut(True)
        self._block(set())
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)  # they end by themselves: their connections have

    def _cut(self, refuse: bool) -> None:
        self._refuses = refuse
        for link in list(self._links):
            link.reset()

    async def _cut_one(self) -> bool:
        links = sorted(self._links, key=id)
        if links:
            self._random.choice(links).reset()
        return bool(links)

    def _block(self, directions: set[str]) -> None:
        self._blocked = directions
        (self._open.clear if directions else self._open.set)()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            Link(writer, writer).reset()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target, limit=CHUNK)
        except OSError:
            Link(writer, writer).reset()
            return
        link = Link(writer, server_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._forward(reader, server_writer, TO_SERVER, link), self._forward(server_reader, writer, TO_CLIENT, link)
            )
        except (OSError, EOFError):
            return  # one side has ended: so does the other
        finally:
            self._links.discard(link)
            self._swallowing.discard(link)
            link.client.transport.abort()
            link.server.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str, link: Link) -> None:
        while data := await reader.read(CHUNK):
            while direction in self._blocked:
                await self._open.wait()
            if (link, direction) in self._dead:
                continue
            if direction == TO_SERVER and len(link.said) < CHUNK:
                link.said += data
            if self._delay_seconds:
                await asyncio.sleep(self._delay_seconds + self._random.random() * self._jitter_seconds)
            if direction == TO_SERVER and self._dropping and self._dropping(data):
                self._dropping = None
                self._swallowing.add(link)
            if direction == TO_CLIENT and link in self._swallowing:
                self.dropped += 1
                link.reset()
                return
            await self._write(writer, data, direction)
        raise EOFError

    async def _write(self, writer: asyncio.StreamWriter, data: bytes, direction: str) -> None:
        if direction == TO_SERVER or self._bytes_per_second is None:
            writer.write(data)
            await writer.drain()
            return
        while data:
            rate = self._bytes_per_second or CHUNK * 100
            some, data = data[: max(1, int(rate / 10))], data[max(1, int(rate / 10)) :]
            writer.write(some)
            await writer.drain()
            await asyncio.sleep(0.1)
