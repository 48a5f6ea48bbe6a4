"""The row of a new job, its turn, what its user may have waiting, and its first transition: one statement, whatever is asked on the way."""

from contextlib import nullcontext
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from jobs.models import Job
from jobs.transitions.turn import next_turn_sql

_JOB = (
    "INSERT INTO jobs_job ({columns}, turn) SELECT {values}, {turn} "
    "WHERE %(most)s = 0 OR (SELECT count(*) FROM (SELECT 1 FROM jobs_job "
    "WHERE owner_id = %(owner_id)s AND state = 'created' AND deleted_at IS NULL LIMIT %(most)s) AS waiting) < %(most)s "
    "ON CONFLICT (id) DO NOTHING RETURNING turn"
)
_TRANSITION = (
    "INSERT INTO jobs_jobtransition (job_id, at, source, target, attempt, reason, actor_id, worker_name, detail) "
    "SELECT %(id)s, %(created_at)s, '', %(state)s, %(attempt)s, '', %(owner_id)s, '', ''"
)
_BOTH = "WITH job AS ({job}), told AS ({transition} FROM job) SELECT turn FROM job"


def insert(job: Job, *, most: int) -> bool:
    """Insert a new job, asked for by its owner, and its transition. Returns False when it is not: the id is taken, or `most` wait already.

    `most` is how many created jobs its owner may have; 0: any number.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    parameters: dict[str, Any] = {column: field.get_db_prep_save(getattr(job, field.attname), connection) for column, field in _fields()}
    statements = _statements(connection.vendor)
    # One statement needs no transaction around it.
    with nullcontext() if len(statements) == 1 else transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statements[0], {**parameters, "most": most})
        row = cursor.fetchone()
        if row is None:
            return False
        for statement in statements[1:]:
            cursor.execute(statement, parameters)
    job.turn = row[0]
    job._state.adding, job._state.db = False, DEFAULT_DB_ALIAS
    return True


@cache
def _fields() -> list[tuple[str, Any]]:
    return [(str(field.column), field) for field in Job._meta.concrete_fields if field.column != "turn"]


@cache
def _statements(vendor: str) -> list[str]:
    names = [column for column, _ in _fields()]
    job = _JOB.format(columns=", ".join(names), values=", ".join(f"%({name})s" for name in names), turn=next_turn_sql())
    if vendor != "postgresql":
        return [job, _TRANSITION]
    return [_BOTH.format(job=job, transition=_TRANSITION)]
