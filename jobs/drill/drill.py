"""The drill: one fault after another to jobs of its own, and the account of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.client import AsyncJobsClient, ClientError
from jobs.database import DatabaseThreads
from jobs.drill.case import Case
from jobs.drill.faults import FIRST, TOGETHER, Fault, Place
from jobs.drill.watcher import NotRecovered
from realtime.errors import RedisUnavailable
from realtime.tokens import sign_in


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a drill is to do."""

    servers: Sequence[str]
    """Addresses of servers; the job of each fault is watched at each."""
    owner: Any
    """The user whose the jobs are."""
    pieces: int = 60
    """So many pieces each job writes."""
    seconds: float = 0.05
    """The time between two pieces."""
    patience_seconds: float
    """The longest that a fault, and then the end of its job, may take to be seen by all."""


@dataclass(kw_only=True)
class Report:
    """What a drill has found."""

    recovered_seconds: dict[str, float] = field(default_factory=dict)
    """For each fault from which all recovered, how long that took."""
    problems: list[str] = field(default_factory=list)
    lost: int = 0
    """Pieces missing, in the row or at a watcher."""
    doubled: int = 0
    """Pieces more than once there."""
    is_equal: bool = True
    """Whether each watcher has what the row has, and that is what was written."""

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems and self.lost == self.doubled == 0 and self.is_equal


async def drill(plan: Plan, *, say: Callable[[str], None]) -> Report:
    """Make all faults, and return what became of the jobs. Raises the client's errors when the first server does not answer."""
    report = Report()
    database = DatabaseThreads(1, name="drill")
    async with AsyncJobsClient(plan.servers[0], token=lambda: sign_in(plan.owner)["access"], device_id="drill") as client:
        place = Place(owner=plan.owner, database=database)

        async def make(name: str, fault: Fault) -> None:
            case = Case(client, plan.servers, token=lambda: sign_in(plan.owner)["access"], pieces=plan.pieces, seconds=plan.seconds)
            problems = await _try(name, fault, case, place, plan, report)
            if not problems:
                await case.delete()
                say(f"  {name:<32} recovered in {report.recovered_seconds[name]:.2f} s")
            for problem in problems:
                say(f"  {name:<32} {problem} (job {case.job_id})")
            report.problems += [f"{name}: {problem}" for problem in problems]

        try:
            for faults in (FIRST, TOGETHER):
                await asyncio.gather(*(make(name, fault) for name, fault in faults.items()))
        finally:
            await asyncio.to_thread(database.end)
    return report


async def _try(name: str, fault: Fault, case: Case, place: Place, plan: Plan, report: Report) -> list[str]:
    """Make one fault and see its job through; returns what is wrong."""
    problems: list[str] = []
    try:
        try:
            async with asyncio.timeout(plan.patience_seconds):
                report.recovered_seconds[name] = await fault(case, place)
        except (TimeoutError, NotRecovered) as error:
            problems.append(str(error) or f"not recovered within {plan.patience_seconds:g} s")
        try:
            async with asyncio.timeout(plan.patience_seconds):
                await case.end()
        except (TimeoutError, NotRecovered) as error:
            problems.append(str(error) or "not all have seen the end")
        judgement = await case.judge()
    except (ClientError, RedisUnavailable) as error:
        return [*problems, str(error)]
    finally:
        await case.close()
    report.lost += judgement.lost
    report.doubled += judgement.doubled
    report.is_equal = report.is_equal and judgement.is_equal
    if not judgement.has_completed:
        problems.append("the job has not completed")
    if judgement.lost or judgement.doubled or not judgement.is_equal:
        equal = "equal" if judgement.is_equal else "not equal"
        problems.append(f"lost {judgement.lost}, doubled {judgement.doubled}, text {equal}")
    return problems
