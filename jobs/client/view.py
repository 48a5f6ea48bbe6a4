"""A watched job at the terminal: steps, bar and text as it streams; plain lines where there is no terminal."""

from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from jobs.client.client import AsyncJobsClient, Sight
from jobs.client.connection import Link

MARKS = {"pending": "○", "running": "●", "done": "✓", "stopped": "✕"}
COLOURS = {"pending": "dim", "running": "cyan", "done": "green", "stopped": "red"}
TAIL_LINES = 12
REFRESH_PER_SECOND = 25


_NOT_SHOWN = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def shown(text: str, **options: Any) -> Text:
    """Return a text of a job as it may go to a terminal: what would steer the terminal is shown as U+FFFD."""
    return Text(text.translate(_NOT_SHOWN), **options)


async def show(client: AsyncJobsClient, job_id: str, console: Console) -> dict[str, Any]:
    """Show a job until it is in a terminal state, and return it. Raises the client's errors."""
    job: dict[str, Any] = {}
    printed = _Printed(console)
    was_offline = False
    with Live(console=console, refresh_per_second=REFRESH_PER_SECOND, transient=True, auto_refresh=console.is_terminal) as live:
        async for sight in client.observe(job_id):
            for line in sight.logs:
                console.print(shown(f"  {line['data']['level']}: {line['data']['message']}", style="dim"))
            if sight.link is Link.OFFLINE and not was_offline:
                console.print(Text(f"{client.url} does not answer; trying again.", style="yellow"))
            was_offline = sight.link is Link.OFFLINE
            if sight.job is None:
                continue
            job = sight.job
            if console.is_terminal:
                live.update(_frame(job, sight, console.width))
            else:
                printed.steps(job)
    _conclude(job, console)
    return job


class _Printed:
    """What was said already, where nothing can be said again in place."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: set[tuple[int, str]] = set()

    def steps(self, job: dict[str, Any]) -> None:
        """Say each step once it has begun."""
        for step in job["steps"]:
            key = (job["attempt"], step["name"])
            if step["state"] != "pending" and key not in self._said:
                self._said.add(key)
                self._console.print(shown(f"  {step['name']}"))


def _frame(job: dict[str, Any], sight: Sight, width: int) -> Group:
    parts: list[Any] = [shown(line, overflow="fold") for line in _tail(job["streamingText"], width)]
    parts.append(_steps(job))
    bar = Table.grid(padding=(0, 1))
    bar.add_row(
        ProgressBar(total=100, completed=job["progress"], width=min(40, max(10, width - 30))), f"{job['progress']:.0f} %", job["state"]
    )
    parts.append(bar)
    if job["state"] == "created" and sight.status and sight.status["queuePosition"]:
        parts.append(Text(f"number {sight.status['queuePosition']} in line", style="dim"))
    if sight.link is not Link.ONLINE:
        parts.append(Text(f"{sight.link}: what is shown may be old", style="yellow"))
    return Group(*parts)


def _tail(text: str, width: int) -> list[str]:
    """Return the end of a text, as much of it as fits above the steps."""
    return text[-TAIL_LINES * max(20, width) :].splitlines()[-TAIL_LINES:]


def _steps(job: dict[str, Any]) -> Text:
    line = Text()
    for step in job["steps"]:
        line.append_text(shown(f"{MARKS[step['state']]} {step['name']}  ", style=COLOURS[step["state"]]))
    return line


def _conclude(job: dict[str, Any], console: Console) -> None:
    if job["streamingText"]:
        console.print(shown(job["streamingText"]))
    result = job["result"]
    for number, source in enumerate(result.get("sources") or [] if isinstance(result, dict) else [], start=1):
        if str(source.get("path")) in job["streamingText"]:
            continue  # the text names it already
        console.print(shown(f"  [{number}] {source.get('title')}  {source.get('path')}", style="dim"))
    if job["error"]:
        console.print(shown(f"{job['error']['code']}: {job['error']['message']}", style="red"))
    console.print(_steps(job))
    console.print(Text(f"{job['state']}, {job['progress']:.0f} %", style="green" if job["state"] == "completed" else "red"))
