"""Viewers that do what PROTOCOL asks of a reader, reconnect like a browser's client, and keep account of every deviation."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from jobs.events import Damaged, FoldedJob
from jobs.lifecycle import TERMINAL
from realtime.position import CLOSED, ORIGIN, Position, Verdict, judge
from tests.shapes import checked_frame

BACKOFF_FIRST_SECONDS, BACKOFF_MOST_SECONDS = 0.1, 3.0


class Viewer:
    """Watches one job until it is over, whatever happens to its connections."""

    def __init__(self, urls: Sequence[str], token: str, job_id: str, *, seed: int = 0) -> None:
        self.job = FoldedJob()
        self.job_id = job_id
        self._urls = urls
        self._token = token
        self._random = random.Random(f"{seed}-{job_id}")
        self._tries = 0
        self.deviations: list[str] = []
        """What no server may do: an event twice, out of order, or one that does not fit."""
        self.events = self.snapshots = self.connections = 0
        self.degraded: list[bool] = []
        self.codes: list[int] = []
        self.arrived_at: list[float] = []
        """When events came, on the monotonic clock."""
        self.caught_up_seconds: list[float] = []
        """How long it took from beginning to connect, or to subscribe again, to having all up to the position of the answer."""
        self.is_connected = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return self.job.state in TERMINAL and self.job.position.seq == CLOSED

    async def watch(self) -> "Viewer":
        """Watch to the end."""
        while not self.is_over:
            try:
                await self._watch_once()
            except ConnectionClosed as closed:
                self.codes.append(closed.rcvd.code if closed.rcvd else 1006)
            except (OSError, InvalidHandshake, TimeoutError):
                self.codes.append(0)
            self.is_connected.clear()
            if not self.is_over:
                longest = min(BACKOFF_MOST_SECONDS, BACKOFF_FIRST_SECONDS * 2**self._tries)
                self._tries += 1
                await asyncio.sleep(self._random.uniform(0, longest))
        return self

    async def _watch_once(self) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = self._random.choice(self._urls)
        self._began = time.monotonic()
        async with connect(url, additional_headers=headers, compression=None, max_size=2**22, open_timeout=5, close_timeout=1) as socket:
            await self._subscribe(socket)
            self.connections += 1
            while not self.is_over:
                async with asyncio.timeout(30):
                    frame = checked_frame(json.loads(await socket.recv()))
                if not self._take(frame):
                    self._began = time.monotonic()
                    await self._subscribe(socket)

    async def _subscribe(self, socket: Any) -> None:
        after = {"after": str(self.job.position)} if self.job.position != ORIGIN else {}
        await socket.send(json.dumps({"type": "subscribe", "ref": 1, "topic": f"job:{self.job_id}", **after}))
        while True:
            async with asyncio.timeout(15):
                frame = json.loads(await socket.recv())
            if frame["type"] == "subscribed":
                break
            if frame["type"] == "error":
                await asyncio.sleep(0.2)
                raise TimeoutError(frame["code"])
        self._tries = 0
        self.is_connected.set()
        self._target = Position.parse(frame["position"])
        self._note_progress()

    def _take(self, frame: dict[str, Any]) -> bool:
        """Take a frame. Returns False when one has to subscribe again."""
        match frame["type"]:
            case "heartbeat":
                self.degraded.append(frame["degraded"])
            case "snapshot":
                self.snapshots += 1
                self.job = FoldedJob(frame["job"])
            case "events":
                self.arrived_at.append(time.monotonic())
                for event in frame["events"]:
                    if not self._take_event(event):
                        return False
        self._note_progress()
        return True

    def _take_event(self, event: dict[str, Any]) -> bool:
        verdict = judge(self.job.position, event)
        if verdict is not Verdict.FOLLOWS:
            self.deviations.append(f"{event['attempt']}-{event['seq']} at {self.job.position}: {verdict.value}")
            return verdict is Verdict.OLD
        try:
            self.job.fold(event)
        except Damaged as error:
            self.deviations.append(f"{event['attempt']}-{event['seq']}: {error}")
            self.job = FoldedJob()
            return False
        self.events += 1
        return True

    def _note_progress(self) -> None:
        if self._target is not None and self.job.position >= self._target:
            self.caught_up_seconds.append(time.monotonic() - self._began)
            self._target = None

    _target: Position | None = None
    _began = 0.0


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0


def agree(viewers: Sequence[Viewer], rows: dict[str, dict[str, Any]]) -> None:
    """Assert that no viewer saw anything twice or out of order, and that all end with what the rows say (invariants 3 and 4)."""
    deviations = [f"{viewer.job_id}: {deviation}" for viewer in viewers for deviation in viewer.deviations]
    assert deviations == [], deviations[:20]
    for viewer in viewers:
        row = rows[viewer.job_id]
        assert (viewer.job.state, str(viewer.job.position)) == (row["state"], row["position"])
        assert viewer.job.text == row["streamingText"]
