"""The way from a published event to the client's frame, beside everybody: W1 to W6, several rounds, each side in turn. `make bench`.

Writes `docs/performance.md` and its picture, and the figures of all rounds as JSON. `--quick` is for trying it out.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import peers, workloads
from tests.bench.published import published
from tests.bench.report import Results
from tests.bench.sides import Nchan, Ours, PlainWs, Side, SocketIO, SocketIOStreams, StockChannels
from tests.bench.stream import TOPICS, arena
from tests.bench.workloads import BATCHED, W1, W2, W2A, streams
from tests.processes import ROOT

PEERS: Sequence[type[Side]] = (SocketIO, PlainWs, Nchan, StockChannels)
SCALE = (10, 100, 1000, 10_000)
IDLE_SOCKETS = 2000


class OursTwice(Ours):
    """`manage.py serve --processes 2`: each process hears of the jobs that its sockets watch."""

    name = "ours, 2 processes"
    arguments = ("--processes", "2")


def beside_others(results: Results, kinds: Sequence[type[Side]], *, rounds: int, seconds: float, idle_count: int) -> None:
    """W1 to W5, each side in turn, round by round."""
    with arena([*kinds, SocketIOStreams]) as sides:
        for side in sides[:-1]:
            side.prepare([*TOPICS])
            side.prepare(["idle"])
            results.add(side.name, workloads.idle_sockets(side, "idle", count=idle_count))
        for number in range(rounds):
            for side in sides[:-1]:
                side.prepare([f"w1-{number}"])
                results.add(side.name, streams(side, W1, [f"w1-{number}"], seconds=seconds))
                figures = streams(side, W2, TOPICS, seconds=seconds)
                figures.pop("W4")  # of sockets with a topic each: another thing
                results.add(side.name, figures)
            for side in (sides[0], sides[-1]):
                side.prepare([f"w5-{number}"])
                results.add(side.name, workloads.replay(side, f"w5-{number}"))


def ours_alone(results: Results, *, rounds: int, seconds: float, scale: Sequence[int]) -> None:
    """W6, the curve from few topics to many, and two server processes."""
    with arena([Ours]) as (side,):
        assert isinstance(side, Ours)
        for topics in scale:
            side.prepare([f"scale-{topics}-{index}" for index in range(topics)])
        for number in range(rounds):
            for topics in scale:
                names = [f"scale-{topics}-{index}" for index in range(topics)]
                figures = streams(side, [W2A], names, seconds=seconds, viewers=topics)
                results.add(side.name, {f"{topics:,} topics": figures[W2A.name]})
            results.add(side.name, {"W6": published(side, f"w6-{number}")})
    with arena([OursTwice]) as (twice,):
        twice.prepare(TOPICS)
        for number in range(rounds):
            twice.prepare([f"w1-{number}"])
            figures = streams(twice, [BATCHED], [f"w1-{number}"], seconds=seconds) | streams(twice, [W2A], TOPICS, seconds=seconds)
            figures.pop("W4")
            results.add(twice.name, figures)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--seconds", type=float, default=2, help="how long each time, about (2)")
    parser.add_argument("--quick", action="store_true", help="one short round with fewer topics")
    parser.add_argument("--without", action="append", default=[], help="a peer that is left out; again for another")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="folder for performance.md, .json and .png (docs)")
    options = parser.parse_args()
    rounds, seconds = (1, 0.5) if options.quick else (options.rounds, options.seconds)
    peers.install_from_npm()
    results = Results(rounds=rounds)
    if why_not := peers.why_no_nchan():
        results.leave_out(Nchan.name, why_not)
    kinds = [kind for kind in PEERS if kind.name not in results.left_out and kind.name not in options.without]
    beside_others(results, [Ours, *kinds], rounds=rounds, seconds=seconds, idle_count=200 if options.quick else IDLE_SOCKETS)
    ours_alone(results, rounds=rounds, seconds=seconds, scale=SCALE[:2] if options.quick else SCALE)
    results.write(options.output)
    sys.exit(0 if results.are_musts_met else 1)


if __name__ == "__main__":
    main()
