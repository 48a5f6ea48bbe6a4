"""The processor's time that processes have used, from the operating system's accounting, and which core is whose."""

import os
import resource
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the seconds of CPU that processes have used; to the nanosecond on Linux."""
    used = 0.0
    for pid in pids:
        threads = Path(f"/proc/{pid}/task")
        if (threads / str(pid) / "schedstat").exists():
            used += sum(int(path.read_text().split()[0]) for path in threads.glob("*/schedstat")) / 1e9
        else:
            used += sum(psutil.Process(pid).cpu_times()[:2])
    return used


def cores() -> list[int]:
    """Return the cores that we may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin(pids: Iterable[int], core: int) -> None:
    """Give processes, all their threads included, one core."""
    for pid in pids:
        for thread in psutil.Process(pid).threads():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setaffinity(thread.id, {core})


def open_files() -> int:
    """Allow this process, and those that it starts, as many open files as may be allowed, and return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1_000_000
