"""What `make bench` found: as text, as JSON, as a page with a picture. Medians of the rounds; the targets are ratios within one run."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench import page
from tests.bench.workloads import Figures
from tests.processes import ROOT

OURS, SOCKET_IO, STREAMS, NCHAN, STOCK = "ours", "Socket.IO", "Socket.IO streams", "nchan", "stock Channels"


@dataclass(frozen=True)
class Target:
    """Our figure, as a part of another's: what it must be at most, and what we aim at."""

    workload: str
    figure: str
    peer: str
    must: float | None
    aim: float | None = None


TARGETS = (
    Target("W1a, one event a write", "us", SOCKET_IO, 0.7, 0.5),
    Target("W1a, one event a write", "us", NCHAN, None, 1.1),
    Target("W1a, batched", "us", SOCKET_IO, 0.3, 0.15),
    Target("W1a, batched", "us", NCHAN, None, 0.4),
    Target("W1a, batched", "us", STOCK, 1 / 30),
    Target("W1b", "p50_ms", SOCKET_IO, 1.0, 0.7),
    Target("W1b", "p99_ms", SOCKET_IO, 1.0, 0.7),
    Target("W1c", "us", SOCKET_IO, 0.6, 0.4),
    Target("W1c", "us", NCHAN, None, 0.65),
    Target("W2a", "us", SOCKET_IO, 0.5, 0.3),
    Target("W2a", "us", NCHAN, None, 0.6),
    Target("W2a", "us", STOCK, 1 / 20),
    Target("W3", "kb", SOCKET_IO, 1.3, 0.65),
    Target("W3", "kb", NCHAN, None, 1.25),
    Target("W4", "us", SOCKET_IO, 1.0, 0.7),
    Target("W5", "us", STREAMS, 0.5, 0.3),
)
W6_MUST_US = 100.0
"""So a process that does nothing else publishes more than 5,000 events a second."""
CURVE_MUST = 1.3
"""So much more may an event cost with the most topics than with the fewest."""


@dataclass(frozen=True)
class Verdict:
    """How a target was met."""

    target: Target
    ratio: float

    @property
    def said(self) -> str:
        """Met, aim met, or missed."""
        if self.target.aim is not None and self.ratio <= self.target.aim:
            return "aim met"
        if self.target.must is None:
            return "aim missed"
        return "met" if self.ratio <= self.target.must else "missed"


class Results:
    """The figures of all rounds, by workload and side."""

    def __init__(self, *, rounds: int) -> None:
        self.rounds = rounds
        self.left_out: dict[str, str] = {}
        self._figures: dict[tuple[str, str], list[Figures]] = {}
        self._began = time.time()

    def leave_out(self, name: str, why: str) -> None:
        """Note why a peer is not there."""
        self.left_out[name] = why
        print(f"{name} is left out: {why}", flush=True)

    def add(self, side: str, measured: dict[str, Figures]) -> None:
        """Take the figures of one round, and print them."""
        for workload, figures in measured.items():
            self._figures.setdefault((workload, side), []).append(figures)
            print(f"{workload:<24}{side:<20}{'  '.join(f'{name} {value:,.2f}' for name, value in figures.items())}", flush=True)

    def median(self, workload: str, side: str, figure: str = "us") -> float | None:
        """Return the median of the rounds, None where it was not measured."""
        found = [figures[figure] for figures in self._figures.get((workload, side), ()) if figure in figures]
        return statistics.median(found) if found else None

    def spread(self, workload: str, side: str, figure: str = "us") -> tuple[float, float]:
        """Return the least and the greatest of the rounds."""
        found = [figures[figure] for figures in self._figures[workload, side]]
        return min(found), max(found)

    @property
    def sides(self) -> list[str]:
        """Whoever was measured, in the order in which they began."""
        return list(dict.fromkeys(side for _, side in self._figures))

    @property
    def workloads(self) -> list[str]:
        """What was measured."""
        return list(dict.fromkeys(workload for workload, _ in self._figures))

    def verdicts(self) -> Iterator[Verdict]:
        """Judge the targets for which there are figures."""
        for target in TARGETS:
            own, other = (self.median(target.workload, side, target.figure) for side in (OURS, target.peer))
            if own is not None and other:
                yield Verdict(target, own / other)

    def curve(self) -> list[tuple[int, float]]:
        """Return the cost of an event by the number of topics."""
        names = [workload for workload in self.workloads if workload.endswith(" topics")]
        return [(int(name.split()[0].replace(",", "")), self.median(name, OURS) or 0) for name in names]

    @property
    def are_musts_met(self) -> bool:
        """Whether all that must be is."""
        curve, cost_us = self.curve(), self.median("W6", OURS) or 0
        return (
            all(verdict.said != "missed" for verdict in self.verdicts())
            and (not curve or curve[-1][1] <= CURVE_MUST * curve[0][1])
            and cost_us <= W6_MUST_US
        )

    def machine(self) -> dict[str, str]:
        """Return where and on what this was measured."""
        commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
        return {
            "commit": commit.stdout.strip() or "unknown",
            "date": time.strftime("%Y-%m-%d", time.gmtime(self._began)),
            "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.release().split('-')[0]}",
            "python": platform.python_version(),
            "load": f"{os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else "unknown",
        }

    def write(self, folder: Path) -> None:
        """Write the page, the picture and the figures."""
        folder.mkdir(parents=True, exist_ok=True)
        figures = [{"workload": workload, "side": side, "rounds": rounds} for (workload, side), rounds in self._figures.items()]
        told = {"machine": self.machine(), "rounds": self.rounds, "leftOut": self.left_out, "figures": figures}
        (folder / "performance.json").write_text(json.dumps(told, indent=1) + "\n")
        text = page.render(self)
        (folder / "performance.md").write_text(text)
        page.draw(self, folder / "images" / "performance.png")
        print(text)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
