"""A worker takes jobs."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import DateTimeField, Exists, ExpressionWrapper, F, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from jobs.conf import settings
from jobs.errors import JobError, JobNotClaimable, JobNotFound
from jobs.lifecycle import SUSPECT_KILLS, State
from jobs.metrics import count_claims
from jobs.models import Job, JobQuerySet, JobTransition, Worker, from_ts
from jobs.transitions.announce import announce, encoded_entry, now_ts, state_event
from jobs.transitions.limits import Allowance, Limit, limits_for
from realtime.position import Position
from realtime.publisher import Append, Entry


def lease_end() -> Combinable:
    """Return the end of a lease that begins now, by the database's clock."""
    lease = Value(timedelta(seconds=settings.lease_seconds))
    return ExpressionWrapper(Now() + lease, output_field=DateTimeField())


def claim(worker: Worker, *, types: Sequence[str], limit: int, suspects: bool | None = None, claim_id: str | None = None) -> list[Job]:
    """Take up to `limit` due jobs of `types` for `worker` and return them, running; none while staff have it take no jobs.

    `suspects`: True takes only jobs that are suspected of killing their workers, False only others, None either. Rows
    that another worker is taking at the moment are passed over. The event at seq 0 is published again, in case its
    first publishing was lost. A claim whose `claim_id` has taken jobs before, of which nothing is written yet, takes those again.
    """
    limits = limits_for(types)
    if connection.vendor == "postgresql" and not limits and claim_id is None:
        return _claim_in_one(worker, types, limit, suspects)
    with transaction.atomic():
        if claim_id is not None and (again := _taken_before(worker, claim_id)):
            return again
        due = Job.objects.due() if suspects is None else Job.objects.due().suspected(suspects)
        may_take = Exists(Worker.objects.filter(pk=worker.pk, takes_jobs=True))
        rows = due.filter(may_take, type__in=types).order_by(F("priority").desc(), "turn", "created_at", "id")
        jobs = _allowed(rows, limits, limit)
        if not jobs:
            return []
        _take(worker, jobs, claim_id)
    return jobs


def _taken_before(worker: Worker, claim_id: str) -> list[Job]:
    """Return the jobs of a claim whose answer got lost, and hold them for another lease."""
    Worker.objects.select_for_update(no_key=True).get(pk=worker.pk)  # of two at once, the second sees what the first has taken
    jobs = list(Job.objects.untouched(worker, claim_id).select_for_update().order_by("pk"))
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(lease_expires_at=lease_end())
    return jobs


_CLAIM = (
    "WITH due AS (SELECT id FROM jobs_job WHERE state = 'created' AND deleted_at IS NULL AND type IN ({types}) {kills} "
    "AND (run_at IS NULL OR run_at <= STATEMENT_TIMESTAMP()) AND EXISTS (SELECT 1 FROM jobs_worker WHERE id = %(worker)s AND takes_jobs) "
    "ORDER BY priority DESC, turn, created_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED), "
    "taken AS (UPDATE jobs_job SET state = 'running', seq = 1, worker_id = %(worker)s, claim_id = NULL, started_at = %(at)s, "
    "updated_at = %(at)s, lease_expires_at = STATEMENT_TIMESTAMP() + %(lease)s "
    "FROM due WHERE jobs_job.id = due.id AND state = 'created' RETURNING jobs_job.*), "
    "told AS (INSERT INTO jobs_jobtransition (job_id, at, source, target, attempt, reason, worker_name, detail) "
    "SELECT id, %(at)s, 'created', 'running', attempt, '', %(name)s, '' FROM taken) "
    "SELECT * FROM taken ORDER BY priority DESC, turn, created_at, id"
)
_KILLS = {None: "", True: f"AND kills >= {SUSPECT_KILLS}", False: f"AND kills < {SUSPECT_KILLS}"}


