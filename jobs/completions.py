"""Ends that come at the same time share a transaction: whatever ends while one is under way goes into the next one."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError

from jobs import transitions
from jobs.database import DatabaseThreads
from jobs.transitions import Completion, Flush

log = logging.getLogger(__name__)

TOGETHER = 50


class Completions:
    """Completes the runs of one process."""

    def __init__(self, database: DatabaseThreads) -> None:
        self._database = database
        self._waiting: list[tuple[Completion, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def complete(self, flush: Flush, result: Any) -> None:
        """Complete a run. Raises LeaseLost, and the database's errors; then nothing was written of it."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((Completion(flush, result), done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                answers = await self._database.run(partial(_complete, [item for item, _ in together]))
            except Exception as error:  # nobody waits for ever
                answers = [error] * len(together)
            for (_, done), answer in zip(together, answers, strict=True):
                if done.done():
                    continue  # whoever waited was cancelled
                if answer is None:
                    done.set_result(None)
                else:
                    done.set_exception(answer)


def _complete(completions: Sequence[Completion]) -> list[Exception | None]:
    """Complete all in one transaction; those that it did not take, and all when one of them cannot be written, each by itself."""
    completed: frozenset[str] = frozenset()
    try:
        completed = transitions.complete_all(completions)
    except (OperationalError, InterfaceError) as error:
        return [error] * len(completions)
    except Exception:
        log.exception("%s runs could not be completed together: each is completed by itself", len(completions))
    return [None if item.flush.job_id in completed else _complete_one(item) for item in completions]


def _complete_one(item: Completion) -> Exception | None:
    try:
        transitions.complete(item.flush, item.result)
    except Exception as error:
        return error
    return None
