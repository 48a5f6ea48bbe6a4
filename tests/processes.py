"""The real thing: servers and workers as processes, with a database, a Valkey and a state folder of their own."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from omnibrowser.valkey import Valkey, free_port
from tests import environment
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent
PASSWORD = "a-long-password-for-tests"
KNOWN_USER = "ann"


def _making_user(name: str, *, staff: bool) -> str:
    return (
        "from django.contrib.auth import get_user_model as m; "
        f"m().objects.create_user({name!r}, password={PASSWORD!r}, is_staff={staff}, is_superuser={staff})"
    )


@cache
def _empty_database() -> Path:
    """Return an SQLite database with all migrations and the user whom most tests need: made once, since that takes seconds."""
    folder = tempfile.mkdtemp(prefix="omnibrowser-migrated-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "jobs.sqlite3"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{path}"}
    for command in (("migrate",), ("shell", "-c", _making_user(KNOWN_USER, staff=False))):
        arguments = [sys.executable, str(ROOT / "manage.py"), *command, "--verbosity", "0"]
        subprocess.run(arguments, cwd=ROOT, env=environment, check=True, timeout=120)
    return path


class Process:
    """A command of manage.py that runs. Its output is in `log`."""

    def __init__(self, site: "Site", *arguments: str, environment: dict[str, str]) -> None:
        self.log_path = site.folder / f"{arguments[0]}-{len(site.processes)}.log"
        with self.log_path.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, str(ROOT / "manage.py"), *arguments],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to the whole tree, and wait."""
        if self.is_alive:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def terminate(self, seconds: float = 15) -> int:
        """SIGTERM, and wait for the end; returns the exit code."""
        self.popen.terminate()
        return self.popen.wait(timeout=seconds)


class Site:
    """A deployment on this machine, thrown away at the end. Use it as a context manager."""

    def __init__(self, *, database_url: str | None = None, redis_url: str | None = None, **settings: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="omnibrowser-site-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name)
        self.valkey = None if redis_url else Valkey(self.folder / "valkey", options=["--enable-debug-command", "local"])
        self.redis_url = redis_url or (self.valkey.url if self.valkey else "")
        self.port = free_port()
        self.processes: list[Process] = []
        self._own_database_url = f"sqlite:///{self.folder / 'jobs.sqlite3'}"
        self.environment = {
            **os.environ,
            **environment.FAST,
            "DATABASE_URL": database_url or self._own_database_url,
            "REDIS_URL": self.redis_url,
            "STATE_DIR": str(self.folder),
            "PYTHONUNBUFFERED": "1",
            **settings,
        }

    def __enter__(self) -> "Site":
        if self.environment["DATABASE_URL"] == self._own_database_url:
            shutil.copyfile(_empty_database(), self.folder / "jobs.sqlite3")
        else:
            self.manage("migrate", "--verbosity", "0")
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self.processes:
            process.kill()
        if self.valkey:
            self.valkey.stop()
        self._folder.cleanup()

    def manage(self, *arguments: str, without: str = "", **settings: str) -> str:
        """Run a command of manage.py to its end and return what it printed; fails when it fails. `without` is as in `start`."""
        if without:
            settings.update(DJANGO_SETTINGS_MODULE="tests.site_settings", SABOTAGE=without)
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), *arguments],
            cwd=ROOT, env={**self.environment, **settings}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *arguments: str, without: str = "", **settings: str) -> Process:
        """Start a command of manage.py, `without` one or more mechanisms of `tests.sabotage` if a test wants to miss them."""
        if without:
            settings.update(DJANGO_SETTINGS_MODULE="tests.site_settings", SABOTAGE=without)
        process = Process(self, *arguments, environment={**self.environment, **settings})
        self.processes.append(process)
        return process

    def serve(self, *arguments: str, port: int | None = None, command: Sequence[str] = (), **settings: str) -> Process:
        """Start a server on this site's port, or another, and wait until it answers. `command` is another way to start it."""
        words = command or ("serve", "--port", str(port or self.port), *arguments)
        process = self.start(*words, **settings)
        wait_until(lambda: self._answers(port or self.port) or not process.is_alive, seconds=90, what="a server that answers")
        assert process.is_alive, process.log
        return process

    def worker(self, *arguments: str, **settings: str) -> Process:
        """Start a worker and wait until it takes jobs."""
        process = self.start("worker", *arguments, **settings)
        wait_until(lambda: "takes jobs" in process.log or not process.is_alive, seconds=90, what="a worker that takes jobs")
        assert process.is_alive, process.log
        return process

    def user(self, name: str, *, staff: bool = False) -> str:
        """Make a user and return an access token."""
        if name != KNOWN_USER or self.environment["DATABASE_URL"] != self._own_database_url:
            self.manage("shell", "--verbosity", "0", "-c", _making_user(name, staff=staff))
        return self.token(name)

    def token(self, name: str, password: str = PASSWORD) -> str:
        """Sign in and return an access token."""
        _, body = self.call("POST", "/api/auth/token", {"username": name, "password": password})
        token: str = body["access"]
        return token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/"

    def call(self, method: str, path: str, body: Any = None, *, token: str = "", port: int | None = None) -> tuple[int, Any]:
        """Make a request and return the status and the JSON of the answer."""
        request = urllib.request.Request(f"http://127.0.0.1:{port or self.port}{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def _answers(self, port: int) -> bool:
        try:
            return self.call("GET", "/health/live", port=port)[0] == 200
        except OSError:
            return False
