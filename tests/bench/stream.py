"""The hot path beside Socket.IO with Redis, in a minute: `make bench-quick`. The ratios count, not the figures.

W1a and W2a of `workloads`, each side in turn. `make bench` measures everything, beside everybody.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests import environment  # noqa: F401  before Django reads its settings
from tests.bench import peers
from tests.bench.cpu import cores, open_files, pin
from tests.bench.sides import Ours, Side, SocketIO
from tests.bench.workloads import BATCHED, VIEWERS, W2A, Figures, streams
from tests.processes import Site

MUST = {BATCHED.name: 1.0, W2A.name: 1.0}
"""Our CPU per event, as a part of Socket.IO's."""
SETTINGS = {
    "JOB_HANDLERS": "tests.bench.handlers",
    "SOCKETS_PER_USER": "100000",
    "API_RATE": "1000000/min",
    "POSITION_CHECK_SECONDS": "10",
    "FLUSH_SECONDS": "1",
    "LEASE_SECONDS": "86400",
}
TOPICS = [f"w2-{index}" for index in range(VIEWERS)]


@contextmanager
def arena(kinds: Sequence[type[Side]]) -> Iterator[list[Side]]:
    """Start servers, and give them, of which one works at a time, one core, and Redis and all else here another: where there are two."""
    open_files()
    with Site(**SETTINGS) as site:
        sides: list[Side] = []
        try:
            for kind in kinds:
                sides.append(kind(site))
            if len(cores()) > 1:
                server_core, load_core = cores()[:2]
                for side in sides:
                    pin(side.pids, server_core)
                pin([int((site.folder / "valkey" / "valkey.pid").read_text()), os.getpid()], load_core)
            yield sides
        finally:
            for side in sides:
                side.stop()


def main() -> None:
    """Measure both sides in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each time, about (1.5)")
    options = parser.parse_args()
    peers.install_from_npm()
    rounds: dict[tuple[str, str], list[Figures]] = {}
    with arena([Ours, SocketIO]) as sides:
        for side in sides:
            side.prepare(TOPICS)
        for number in range(options.rounds):
            for side in sides:
                side.prepare([f"w1-{number}"])
                measured = streams(side, [BATCHED], [f"w1-{number}"], seconds=options.seconds)
                measured |= streams(side, [W2A], TOPICS, seconds=options.seconds)
                for name, figures in measured.items():
                    rounds.setdefault((name, side.name), []).append(figures)
    met = True
    for name, must in MUST.items():
        own, other = (statistics.median(figures["us"] for figures in rounds[name, side]) for side in (Ours.name, SocketIO.name))
        load = max(figures["load_busy"] for side in (Ours.name, SocketIO.name) for figures in rounds[name, side])
        met = met and own / other <= must
        print(
            f"{name:<14} ours {own:6.1f} us  Socket.IO {other:6.1f} us  ratio {own / other:.2f}  (must be <= {must:g}; "
            f"the load generator was busy {load:.0%} of the time)"
        )
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
