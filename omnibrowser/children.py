"""The processes that `manage.py up` starts: each with a log of its own, and all of them end with it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from urllib.error import URLError

from django.conf import settings
from django.core.management.base import CommandError

from jobs.child_processes import Restarts, end_with

END_SECONDS = 4.0
"""After so long what has not ended is killed: whoever pressed Ctrl-C has waited enough."""


class Child:
    """A command that is to run for as long as we do."""

    def __init__(self, command: tuple[str, ...], log_path: Path) -> None:
        self.log_path = log_path
        self._command = command
        self._restarts = Restarts()
        self._restart_at = 0.0
        log_path.write_bytes(b"")
        self.start()

    def start(self) -> None:
        """Start it; what it says goes to its log."""
        with self.log_path.open("ab") as log:
            # Sessions of their own: a Ctrl-C at the terminal reaches us alone, and we end them in order.
            self.process = subprocess.Popen(  # noqa: S603  our own command
                [sys.executable, str(settings.BASE_DIR / "manage.py"), *self._command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=partial(end_with, os.getpid()),
            )  # fmt: skip
        self._started_at = time.monotonic()

    def replace_if_ended(self) -> bool:
        """Start it again some time after it has ended, later each time; returns whether it has just been seen to have ended."""
        if self.process.poll() is None:
            return False
        now = time.monotonic()
        if self._restart_at < self._started_at:
            self._restart_at = now + self._restarts.delay_seconds(ran_seconds=now - self._started_at)
            return True
        if now >= self._restart_at:
            self.start()
        return False


class Children:
    """Commands of manage.py that run beside this one. A context manager: leaving it ends them."""

    def __init__(self, log_dir: Path, *, say: Callable[[str], object]) -> None:
        log_dir.mkdir(parents=True, exist_ok=True)
        self._log_dir = log_dir
        self._say = say
        self._children: dict[str, Child] = {}

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.end()

    def start(self, name: str, *command: str) -> None:
        """Start a command."""
        self._children[name] = Child(command, self._log_dir / f"{name}.log")

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
        for name, child in self._children.items():
            if child.process.poll() is not None:
                lines = child.log_path.read_text(errors="replace").strip().splitlines()
                last = lines[-1] if lines else "it said nothing"
                raise CommandError(f"The {name} ended with {child.process.returncode}: {last}. Its log: {child.log_path}")

    def tend_until(self, is_over: Callable[[], bool]) -> None:
        """Replace those that end, until `is_over`."""
        while not is_over():
            for name, child in self._children.items():
                if child.replace_if_ended():
                    self._say(f"The {name} ended with {child.process.returncode}: another one follows. Its log: {child.log_path}")
            time.sleep(0.1)

    def end(self) -> None:
        """End them all."""
        processes = [child.process for child in self._children.values()]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + END_SECONDS
        for process in processes:
            try:
                process.wait(timeout=max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
