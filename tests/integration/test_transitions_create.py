"""A job comes to be: once, whole, and published after the commit."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs import transitions
from jobs.errors import JobExists
from jobs.models import Job, JobTransition
from jobs.transitions import NewJob
from tests import runs
from tests.rows import check, events, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_a_created_job_is_at_1_0_and_in_the_log(ann: Any) -> None:
    job = runs.create(ann, "test.stream", job_id="j1", query="why")

    assert str(check("j1").position) == "1-0"
    assert [event["data"]["state"] for event in events("j1")] == ["created"]
    assert [step["state"] for step in job.steps] == ["pending", "pending"]
    assert JobTransition.objects.get().actor == ann


def test_a_creation_asks_the_database_once(ann: Any) -> None:
    with CaptureQueriesContext(connection) as asked:
        job = runs.create(ann, job_id="j1")

    both_rows = 1 if connection.vendor == "postgresql" else 2
    assert len([query for query in asked if "jobs_job" in query["sql"]]) == both_rows
    again = Job.objects.get(pk="j1")
    fields = [field.attname for field in Job._meta.concrete_fields]
    assert [getattr(job, name) for name in fields] == [getattr(again, name) for name in fields]


def test_the_same_body_again_is_the_same_job(ann: Any) -> None:
    first = transitions.create(ann, NewJob(type="t", job_id="j1", input={"a": 1, "b": 2.0}))
    again = transitions.create(ann, NewJob(type="t", job_id="j1", input={"b": 2.0, "a": 1}))

    assert (first[1], again[1]) == (True, False)
    assert Job.objects.count() == JobTransition.objects.count() == 1


@pytest.mark.parametrize(
    "changed", [{"query": "other"}, {"input": {"a": True}}, {"priority": 1}, {"max_attempts": 4}, {"timeout_seconds": 5}]
)
def test_another_body_under_the_same_id_is_refused(ann: Any, changed: dict[str, Any]) -> None:
    body: dict[str, Any] = {"type": "t", "job_id": "j1", "input": {"a": 1}}
    transitions.create(ann, NewJob(**body))

    with pytest.raises(JobExists, match="taken by another job"):
        transitions.create(ann, NewJob(**{**body, **changed}))


@pytest.mark.parametrize(
    ("first", "again", "is_same"),
    [
        # (what the body says, the handler's default of the day); None: the body leaves it out
        ((None, 3), (None, 3), True),
        ((None, 3), (None, 5), True),
        ((None, 3), (3, 3), True),
        ((None, 3), (3, 5), True),
        ((3, 3), (None, 3), True),
        ((None, 3), (5, 5), False),
        ((7, 3), (None, 3), False),
        ((7, 3), (3, 3), False),
    ],
)
def test_what_a_body_leaves_out_is_what_was_filled_in(ann: Any, first: Any, again: Any, is_same: bool) -> None:
    def body(said: int | None, default: int) -> NewJob:
        values = {"max_attempts": said or default, "timeout_seconds": float(said or default)}
        return NewJob(type="t", job_id="j1", **values, left_out=frozenset(() if said else values))  # type: ignore[arg-type]

    transitions.create(ann, body(*first))

    if is_same:
        assert transitions.create(ann, body(*again))[1] is False
    else:
        with pytest.raises(JobExists):
            transitions.create(ann, body(*again))


def test_another_owners_id_is_refused(ann: Any, bob: Any) -> None:
    transitions.create(ann, NewJob(type="t", job_id="j1"))

    with pytest.raises(JobExists):
        transitions.create(bob, NewJob(type="t", job_id="j1"))


def test_fifty_creates_at_once_make_one_row(ann: Any) -> None:
    results = together(*[lambda: transitions.create(ann, NewJob(type="t", job_id="j1"))] * 50)

    assert sorted(created for _, created in results) == [False] * 49 + [True]
    assert {job.pk for job, _ in results} == {"j1"}
    assert JobTransition.objects.count() == 1


def test_nothing_is_published_before_the_commit_or_after_a_rollback(ann: Any) -> None:
    with transaction.atomic():
        runs.create(ann, job_id="j1")
        assert events("j1") == []
        transaction.set_rollback(True)
    assert events("j1") == []
