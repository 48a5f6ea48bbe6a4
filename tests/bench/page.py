"""The page and the picture of `make bench`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.bench.report import Results

UNITS = {"us": "µs", "kb": "KB", "p50_ms": "ms (p50)", "p99_ms": "ms (p99)"}
INTRODUCTION = """# Performance

Written by `make bench`; do not edit. Commit `{commit}`, {date}, {machine}, Python {python}, load average {load}.

{rounds} rounds, all servers in turn in each of them. One server process each, on one core; Redis (Valkey), the publisher and the clients,
a C program that never sleeps, on the other. CPU is the server's own, by the scheduler's accounting. Medians, in brackets the least and
the greatest. Absolute figures drift from machine to machine, and with what else it does: compare the ratios.

![CPU of the server for each delivered event](images/performance.png)

| | |
|---|---|
| W1 | one job, 500 viewers: (a) closed loop, 1 or 4 events in flight; (b) 5,000, (c) 50,000 deliveries a second |
| W2 | 500 jobs with a viewer each, round robin: (a) closed loop, 64 in flight; (b) so many events a second |
| W3 | what an idle subscribed socket weighs, of 2,000 |
| W4 | connect, sign in (to the others one does not sign in), subscribe |
| W5 | 1,000 sockets are cut, each misses 200 events and comes back with its position; its connecting included |
| W6 | what an event costs the worker that publishes it: handler, joining, row and lease included |

Events have 200 bytes. Ours is the whole product path: sign-in, log append with its trim, Channels group, feeds, cursors, send limit,
metrics. nchan is published to over HTTP and has no Redis.
"""
CURVE = """
## From few topics to many

A viewer each, closed loop, 10 in flight, so that with few topics too each event has a frame of its own; must stay within 1.3 times.

| topics | µs | |
|---|---|---|
"""
WORKER = """
## The worker

W6: {cost:.0f} µs of CPU for each published event (must be ≤ 100). One process published {rate:,.0f} a second and was busy {busy:.0%} of
the time, so {most:,.0f} is the most (must be ≥ 5,000).
"""
LOAD = """
## Was the load generator the bottleneck?

The part of the time in which it had something to do, and then that of the server.

"""


def render(results: "Results") -> str:
    """Return the page."""
    parts = [INTRODUCTION.format(**results.machine(), rounds=results.rounds)]
    for name, why in results.left_out.items():
        parts.append(f"\n**{name} is left out: {why}.**\n")
    parts += [_ratios(results), _costs(results), _rates(results), _alone(results), _load(results)]
    return "".join(parts)


def _ratios(results: "Results") -> str:
    lines = ["\n## Ratios\n\n| | beside | must | aim | is | |\n|---|---|---|---|---|---|\n"]
    for verdict in results.verdicts():
        target = verdict.target
        must, aim = ("" if limit is None else f"≤ {limit:.2g}" for limit in (target.must, target.aim))
        name = f"{target.workload}, {target.figure[:3]}" if target.figure.endswith("_ms") else target.workload
        lines.append(f"| {name} | {target.peer} | {must} | {aim} | {verdict.ratio:.2f} | {verdict.said} |\n")
    return "".join(lines)


def _table(results: "Results", figure: str, form: str, workloads: list[str]) -> str:
    sides = [side for side in results.sides if any(results.median(workload, side, figure) is not None for workload in workloads)]
    lines = [f"| | {' | '.join(sides)} |\n|---|{'---|' * len(sides)}\n"]
    for workload in workloads:
        cells = []
        for side in sides:
            value = results.median(workload, side, figure)
            low, high = results.spread(workload, side, figure) if value is not None else (0, 0)
            cells.append("" if value is None else form.format(value, low, high))
        lines.append(f"| {workload} | {' | '.join(cells)} |\n")
    return "".join(lines)


def _costs(results: "Results") -> str:
    streams = [workload for workload in results.workloads if workload.startswith(("W1", "W2", "W4", "W5"))]
    text = "\n## Server CPU\n\nMicroseconds for each delivered event; W4 for each socket, W5 for each replayed event.\n\n"
    text += _table(results, "us", "{:,.1f} ({:,.1f}–{:,.1f})", streams)
    return f"{text}\n## Memory\n\nKB for each idle subscribed socket.\n\n{_table(results, 'kb', '{:.1f}', ['W3'])}"


def _rates(results: "Results") -> str:
    closed = [workload for workload in results.workloads if workload.startswith(("W1a", "W2a"))]
    paced = [workload for workload in results.workloads if workload.startswith(("W1b", "W1c", "W2b"))]
    return (
        f"\n## Deliveries a second in the closed loops\n\n{_table(results, 'deliveries_per_second', '{:,.0f}', closed)}"
        f"\n## From publish to client, p50 in ms\n\n{_table(results, 'p50_ms', '{:.2f}', paced)}"
        f"\n## p99 in ms\n\n{_table(results, 'p99_ms', '{:.1f}', paced)}"
    )


def _alone(results: "Results") -> str:
    curve, lines = results.curve(), []
    if curve:
        lines.append(CURVE)
        lines += [f"| {topics:,} | {cost:.1f} | {cost / curve[0][1]:.2f} |\n" for topics, cost in curve]
    if (cost_us := results.median("W6", "ours")) is not None:
        rate, busy = (results.median("W6", "ours", figure) or 1 for figure in ("events_per_second", "worker_busy"))
        lines.append(WORKER.format(cost=cost_us, rate=rate, busy=busy, most=rate / busy))
    return "".join(lines)


def _load(results: "Results") -> str:
    streams = [workload for workload in results.workloads if workload.startswith(("W1", "W2", "W4"))]
    busy = _table(results, "load_busy", "{:.0%}", streams)
    return f"{LOAD}{busy}\n{_table(results, 'server_busy', '{:.0%}', [name for name in streams if name != 'W4'])}"


def draw(results: "Results", path: Path) -> None:
    """Draw the costs beside one another, as far as matplotlib is there: `make bench` installs it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    workloads = [workload for workload in results.workloads if workload.startswith(("W1", "W2", "W5"))]
    sides = [side for side in results.sides if any(results.median(workload, side) is not None for workload in workloads)]
    figure: Any
    axes: Any
    figure, axes = pyplot.subplots(figsize=(11, 5))
    width = 0.8 / len(sides)
    for index, side in enumerate(sides):
        places = [place + index * width for place, workload in enumerate(workloads) if results.median(workload, side) is not None]
        axes.bar(
            places,
            [results.median(workload, side) for workload in workloads if results.median(workload, side) is not None],
            width,
            label=side,
        )
    axes.set_yscale("log")
    axes.set_ylabel("server CPU, µs for each delivered event")
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(workloads))], [name.replace(", ", "\n") for name in workloads])
    axes.legend(frameon=False, ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
