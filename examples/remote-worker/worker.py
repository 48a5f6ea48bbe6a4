"""A complete worker for jobs of type `words`, or of another TYPE, in Python with httpx alone.

SERVER=http://localhost:3000 WORKER_TOKEN=worker_… python worker.py
"""

import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import httpx

WAIT_SECONDS = 20
PATIENCE_SECONDS = 60
SEND_EVERY_SECONDS = 0.1
EVENTS_AT_ONCE = 100
TEXT_AT_ONCE = 10_000


class Stopped(Exception):
    """The attempt is over: cancelled, paused, given to another worker, or this worker ends. Let it pass through."""


class ApiError(Exception):
    """The server said no."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or f"The server answered {status}.")
        self.status, self.code, self.reason = status, problem.get("code"), problem.get("reason")


class Api:
    """The worker API over HTTP. Every call may be sent again with the same body, so a lost answer is no harm."""

    def __init__(self, server: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=f"{server.rstrip('/')}/api/worker/", headers=headers, timeout=WAIT_SECONDS + 10)

    def call(self, path: str, body: dict[str, Any], *, patience_seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Make a call and return its answer; a server that is away or too busy is asked again for a while."""
        until, pause = time.monotonic() + patience_seconds, 0.2
        while True:
            try:
                response = self._http.post(path, json=body, timeout=max(1.0, min(WAIT_SECONDS + 10, until - time.monotonic())))
                if response.is_success:
                    answer: dict[str, Any] = response.json()
                    return answer
                if response.status_code < 500 and response.status_code != 429:
                    raise ApiError(response.status_code, response.json())
            except (httpx.TransportError, ValueError):
                pass
            if time.monotonic() > until:
                raise TimeoutError(f"{self._http.base_url} does not answer.")
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  # nothing secret
            pause = min(3, pause * 2)


class Run:
    """One attempt of a job that this worker holds: numbers what the job writes, and sends it."""

    def __init__(self, job: dict[str, Any], api: Api) -> None:
        self.job_id, self.attempt = job["jobId"], job["attempt"]
        self.query, self.input = job["query"], job["input"]
        self.checkpoint_data = job["checkpoint"]
        """What the last checkpoint saved, None before the first: go on from there."""
        self.stopped: str | None = None
        """Why the attempt is over, None while it goes on."""
        self._api = api
        self._seq = int(job["position"].split("-")[1])
        self._length = utf16_length(job["streamingText"])  # what the checkpoint kept
        self._pending: list[dict[str, Any]] = []
        self._lock = threading.RLock()

    def stop(self, reason: str) -> None:
        """End the attempt: its next call raises Stopped."""
        self.stopped = self.stopped or reason

    def write(self, text: str) -> None:
        """Append to the text that viewers see streaming."""
        for start in range(0, len(text), TEXT_AT_ONCE):
            self._report("text", {"text": text[start : start + TEXT_AT_ONCE]})

    def progress(self, **data: Any) -> None:
        """Report any of `progress` (0 to 100), `step` and `message`."""
        self._report("progress", data)

    def log(self, message: str, level: str = "info") -> None:
        """Add a line to the activity panel."""
        self._report("log", {"level": level, "message": message})

    def checkpoint(self, data: Any) -> None:
        """Save the text so far, and `data`: a later attempt goes on from exactly here."""
        self.end("checkpoint", data=data)
        self._check()

    def end(self, verb: str, **body: Any) -> None:
        """Send what is pending, then the call that follows it: `checkpoint`, `complete`, `fail` or `release`."""
        with self._lock:
            self.send()
            self._call(verb, {"seq": self._seq, **body})

    def send(self) -> None:
        """Send what is pending, one report after another."""
        with self._lock:
            while self._pending:
                events: list[dict[str, Any]] = []
                size = 0
                while self._pending and len(events) < EVENTS_AT_ONCE and size < 2 * TEXT_AT_ONCE:
                    event = self._pending.pop(0)
                    self._seq += 1
                    if event["type"] == "text":
                        event["data"]["offset"] = self._length
                        self._length += utf16_length(event["data"]["text"])
                        size += len(event["data"]["text"])
                    events.append({"seq": self._seq, **event})
                self._call("events", {"events": events})

    def _report(self, type: str, data: dict[str, Any]) -> None:
        self._check()
        with self._lock:
            last = self._pending[-1] if self._pending else None
            if type == "text" and last and last["type"] == "text" and len(last["data"]["text"]) + len(data["text"]) <= TEXT_AT_ONCE:
                last["data"]["text"] += data["text"]
            else:
                self._pending.append({"type": type, "data": data})

    def _check(self) -> None:
        if self.stopped:
            raise Stopped(self.stopped)

    def _call(self, verb: str, body: dict[str, Any]) -> None:
        try:
            self._api.call(f"jobs/{self.job_id}/{verb}", {"attempt": self.attempt, **body})
        except ApiError as error:
            self.stop(error.reason or error.code or "refused")
            raise Stopped(self.stopped) from error
        except TimeoutError:
            self.stop("unreachable")  # what was not taken cannot be followed by anything
            raise


