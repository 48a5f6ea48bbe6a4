"""Signs of progress: when a job wrote last, and how long it usually takes from one sign to the next in this step."""

from jobs.events import Event

WEIGHT = 0.2
"""How much the last pause counts against all before it."""
FEW = 3
"""With fewer pauses nothing is usual yet."""


class SignsOfProgress:
    """Follows the events of one job as a feed folds them in."""

    def __init__(self, last_ts: int) -> None:
        self.last_ts: int | None = last_ts
        """When the last sign was, in Unix milliseconds."""
        self._step: str | None = None
        self._pauses = 0
        self._usual_ms = 0.0

    @property
    def usual_seconds(self) -> float | None:
        """How long it usually takes from one sign to the next in this step; None while that is not known."""
        return round(self._usual_ms / 1000, 1) if self._pauses >= FEW else None

    def take(self, event: Event) -> None:
        """Take note of an event."""
        before, self.last_ts = self.last_ts, event["ts"]
        pause = event["ts"] - before if before and event["ts"] > before else 0
        step = event["data"].get("step")
        if event["type"] == "state" or (step is not None and step != self._step):
            self._step, self._pauses = step, 0
            return
        self._pauses += 1
        self._usual_ms = pause if self._pauses == 1 else (1 - WEIGHT) * self._usual_ms + WEIGHT * pause
