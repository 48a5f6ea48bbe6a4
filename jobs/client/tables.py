"""Jobs and workers as tables at the terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from jobs.client.view import shown

STATE_COLOURS = {"running": "cyan", "completed": "green", "failed": "red", "cancelled": "dim", "paused": "yellow"}
WORKER_COLOURS = {"alive": "green", "lost": "red", "stopped": "dim", "resting": "yellow"}
QUERY_CHARACTERS = 60


def jobs_table(summaries: Iterable[dict[str, Any]]) -> Table:
    """Return jobs, one a row."""
    table = Table(box=None, pad_edge=False)
    for name in ("job", "type", "state", "done", "step", "age", "query"):
        table.add_column(name, justify="right" if name in ("done", "age") else "left", no_wrap=name == "job")
    for job in summaries:
        place = f"  {job['queuePosition']} in line" if job["queuePosition"] else ""
        table.add_row(
            shown(job["jobId"]),
            shown(job["type"]),
            shown(job["state"] + place, style=STATE_COLOURS.get(job["state"], "")),
            f"{job['progress']:.0f} %",
            shown(job["step"] or ""),
            _age(job["createdAt"]),
            shown(job["query"].replace("\n", " ")[:QUERY_CHARACTERS]),
        )
    return table


def workers_table(workers: Iterable[dict[str, Any]]) -> Table:
    """Return workers, one a row."""
    table = Table(box=None, pad_edge=False)
    for name in ("worker", "state", "runs", "heard", "up", "kills", "types"):
        table.add_column(name, justify="right" if name in ("runs", "heard", "up", "kills") else "left")
    for worker in workers:
        table.add_row(
            shown(worker["name"]),
            shown(worker["state"], style=WORKER_COLOURS[worker["state"]]),
            f"{worker['running']}/{worker['concurrency']}",
            _age(worker["heartbeatAt"]),
            _age(worker["startedAt"]),
            str(worker["kills"]),
            shown(", ".join(worker["types"])),
        )
    return table


def _age(moment: str) -> str:
    """Return how long ago a moment was, in its largest unit."""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
