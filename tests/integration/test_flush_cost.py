"""What a heartbeat writes: on PostgreSQL no index, since no indexed column changes."""

from typing import Any

import pytest
from django.db import connection

from jobs import transitions
from jobs.models import Job
from tests import runs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

WRITTEN = frozenset({"lease_expires_at", "seq", "progress", "step", "steps", "message", "text_length", "updated_at"})


def test_no_index_has_what_a_heartbeat_changes(ann: Any) -> None:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, Job._meta.db_table)
    indexed = {column for each in constraints.values() if each["index"] or each["unique"] for column in each["columns"] or ()}
    assert indexed & WRITTEN == set()


def test_a_heartbeat_changes_no_other_column(ann: Any) -> None:
    job, recorder = runs.running(ann, "test.stream")
    before = dict(Job.objects.filter(pk=job.pk).values().get())
    recorder.write("text")
    recorder.progress(50, "Generating", "half way")
    transitions.flush([recorder.flush()])
    after = dict(Job.objects.filter(pk=job.pk).values().get())
    assert {name for name, value in after.items() if value != before[name]} <= WRITTEN
