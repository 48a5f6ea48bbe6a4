"""The way from a published event to the client's frame, beside everybody: W1 to W6, several rounds, each side in turn. `make bench`.

Writes `docs/performance.md` and its picture, and the figures of all rounds as JSON. `--quick` is for trying it out.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench import peers, workloads
from tests.bench.cpu import open_files
from tests.bench.published import published
from tests.bench.report import Results
from tests.bench.sides import Nchan, Ours, PlainWs, Side, SocketIO, SocketIOStreams, StockChannels
from tests.bench.stream import TOPICS, arena
from tests.bench.workloads import BATCHED, W1, W2, W2A, Figures, Stream, streams
from tests.processes import ROOT

PEERS: Sequence[type[Side]] = (SocketIO, PlainWs, Nchan, StockChannels)
SCALE = (10, 100, 1000, 10_000)
CURVE = Stream("curve", window=SCALE[0])
"""One event of a topic at most is in flight, with few topics too: what is joined into one frame costs less."""
IDLE_SOCKETS = 2000


class OursTwice(Ours):
    """`manage.py serve --processes 2`: each process hears of the jobs that its sockets watch."""

    name = "ours, 2 processes"
    arguments = ("--processes", "2")


def beside_others(results: Results, sides: Sequence[Side], *, rounds: int, seconds: float, idle_count: int) -> None:
    """W1 to W4, each side in turn, round by round."""
    for side in sides:
        side.prepare(many(side))
        side.prepare(["idle"])
        results.add(side.name, workloads.idle_sockets(side, "idle", count=idle_count))
    for number in range(rounds):
        for side in sides:
            results.add(side.name, one_round(side, W1, W2, number, seconds))


def one_round(side: Side, w1: Sequence[Stream], w2: Sequence[Stream], number: int, seconds: float) -> dict[str, Figures]:
    """W1 and W2; W4 is of the sockets that watch one job."""
    topic = many(side)[0].replace("w2", f"w1-{number}")
    side.prepare([topic])
    return {**streams(side, w2, many(side), seconds=seconds), **streams(side, w1, [topic], seconds=seconds)}


def many(side: Side) -> list[str]:
    """Return the topics of W2, which no other side uses: two of them share the database."""
    return [f"{topic}-{len(side.name)}" for topic in TOPICS]


def replays(results: Results, sides: Sequence[Side], *, rounds: int) -> None:
    """W5, each side in turn."""
    for number in range(rounds):
        for side in sides:
            side.prepare([f"w5-{number}"])
            results.add(side.name, workloads.replay(side, f"w5-{number}"))


def ours_alone(results: Results, ours: Ours, twice: OursTwice, *, rounds: int, seconds: float, scale: Sequence[int]) -> None:
    """W6, the curve from few topics to many, and two server processes."""
    names = {topics: [f"scale-{topics}-{index}" for index in range(topics)] for topics in scale}
    for topics in scale:
        ours.prepare(names[topics])
    twice.prepare(many(twice))
    for number in range(rounds):
        for topics in scale:
            figures = streams(ours, [CURVE], names[topics], seconds=seconds, viewers=topics)
            results.add(ours.name, {f"{topics:,} topics": figures[CURVE.name]})
        results.add(twice.name, one_round(twice, [BATCHED], [W2A], number, seconds))
        results.add(ours.name, {"W6": published(ours, f"w6-{number}")})


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
    scale = SCALE[:2] if options.quick else [topics for topics in SCALE if topics < open_files() - 500]
    with arena([Ours, *kinds, SocketIOStreams, OursTwice]) as sides:
        ours, *others, adapter, twice = sides
        assert isinstance(ours, Ours)
        assert isinstance(twice, OursTwice)
        beside_others(results, [ours, *others], rounds=rounds, seconds=seconds, idle_count=200 if options.quick else IDLE_SOCKETS)
        replays(results, [ours, adapter], rounds=rounds)
        ours_alone(results, ours, twice, rounds=rounds, seconds=seconds, scale=scale)
    results.write(options.output)
    sys.exit(0 if results.are_musts_met else 1)


if __name__ == "__main__":
    main()
