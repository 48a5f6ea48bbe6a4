"""The processes that `manage.py up` starts: each with a log of its own, and all of them end with it."""

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from urllib.error import URLError

from django.conf import settings
from django.core.management.base import CommandError

from omnibrowser.valkey import end_with_parent

END_SECONDS = 4.0
"""After so long what has not ended is killed: whoever pressed Ctrl-C has waited enough."""


class Children:
    """Commands of manage.py that run beside this one. A context manager: leaving it ends them."""

    def __init__(self, log_dir: Path) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self._log_dir = log_dir
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.end()

    def start(self, name: str, *command: str) -> None:
        """Start a command; what it says goes to its log."""
        with self._log_path(name).open("wb") as log:
            # Sessions of their own: a Ctrl-C at the terminal reaches us alone, and we end them in order.
            self._processes[name] = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent,
            )  # fmt: skip

    def wait_until_healthy(self, url: str, *, seconds: float) -> None:
        """Wait until `/health` answers 200 and a worker is there. Raises CommandError with what it says instead."""
        deadline, answer = time.monotonic() + seconds, "no answer"
        while time.monotonic() < deadline:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  an address of ours
                    if json.load(response)["checks"]["workers"]["ok"]:
                        return
                    answer = "no worker yet"
            except URLError as error:
                answer = str(getattr(error, "reason", error))
            time.sleep(0.1)
        raise CommandError(f"{url} is not well after {seconds:g} s ({answer}). The logs are in {self._log_dir}.")

    def check(self) -> None:
        """Raise CommandError when one of them has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                lines = self._log_path(name).read_text(errors="replace").strip().splitlines()
                last = lines[-1] if lines else "it said nothing"
                raise CommandError(f"The {name} ended with {process.returncode}: {last}. Its log: {self._log_path(name)}")

    def watch(self) -> None:
        """Stay as long as all of them run."""
        while True:
            self.check()
            time.sleep(0.2)

    def end(self) -> None:
        """End them all."""
        for process in self._processes.values():
            process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for process in self._processes.values():
            try:
                process.wait(timeout=max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log_path(self, name: str) -> Path:
        return self._log_dir / f"{name}.log"
