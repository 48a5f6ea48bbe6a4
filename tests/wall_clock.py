"""The wall clock of a process under test, which somebody sets: `WALL_CLOCK` names a file with how many seconds it is ahead."""

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import time_machine
from django.apps import AppConfig


class WallClock(AppConfig):
    """Has this process, and those that it forks, follow the file. The monotonic clock is left alone, as the kernel leaves it alone."""

    name = "tests.wall_clock"

    def ready(self) -> None:
        _begin()
        os.register_at_fork(after_in_child=_begin)


def _begin() -> None:
    threading.Thread(target=_follow, name="wall clock", daemon=True).start()


def _follow() -> None:
    path, ahead, shown = Path(os.environ["WALL_CLOCK"]), 0.0, time_machine.travel(timedelta(0))
    shows = path.with_suffix(f".{os.getpid()}")
    shows.write_text(str(ahead))
    while True:
        wanted = float(path.read_text() or ahead)
        if wanted != ahead:
            if ahead:
                shown.stop()
            shown, ahead = time_machine.travel(timedelta(seconds=wanted), tick=True), wanted
            if ahead:
                shown.start()
            shows.write_text(str(ahead))
        time.sleep(0.02)
