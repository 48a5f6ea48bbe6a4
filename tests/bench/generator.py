"""The load generator, a C program that is compiled here: opens sockets, publishes, counts what arrives, and is never the bottleneck."""

import base64
import json
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.processes import ROOT

SOURCE = Path(__file__).parent / "load" / "load.c"
PROGRAM = ROOT / ".cache" / "bench" / "load"


def compiled() -> Path:
    """Return the program, compiled anew when its source is younger."""
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        assert compiler, "The load generator needs a C compiler: apt-get install gcc libc6-dev"
        PROGRAM.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(PROGRAM), str(SOURCE)], check=True)
    return PROGRAM


@dataclass(frozen=True)
class Socket:
    """How one socket begins: its path and headers, then what is waited for, each with the answer that is sent when it comes."""

    path: str
    headers: dict[str, str]
    script: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Publisher:
    """Where commands are sent, and what is sent before them."""

    host: str
    port: int
    greeting: bytes = b""


class Generator:
    """One running load generator. Use it as a context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="omnibrowser-load-")
        self._process = subprocess.Popen([str(compiled())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid

    def __enter__(self) -> "Generator":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()

    def open(self, sockets: Sequence[Socket], port: int, *, at_once: int) -> dict[str, float]:
        """Open sockets, so many at the same time, and return when all scripts are at their ends."""
        parts: list[bytes | int] = [len(sockets)]
        for socket in sockets:
            texts = [text for pair in socket.script for text in pair]
            frames = [masked(text) if place % 2 and text else text.encode() for place, text in enumerate(texts)]
            parts += [1 + len(frames), _handshake(socket, port), *frames]
        return self._order("open", self._file(parts), "127.0.0.1", port, at_once)

    def run(
        self, commands: Sequence[bytes], to: Publisher, *, jobs: int, fan_out: int, window: int = 0, rate: float = 0
    ) -> dict[str, float]:
        """Publish commands, round robin over the jobs: at most `window` in flight, or `rate` a second."""
        path = self._file([len(commands), to.greeting, *commands])
        return self._order("run", path, to.host, to.port, window, rate, jobs, fan_out)

    def expect(self, events: int) -> dict[str, float]:
        """Wait until so many events have arrived in all since the sockets were opened."""
        return self._order("expect", events)

    def tell(self, frames: int) -> list[list[bytes]]:
        """Return for each socket the `frames` frames that were waited for, and the last one with an event."""
        path = Path(self._folder.name) / "told"
        self._order("tell", path)
        data, at, parts = path.read_bytes(), 0, []
        while at < len(data):
            (size,) = struct.unpack_from("<I", data, at)
            parts.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        return [parts[start : start + frames + 1] for start in range(0, len(parts), frames + 1)]

    def close(self) -> None:
        """Close all sockets."""
        self._order("close")

    def _file(self, parts: Iterable[bytes | int]) -> Path:
        path = Path(self._folder.name) / "order"
        with path.open("wb") as file:
            for part in parts:
                file.write(struct.pack("<I", part) if isinstance(part, int) else struct.pack("<I", len(part)) + part)
        return path

    def _order(self, *words: object) -> dict[str, float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the load generator has ended: {words}"
        answer: dict[str, float] = json.loads(line)
        return answer


def masked(text: str) -> bytes:
    """Return a text frame of a client, masked with zeros."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + len(data).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + data


def _handshake(socket: Socket, port: int) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {socket.path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *(f"{name}: {value}" for name, value in socket.headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
