"""`run` in a process of another engine. It can be pickled, and knows no Django: it reports over HTTP."""

import os
import random
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

import httpx

from jobs.errors import EngineLost, JobStopped
from jobs.text import TEXT_EVENT_POINTS, clean, pieces, split_trailing_half, utf16_length

SEND_SECONDS = 0.05
ASK_SECONDS = 0.5
EVENTS_AT_ONCE = 100
CHARACTERS_AT_ONCE = 20_000
PATIENCE_SECONDS = 60
CALL_SECONDS = 10
FENCED = "fenced"


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One attempt of a job, as it goes to the engine."""

    server: str
    grant: str
    job_id: str
    attempt: int
    query: str
    input: dict[str, Any]
    checkpoint_data: Any
    seq: int
    text_length: int


class RemoteRun:
    """One attempt of a job, as a function in another engine sees it: the names of BlockingJobRun, without `once` and `deadline`.

    Every call raises JobStopped once the job is cancelled or paused, or the attempt is not the one that counts.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.job_id, self.attempt = assignment.job_id, assignment.attempt
        self.query, self.input = assignment.query, assignment.input
        self.checkpoint_data = assignment.checkpoint_data
        """What the last checkpoint saved, None before the first: go on from there."""
        self._assignment = assignment
        self._seq, self._length = assignment.seq, assignment.text_length
        self._half = ""
        self._pending: deque[tuple[str, dict[str, Any]]] = deque()
        self._lock = threading.RLock()
        self._ended: Exception | None = None
        self._asked_at = 0.0
        self._is_over = threading.Event()
        self._http: httpx.Client | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteRun, (self._assignment,)

    # The function's side

    @property
    def stopping(self) -> bool:
        """Whether the run is to end: a function that computes for long without a call asks now and then."""
        now = time.monotonic()
        if self._ended is None and now - self._asked_at > ASK_SECONDS:
            self._asked_at = now
            answer = self._call("heartbeat", {"jobs": [{"jobId": self.job_id, "attempt": self.attempt}]})
            for lost in answer["stop"]:
                self._ended = JobStopped(lost["reason"])
        return self._ended is not None

    def progress(self, percent: float | None = None, *, step: str | None = None, message: str | None = None) -> None:
        """Report percent done (0-100, never falls inside an attempt), the step, a message; each is optional."""
        given = {"progress": percent, "step": step, "message": message}
        data = {name: value for name, value in given.items() if value is not None}
        self._report("progress", data)

    def write(self, text: str) -> None:
        """Append to the text that viewers see streaming."""
        whole, self._half = split_trailing_half(self._half + text)
        for piece in pieces(clean(whole)):
            self._report("text", {"text": piece})

    def log(self, message: str, *, level: str = "info") -> None:
        """Add a line (`debug`, `info`, `warning`, `error`) to the activity panel."""
        self._report("log", {"level": level, "message": message})

    def checkpoint(self, data: Any) -> None:
        """Save the text so far with `data`, for which JSON is enough: a later attempt goes on from exactly here."""
        self._check()
        with self._lock:
            self._send()
            self._about("checkpoint", {"seq": self._seq, "data": data})
        self.checkpoint_data = data

    # Around the function

    def begin(self) -> None:
        """Begin to report. Raises EngineLost when this attempt was begun before: an engine that lost a process may try again by itself."""
        self._report("log", {"level": "debug", "message": f"Runs in {socket.gethostname()}:{os.getpid()}."})
        with self._lock:
            self._send()
        threading.Thread(target=self._keep_sending, name="reports", daemon=True).start()

    def finish(self) -> None:
        """Send what is left. Raises what ended the run."""
        if self._half:
            self._half = ""
            self._report("text", {"text": "\ufffd"})
        with self._lock:
            self._send()
        self._check()

    def close(self) -> None:
        """Report no more."""
        self._is_over.set()
        with self._lock:
            self._ended = self._ended or JobStopped("ended")
            if self._http is not None:
                self._http.close()

    def _check(self) -> None:
        if self._ended is not None:
            raise self._ended

    def _report(self, type: str, data: dict[str, Any]) -> None:
        self._check()
        with self._lock:
            last_type, last = self._pending[-1] if self._pending else ("", {})
            if type == last_type == "text" and len(last["text"]) + len(data["text"]) <= TEXT_EVENT_POINTS:
                last["text"] += data["text"]
            elif data:
                self._pending.append((type, data))

    def _keep_sending(self) -> None:
        while not self._is_over.wait(SEND_SECONDS):
            try:
                with self._lock:
                    self._send()
            except (JobStopped, EngineLost) as error:
                self._ended = self._ended or error  # the function notices at its next call
                return

    def _send(self) -> None:
        while self._pending:
            events: list[dict[str, Any]] = []
            characters = 0
            while self._pending and len(events) < EVENTS_AT_ONCE and characters < CHARACTERS_AT_ONCE:
                type, data = self._pending.popleft()
                self._seq += 1
                if type == "text":
                    data = {"offset": self._length, **data}
                    self._length += utf16_length(data["text"])
                    characters += len(data["text"])
                events.append({"seq": self._seq, "type": type, "data": data})
            answer = self._about("events", {"events": events})
            if answer["position"] != f"{self.attempt}-{self._seq}":
                self._ended = EngineLost()
                raise self._ended

    def _about(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._call(f"jobs/{self.job_id}/{verb}", {"attempt": self.attempt, **body})

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Make a call and return the answer; a server that is away or too busy is asked again for a while, which is harmless."""
        if self._http is None:
            headers = {"Authorization": f"Bearer {self._assignment.grant}"}
            self._http = httpx.Client(base_url=f"{self._assignment.server.rstrip('/')}/api/worker/", headers=headers, timeout=CALL_SECONDS)
        until, pause = time.monotonic() + PATIENCE_SECONDS, 0.1
        while True:
            try:
                response = self._http.post(path, json=body)
                if response.is_success:
                    answer: dict[str, Any] = response.json()
                    return answer
                if response.status_code < 500 and response.status_code != 429:
                    self._refused(response)
            except httpx.TransportError:
                pass
            if time.monotonic() > until or self._is_over.is_set():
                self._ended = self._ended or JobStopped("unreachable")
                raise self._ended
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(2, pause * 2)

    def _refused(self, response: httpx.Response) -> None:
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        code, reason = problem.get("code", f"status {response.status_code}"), problem.get("reason", "")
        if code == "gap":
            error: Exception = EngineLost()
        elif code == FENCED:
            error = JobStopped(reason or FENCED)
        else:
            error = ValueError(problem.get("detail") or code)  # what was said makes no sense: a mistake of the function
        self._ended = self._ended or error
        raise error
