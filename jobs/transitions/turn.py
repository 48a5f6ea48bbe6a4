"""Whose turn it is: in the line of a type and priority the users take turns, however many jobs each of them has waiting."""

from typing import Any

from django.db import connection

_LINE = "FROM jobs_job WHERE state = 'created' AND deleted_at IS NULL AND type = %(type)s AND priority = %(priority)s"
_OWN_LAST = f"SELECT turn + 1 {_LINE} AND owner_id = %(owner_id)s ORDER BY turn DESC LIMIT 1"
_HEAD = f"SELECT turn {_LINE} AND (run_at IS NULL OR run_at <= {{now}}) ORDER BY turn LIMIT 1"


def next_turn_sql() -> str:
    """Return an SQL expression of `next_turn`, of the parameters `owner_id`, `type` and `priority`."""
    is_postgres = connection.vendor == "postgresql"
    return f"{'GREATEST' if is_postgres else 'MAX'}({_head_turn_sql()}, COALESCE(({_OWN_LAST}), 0))"


def _head_turn_sql() -> str:
    now = "STATEMENT_TIMESTAMP()" if connection.vendor == "postgresql" else "STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW')"
    return f"COALESCE(({_HEAD.format(now=now)}), 0)"


def next_turn(owner_id: Any, type: str, priority: int) -> int:
    """Return the turn of a job that begins to wait: behind its owner's others, and not before what is at the head of the line.

    So a user with one job waits for one job of each other user, not for all of them.
    """
    return _asked(next_turn_sql(), {"owner_id": owner_id, "type": type, "priority": priority})


def head_turn(type: str, priority: int) -> int:
    """Return the turn of a job that has been at the head of the line before, and comes back to it."""
    return _asked(_head_turn_sql(), {"type": type, "priority": priority})


def _asked(expression: str, parameters: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}", parameters)
        return int(cursor.fetchone()[0])
