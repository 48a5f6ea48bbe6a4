"""The processor's time that processes have used, from the operating system's accounting, and which core is whose."""

import os
from collections.abc import Iterable
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
            os.sched_setaffinity(thread.id, {core})
