"""The production server: uvicorn on a listening socket of our own, in one process or several."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from jobs import metrics as work
from jobs.child_processes import Restarts, end_with
from omnibrowser.patient_http import PatientHttp
from realtime import metrics as wire
from realtime.metrics import SharedFolder

log = logging.getLogger(__name__)

APPLICATION = "omnibrowser.asgi:application"
DEAD_PEER_MS = 20_000
"""A peer that has acknowledged nothing for so long is gone: a blocked send ends then."""
SEND_BUFFER_BYTES = 192 * 1024
"""What the kernel takes for a reader that does not read, before the server notices."""
FRAME_LIMIT_BYTES = 64 * 1024
GARBAGE_THRESHOLDS = 20_000, 20, 100
"""Looking for garbage as often as Python does by itself takes a quarter of the time of a server that streams."""


class PortUnavailableError(Exception):
    """The port cannot be listened on; the message says what to do."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Accepted connections inherit its options. Raises PortUnavailableError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise PortUnavailableError(_why_not(host, port, error)) from error
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        what_to_do = f"End the program that uses it, or choose another: SOCKET_PORT={port + 1}"
        return f"Port {port} is in use. {what_to_do}; see docs/troubleshooting.md#it-does-not-start"
    if error.errno == errno.EACCES:
        return f"Port {port} may not be used by this user. Choose one above 1023: SOCKET_PORT=3000."
    return f"{host}:{port} cannot be listened on: {error.strerror or error}. Set SOCKET_HOST and SOCKET_PORT."


def serve(listener: socket.socket, *, grace_seconds: float, drain: Callable[[float], Any]) -> None:
    """Serve on `listener` until SIGTERM or Ctrl-C; then run `drain`, close what is open, and return."""
    DrainingServer(configuration(APPLICATION, grace_seconds), grace_seconds=grace_seconds, drain=drain).run(sockets=[listener])


def configuration(application: Any, grace_seconds: float) -> uvicorn.Config:
    """Return how an application is served."""
    return uvicorn.Config(
        application,
        http=PatientHttp,
        log_config=None,  # Django's
        access_log=False,
        server_header=False,
        ws_max_size=FRAME_LIMIT_BYTES,
        ws_per_message_deflate=False,  # ten times the work for events that are small
        timeout_graceful_shutdown=max(1, round(grace_seconds)),
    )


class DrainingServer(uvicorn.Server):
    """Sends its readers away by and by before it closes: uvicorn alone closes all at the same moment."""

    def __init__(self, config: uvicorn.Config, *, grace_seconds: float, drain: Callable[[float], Any]) -> None:
        super().__init__(config)
        self._grace_seconds = grace_seconds
        self._drain = drain
        self._is_asked_to_end = False
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve; from then on the garbage collector leaves alone what was loaded before, which stays anyway."""
        wire.metrics()  # now, for it takes a while, and the first reader should not wait for it
        work.metrics()
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note the signal; a second one ends at once."""
        if self._is_asked_to_end:
            self.should_exit = self.force_exit = True
        self._is_asked_to_end = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: begin the drain when a signal has come."""
        if self._is_asked_to_end and self._draining is None:
            self._draining = asyncio.create_task(self._end())
        return await super().on_tick(counter)

    async def _end(self) -> None:
        try:
            async with asyncio.timeout(self._grace_seconds):
                await self._drain(self._grace_seconds)
        except Exception:
            log.exception("draining did not go as it should, closing what is left")
        self.should_exit = True


class ServerProcesses:
    """Several processes that serve one port; one that dies is replaced, and all end together."""

    def __init__(self, listener: socket.socket, *, server: str, count: int, grace_seconds: float) -> None:
        self._listener = listener
        self._server = server
        self._grace_seconds = grace_seconds
        self._children: list[subprocess.Popen[bytes] | None] = [None] * count
        self._restart_at = [0.0] * count
        self._restarts = [Restarts() for _ in range(count)]
        self._started_at = [0.0] * count
        self._ending = False
        self._metrics = SharedFolder()

    def run(self) -> None:
        """Keep them running until SIGTERM or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        while not self._ending:
            now = time.monotonic()
            for index, child in enumerate(self._children):
                if child is None or child.poll() is not None:
                    self._replace(index, child, now)
            time.sleep(0.1)
        self._wait()
        self._metrics.remove()

    def _replace(self, index: int, child: "subprocess.Popen[bytes] | None", now: float) -> None:
        if child is not None:
            self._metrics.forget(child.pid)
            log.error("server process %s ended with %s, another one follows", child.pid, child.returncode)
            self._children[index] = None
            self._restart_at[index] = now + self._restarts[index].delay_seconds(ran_seconds=now - self._started_at[index])
        elif now >= self._restart_at[index]:
            manage = str(Path(__file__).parent.parent / "manage.py")
            descriptor = self._listener.fileno()
            self._started_at[index] = now
            self._children[index] = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, manage, "serve", "--server", self._server, "--descriptor", str(descriptor)],
                env={**os.environ, **self._metrics.environment},
                pass_fds=[descriptor], start_new_session=True, preexec_fn=partial(end_with, os.getpid()),
            )  # fmt: skip

    def _end(self, *_: object) -> None:
        first = not self._ending
        self._ending = True
        for child in self._children:
            if child is not None and child.poll() is None:
                child.send_signal(signal.SIGTERM if first else signal.SIGKILL)

    def _wait(self) -> None:
        deadline = time.monotonic() + 2 * self._grace_seconds + 2
        for child in self._children:
            if child is not None:
                try:
                    child.wait(timeout=max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