def utf16_length(text: str) -> int:
    """Return the length as the protocol counts it: in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Worker:
    """Claims jobs, runs each in a thread, and holds them."""

    def __init__(self, api: Api, handlers: dict[str, Callable[[Run], Any]], *, concurrency: int) -> None:
        self._api, self._handlers, self._concurrency = api, handlers, concurrency
        self._threads = ThreadPoolExecutor(concurrency)
        self._runs: set[Run] = set()
        self._ending = threading.Event()
        self._beside: list[threading.Thread] = []

    def stop(self, *signal: object) -> None:
        """Claim no more, and give back what runs."""
        self._ending.set()
        for run in list(self._runs):
            run.stop("interrupted")

    def work(self) -> None:
        """Work until stopped. Raises ApiError when the token is worth nothing."""
        claim_id = uuid.uuid4().hex  # the same until it is answered: an answer that got lost is given again
        while not self._ending.is_set():
            free = self._concurrency - len(self._runs)
            if free == 0:
                self._ending.wait(0.1)
                continue
            body = {"types": list(self._handlers), "limit": free, "waitSeconds": 2, "claimId": claim_id}
            try:
                # A short wait: a claim that waits in this thread cannot be ended by a signal.
                answer = self._api.call("claim", body)
            except TimeoutError as error:
                print(f"no jobs for now: {error}", flush=True)
                continue
            claim_id = uuid.uuid4().hex
            if not self._beside:
                self._start_beside(partial(self._keep_leases, answer["leaseSeconds"]), self._send_all)
            for job in answer["jobs"]:
                run = Run(job, self._api)
                self._runs.add(run)
                if self._ending.is_set():
                    run.stop("interrupted")
                self._threads.submit(self._execute, run, self._handlers[job["type"]])
        self._threads.shutdown()

    def _execute(self, run: Run, handler: Callable[[Run], Any]) -> None:
        try:
            run.end("complete", result=handler(run))
            print(f"{run.job_id} attempt {run.attempt}: completed", flush=True)
        except Exception as error:
            self._conclude(run, error)
        finally:
            self._runs.discard(run)

    def _conclude(self, run: Run, error: Exception) -> None:
        try:
            if not isinstance(error, Stopped):
                run.end("fail", error={"code": "handler_error", "message": str(error)}, retry=True)
            elif run.stopped == "interrupted":
                run.end("release")
            print(f"{run.job_id} attempt {run.attempt}: stopped, {run.stopped or error}", flush=True)
        except Exception as second:
            print(f"{run.job_id} attempt {run.attempt}: {second}", flush=True)  # the lease ends by itself

    def _start_beside(self, *loops: Callable[[], None]) -> None:
        self._beside = [threading.Thread(target=loop, daemon=True) for loop in loops]
        for thread in self._beside:
            thread.start()

    def _send_all(self) -> None:
        while True:
            time.sleep(SEND_EVERY_SECONDS)
            for run in list(self._runs):
                with suppress(Stopped, TimeoutError):  # the run notices by itself
                    run.send()

    def _keep_leases(self, lease_seconds: float) -> None:
        """Hold the jobs: a third of a lease apart. Who could not for two thirds has to let go: somebody else may begin then."""
        renewed_at = time.monotonic()
        while True:
            time.sleep(lease_seconds / 3)
            begun_at, held = time.monotonic(), list(self._runs)
            jobs = [{"jobId": run.job_id, "attempt": run.attempt} for run in held]
            try:
                stop = self._api.call("heartbeat", {"jobs": jobs}, patience_seconds=lease_seconds / 3)["stop"] if jobs else []
                renewed_at = begun_at
            except (ApiError, TimeoutError) as error:
                print(f"no heartbeat: {error}", flush=True)
                late = time.monotonic() - renewed_at > lease_seconds * 2 / 3
                stop = [{"jobId": run.job_id, "reason": "lease_lost"} for run in held] if late else []
            for run in held:
                for lost in stop:
                    if lost["jobId"] == run.job_id:
                        run.stop(lost["reason"])


def words(run: Run) -> dict[str, Any]:
    """Say how long each word of the query is. Interrupted after any word, another worker goes on with the next one."""
    all_words = run.query.split()
    run.progress(step="Counting")
    for index in range((run.checkpoint_data or {"next": 0})["next"], len(all_words)):
        time.sleep(run.input.get("secondsPerWord", 0))
        run.write(f"{all_words[index]}: {len(all_words[index])}\n")
        run.progress(progress=100 * (index + 1) / len(all_words))
        run.checkpoint({"next": index + 1})
    return {"words": len(all_words)}


if __name__ == "__main__":
    server = os.environ.get("SERVER", "http://localhost:3000")
    job_type = os.environ.get("TYPE", "words")
    worker = Worker(Api(server, os.environ["WORKER_TOKEN"]), {job_type: words}, concurrency=int(os.environ.get("CONCURRENCY", "4")))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, worker.stop)
    print(f"takes jobs of {job_type} from {server}", flush=True)
    try:
        worker.work()
    except ApiError as refused:
        raise SystemExit(str(refused)) from refused
