"""One job of a drill with those who watch it, from its creation to the account of what became of it."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from jobs.client import AsyncJobsClient, JobsError
from jobs.client.connection import Token
from jobs.drill.handler import TYPE, permit_for
from jobs.drill.pieces import Account, Start, account, whole_text
from jobs.drill.watcher import Watcher
from jobs.lifecycle import State
from jobs.models import new_job_id

ATTEMPTS = 2
"""The job ends in its second attempt: when its fault does not bring that about, it is paused and resumed."""


class Case:
    """A drill job and its watchers, one at each server."""

    def __init__(self, client: AsyncJobsClient, servers: Sequence[str], *, token: Token, pieces: int, seconds: float) -> None:
        self.job_id = _new_id()
        self.watchers: list[Watcher] = []
        self._client, self._servers, self._token = client, servers, token
        self.input: dict[str, Any] = {"pieces": pieces, "seconds": seconds, "attempts": ATTEMPTS}

    async def begin(self, *, is_to_die: bool = False, token: Token | None = None) -> None:
        """Create the job, and go on when all see it being written. With `is_to_die` it kills the process that runs it, once."""
        permit = {"permit": permit_for(self.job_id)} if is_to_die else {}
        await self._client.create(TYPE, jobId=self.job_id, input={**self.input, **permit})
        await self.watch(token=token)

    async def watch(self, *, token: Token | None = None) -> None:
        """Have somebody watch the job at each server, and go on when all see it being written."""
        for server in self._servers:
            self.join(server, token=token)
        await self.until_all(lambda watcher: watcher.text != "")

    def join(self, server: str, *, token: Token | None = None) -> Watcher:
        """Have one more watch the job."""
        watcher = Watcher(server, self.job_id, token=token or self._token)
        self.watchers.append(watcher)
        return watcher

    async def leave(self) -> None:
        """Cancel and delete the job, and take another one for it."""
        await self._command("cancel")
        await self.delete()
        self.job_id = _new_id()

    async def until_all(self, condition: Callable[[Watcher], bool]) -> None:
        """Wait until all watchers see what they should. Raises NotRecovered."""
        await asyncio.gather(*(watcher.until(condition) for watcher in self.watchers))

    async def until_next_attempt(self) -> float:
        """Wait until all see the next attempt at work, and return for how long they saw nothing between the two."""
        await self.until_all(lambda watcher: watcher.job.get("attempt", 0) > 1 and watcher.job["state"] != State.CREATED)
        gaps = [min(at for attempt, at in watcher.began_at.items() if attempt > 1) - watcher.last_seen_at[1] for watcher in self.watchers]
        return max(gaps)

    async def until_news(self) -> float:
        """Wait until all are live and have more than they have now; returns how long it took."""
        had = {watcher: watcher.position for watcher in self.watchers}
        began = time.monotonic()
        await self.until_all(lambda watcher: watcher.is_live and watcher.position > had[watcher])
        return time.monotonic() - began

    async def end(self) -> None:
        """Let the job come to its end, and all see it. Raises NotRecovered and the client's errors."""
        job = await self._client.read(self.job_id)
        if job["attempt"] < ATTEMPTS:
            for action in ("pause", "resume"):
                await self._command(action)
        await self.until_all(lambda watcher: watcher.has_seen_the_end)

    async def resume(self) -> None:
        """Have the job go on."""
        await self._command("resume")

    async def close(self) -> None:
        """End what has not ended, and leave."""
        await self._command("cancel")
        await asyncio.gather(*(watcher.close() for watcher in self.watchers))

    async def delete(self) -> None:
        """Delete the job."""
        await self._client.delete(self.job_id)

    async def _command(self, action: str) -> None:
        try:
            await self._client.command(self.job_id, action)
        except JobsError as error:
            if error.status != 409:  # it went on by itself meanwhile
                raise

    async def judge(self) -> "Judgement":
        """Compare the row with what it should be, and with what each watcher has."""
        job = await self._client.read(self.job_id)
        texts = [job["streamingText"], *(watcher.text for watcher in self.watchers)]
        accounts = [account(text, self.input["pieces"]) for text in texts]
        return Judgement(job, texts, accounts)


class Judgement:
    """What became of one job."""

    def __init__(self, job: dict[str, Any], texts: Sequence[str], accounts: Sequence[Account]) -> None:
        self.lost = sum(each.lost for each in accounts)
        self.doubled = sum(each.doubled for each in accounts)
        starts = [Start(**start) for start in job["result"]["starts"]] if job["result"] else []
        is_of_its_attempt = bool(starts) and starts[-1].attempt == job["attempt"]
        self.is_equal = is_of_its_attempt and set(texts) == {whole_text(starts, job["result"]["pieces"])}
        self.has_completed = job["state"] == State.COMPLETED


def _new_id() -> str:
    return f"drill-{new_job_id()}"
