"""What a soak found.

Four logs are held against each other: what viewers saw, the rows, their audit, and what workers were told is durable.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from jobs.lifecycle import ARROWS, TERMINAL, State
from tests.viewers import Viewer, percentile

CHUNK = re.compile(r"\[([^:\]]+):(\d+):(\d+)\]")

Change = tuple[str, str, int]
"""A change of state: from, to, and the attempt after it."""


@dataclass
class Verdict:
    """The figures of a soak, and all that is wrong."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    jobs: int = 0
    poisoned: int = 0
    deliveries: int = 0
    connections: int = 0
    snapshots: int = 0
    checkpoints: int = 0
    caught_up_seconds: list[float] = field(default_factory=list)
    healed_seconds: float = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    otherwise: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All that is wrong."""
        return [*self.lost, *self.doubled, *self.out_of_order, *self.otherwise]

    @property
    def kills(self) -> dict[str, int]:
        """How often each sort of thing was ended without a warning."""
        return {name: count for name, count in self.faults.items() if name.endswith("killed") or name == "reader's connection cut"}

    def __str__(self) -> str:
        counts = f"{self.jobs} jobs, {self.deliveries} deliveries, {self.connections} connections, {self.snapshots} snapshots"
        lines = [
            f"seed {self.seed}: {counts}, {self.checkpoints} checkpoints, {self.poisoned} jobs failed as poison",
            f"faults survived: {', '.join(f'{name} {count}' for name, count in sorted(self.faults.items()))}",
            f"caught up after a reconnect: p95 {percentile(self.caught_up_seconds, 95):.3f} s; "
            f"all at their end {self.healed_seconds:.1f} s after the last fault",
            f"lost {len(self.lost)}, doubled {len(self.doubled)}, out of order {len(self.out_of_order)}, "
            f"otherwise wrong {len(self.otherwise)}",
            *(f"  {line}" for line in self.wrong[:20]),
        ]
        return "\n".join(lines)

    def hear(self, viewer: Viewer, row: dict[str, Any]) -> None:
        """Hold what a viewer saw against the row."""
        self.deliveries += viewer.events
        self.connections += viewer.connections
        self.snapshots += viewer.snapshots
        self.caught_up_seconds += viewer.caught_up_seconds
        for deviation in viewer.deviations:
            where = {"old": self.doubled, "gap": self.out_of_order}.get(deviation.rpartition(": ")[2], self.otherwise)
            where.append(f"{viewer.job_id}: {deviation}")
        if (viewer.job.state, str(viewer.job.position), viewer.job.text) != (row["state"], row["position"], row["streamingText"]):
            told = f"a viewer is at {viewer.job.position}, the row at {row['position']}, {row['state']}"
            self.lost.append(f"{viewer.job_id}: {told}; {viewer.codes[-3:]}")

    def read(self, row: dict[str, Any], *, acked: Iterable[tuple[int, int]], changes: list[Change]) -> None:
        """Hold a row against itself, against the checkpoints (attempt, chunks) that its workers were told are durable, and its audit."""
        self.jobs += 1
        self.poisoned += row["state"] == "failed"
        job_id = row["jobId"]
        chunks = [(name, int(attempt), int(index)) for name, attempt, index in CHUNK.findall(row["streamingText"])]
        self.otherwise += [f"{job_id}: {what}" for what in [*_wrong_in_text(row, chunks), *_wrong_in_changes(row, changes)]]
        for attempt, count in acked:
            self.checkpoints += 1
            if len(chunks) < count or any(of > attempt for _, of, _ in chunks[:count]):
                self.lost.append(f"{job_id}: not all of the {count} chunks that attempt {attempt} was told are durable")


def _wrong_in_text(row: dict[str, Any], chunks: list[tuple[str, int, int]]) -> list[str]:
    """Return what a text says against itself: every chunk once, in order, from attempts that never fall."""
    wrong = []
    # Whoever loses its worker three times before a checkpoint is poison: under so many kills that happens to the best.
    if row["state"] not in ("completed", "cancelled") and (row["error"] or {}).get("code") != "poison":
        wrong.append(f"ended as {row['state']}: {row['error']}")
    if "".join(f"[{name}:{attempt}:{index}]" for name, attempt, index in chunks) != row["streamingText"]:
        wrong.append("its text has half a chunk")
    if [index for _, _, index in chunks] != list(range(len(chunks))) or {name for name, _, _ in chunks} - {row["jobId"]}:
        wrong.append("its text has a hole, a double, or what is another's")
    attempts = [attempt for _, attempt, _ in chunks]
    if attempts != sorted(attempts):
        wrong.append("its text mixes attempts")
    if row["state"] == "completed" and len(chunks) != row["input"]["chunks"]:
        wrong.append(f"it completed with {len(chunks)} of {row['input']['chunks']} chunks")
    return wrong


def _wrong_in_changes(row: dict[str, Any], changes: list[Change]) -> list[str]:
    """Return what the audit says against the row: an unbroken way along the arrows, with one end."""
    wrong, state, attempt = [], "", 0
    for source, target, at in changes:
        if source != state or at < attempt or (source and State(target) not in ARROWS[State(source)]):
            wrong.append(f"its audit goes from {state or 'nothing'} at {attempt} by {source or 'nothing'} to {target} at {at}")
        state, attempt = target, at
    ends = [target for _, target, _ in changes if target in TERMINAL]
    if ends != [row["state"]] or attempt != row["attempt"]:
        wrong.append(f"its audit ends as {ends} at attempt {attempt}, the row as {row['state']} at {row['attempt']}")
    return wrong