def _claim_in_one(worker: Worker, types: Sequence[str], count: int, suspects: bool | None) -> list[Job]:
    """Claim in one statement: where nothing has to be counted, nothing has to be asked before."""
    ts = now_ts()
    names = {f"type{index}": name for index, name in enumerate(types)}
    statement = _CLAIM.format(types=", ".join(f"%({name})s" for name in names), kills=_KILLS[suspects])
    lease = timedelta(seconds=settings.lease_seconds)
    values = {"worker": worker.pk, "name": worker.name, "at": from_ts(ts), "lease": lease, "limit": count, **names}
    jobs = list(Job.objects.raw(statement, values)) if types else []
    for job in jobs:
        job.worker = worker
    _tell(jobs, ts)
    return jobs


def _allowed(rows: JobQuerySet, limits: Sequence[Limit], count: int) -> list[Job]:
    """Return up to `count` locked rows that may run beside what runs already."""
    if not limits:
        return list(rows.select_for_update(skip_locked=True)[:count])
    if not rows.exists():
        return []  # nobody need wait for nothing
    allowance, jobs, seen = Allowance(limits), list[Job](), list[str]()
    while len(jobs) < count:
        more = list(allowance.open(rows).exclude(pk__in=seen).select_for_update(skip_locked=True)[: count - len(jobs)])
        jobs += [job for job in more if allowance.take(job)]
        seen += [job.pk for job in more]
        if not more:
            break
    return jobs


def claim_one(worker: Worker, job_id: str) -> Job:
    """Take this one job for `worker`, whose row is saved with it, and return it, running.

    Raises JobNotFound, JobNotClaimable when it does not wait for a worker now, and RuntimeError inside a transaction:
    nobody else would see the claim.
    """
    with transaction.atomic(durable=True):
        job = Job.objects.due().filter(pk=job_id).select_for_update().first()
        if job is None:
            raise _not_claimable(job_id)
        if not Allowance(limits_for([job.type])).take(job):
            raise JobNotClaimable(f"Job {job_id} waits: as many jobs run as may run at once.")
        worker.types = [job.type]
        worker.save()
        _take(worker, [job])
    return job


def _not_claimable(job_id: str) -> JobError:
    job = Job.objects.select_related("worker").filter(pk=job_id).first()
    if job is None:
        return JobNotFound()
    if job.worker:
        return JobNotClaimable(f"Job {job_id} is running: worker {job.worker.name} holds it.")
    if job.state == State.CREATED and job.run_at:
        return JobNotClaimable(f"Job {job_id} waits until {job.run_at.isoformat()}.")
    return JobNotClaimable(f"Job {job_id} is {job.state}: only a created job can be claimed.")


def _take(worker: Worker, jobs: Sequence[Job], claim_id: str | None = None) -> None:
    """Make locked, due rows running jobs of `worker`, and announce them."""
    ts = now_ts()
    at = from_ts(ts)
    ids = [job.pk for job in jobs]
    Job.objects.filter(pk__in=ids, state=State.CREATED).update(
        state=State.RUNNING, seq=1, worker=worker, lease_expires_at=lease_end(), claim_id=claim_id, started_at=at, updated_at=at
    )
    for job in jobs:
        job.state, job.seq, job.worker, job.started_at, job.updated_at = State.RUNNING, 1, worker, at, at
    JobTransition.objects.bulk_create(
        JobTransition(job=job, at=at, source=State.CREATED, target=State.RUNNING, attempt=job.attempt, worker_name=worker.name)
        for job in jobs
    )
    _tell(jobs, ts)


def _tell(jobs: Sequence[Job], ts: int) -> None:
    if jobs:
        announce([_append(job, ts) for job in jobs], lists=jobs)
        count_claims(jobs)


def _append(job: Job, ts: int) -> Append:
    queued = Entry(Position(job.attempt, 0), job.queued_event)
    running = encoded_entry(state_event(job.pk, Position(job.attempt, 1), ts, State.RUNNING))
    return Append(job.pk, [queued, running])
