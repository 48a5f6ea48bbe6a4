"""`/api/jobs`, `/api/auth`: as API consumers use them."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jobs import transitions
from jobs.models import Job
from realtime.models import Ticket
from tests.api import Api

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_signing_in_gives_a_token_that_works_and_can_be_refreshed(ann: Any) -> None:
    status, tokens = Api()("POST", "/api/auth/token", {"username": "ann", "password": "a-long-password"})
    assert status == 200
    answer = Client().get("/api/jobs", HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
    assert answer.status_code == 200
    assert Api()("POST", "/api/auth/refresh", {"refresh": tokens["refresh"]})[0] == 200
    assert Api()("POST", "/api/auth/token", {"username": "ann", "password": "wrong"})[0] == 401


def test_without_a_token_there_is_nothing(ann: Any) -> None:
    for method, path in (("GET", "/api/jobs"), ("POST", "/api/jobs"), ("GET", "/api/jobs/x"), ("POST", "/api/auth/ticket")):
        assert Api()(method, path)[0] == 401


def test_a_ticket_is_stored_as_its_hash_alone(ann: Any) -> None:
    status, answer = Api(ann)("POST", "/api/auth/ticket")
    assert status == 200
    assert Ticket.objects.get().digest != answer["ticket"]


def test_a_created_job_is_there_and_the_same_body_again_gives_the_same_job(ann: Any, bob: Any) -> None:
    body = {"type": "test.echo", "query": "why", "input": {"b": 1, "a": 2}, "jobId": "j1", "priority": 5}
    status, job = Api(ann)("POST", "/api/jobs", body)
    assert (status, job["state"], job["position"], job["owner"]) == (201, "created", "1-0", "ann")
    assert Api(ann)("POST", "/api/jobs", {**body, "input": {"a": 2, "b": 1}})[0] == 200
    assert Api(ann)("POST", "/api/jobs", {**body, "query": "another"})[0] == 409
    assert Api(bob)("POST", "/api/jobs", body)[0] == 409
    assert Job.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "nobody.runs.it"), ("type", 5), ("query", None), ("query", "x" * 9000), ("input", []), ("jobId", "-x"), ("jobId", "a/b"),
        ("priority", "high"), ("priority", True), ("maxAttempts", 0), ("timeoutSeconds", -1), ("runAt", "tomorrow"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named(ann: Any, field: str, value: Any) -> None:
    status, problem = Api(ann)("POST", "/api/jobs", {"type": "test.echo", field: value})
    assert status == 400
    assert field in problem["errors"]
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"type": "a", "type": "b"}', '{"type": NaN}', '{"query": "\\u0000"}', '{"query": "\\ud800"}']
)
def test_what_is_no_json_object_is_refused(ann: Any, body: str) -> None:
    assert Api(ann)("POST", "/api/jobs", body)[0] == 400


def test_what_one_may_not_see_is_not_there(ann: Any, bob: Any, staff: Any) -> None:
    Api(ann)("POST", "/api/jobs", {"type": "test.echo", "jobId": "hers"})
    for method, path in (("GET", "hers"), ("PATCH", "hers"), ("POST", "hers/cancel"), ("POST", "hers/retry")):
        assert Api(bob)(method, f"/api/jobs/{path}", {}) == Api(bob)(method, f"/api/jobs/{path.replace('hers', 'none')}", {})
        assert Api(bob)(method, f"/api/jobs/{path}", {})[0] == 404
    assert Api(bob)("GET", "/api/jobs")[1]["results"] == []
    assert Api(staff)("GET", "/api/jobs/hers")[0] == 200


def test_pages_are_newest_first_and_stay_the_same_while_jobs_are_created(
    ann: Any, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for index in range(5):
        transitions.create(ann, transitions.NewJob(type="test.echo", job_id=f"j{index}"))
    api = Api(ann)
    with django_assert_max_num_queries(4):
        _, page = api("GET", "/api/jobs?pageSize=3")
    transitions.create(ann, transitions.NewJob(type="test.echo", job_id="later"))
    _, rest = api("GET", page["next"].partition("testserver")[2])
    assert [job["jobId"] for job in page["results"] + rest["results"]] == ["j4", "j3", "j2", "j1", "j0"]
    assert "streamingText" not in page["results"][0]


def test_priority_and_state_are_changed_by_patch(ann: Any) -> None:
    api = Api(ann)
    api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})
    assert api("PATCH", "/api/jobs/j1", {"priority": 7})[1]["priority"] == 7
    assert api("PATCH", "/api/jobs/j1", {"state": "cancelled"})[1]["state"] == "cancelled"
    assert api("PATCH", "/api/jobs/j1", {"priority": 8})[0] == 409
    assert api("PATCH", "/api/jobs/j1", {"state": "completed"})[0] == 400


def test_a_patch_makes_both_changes_or_none(ann: Any) -> None:
    api = Api(ann)
    api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})
    assert api("PATCH", "/api/jobs/j1", {"priority": 7, "state": "created"})[0] == 409
    assert Job.objects.get().priority == 0


def test_a_job_that_has_ended_can_be_deleted_and_its_id_stays_taken(ann: Any, bob: Any) -> None:
    api = Api(ann)
    api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})
    status, problem = api("DELETE", "/api/jobs/j1")
    assert (status, problem["code"], problem["state"]) == (409, "conflict", "created")
    api("POST", "/api/jobs/j1/cancel", {})
    assert Api(bob)("DELETE", "/api/jobs/j1")[0] == 404
    assert api("DELETE", "/api/jobs/j1") == (204, None)
    assert [api(method, "/api/jobs/j1")[0] for method in ("GET", "DELETE")] == [404, 404]
    assert api("GET", "/api/jobs")[1]["results"] == []
    assert api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})[0] == 409


def test_a_bad_refresh_token_is_said_in_words(ann: Any) -> None:
    status, problem = Api()("POST", "/api/auth/refresh", {"refresh": "nonsense"})
    assert (status, problem["detail"][0]) == (401, "T")
    assert "{" not in problem["detail"]


def test_a_year_has_four_digits(ann: Any) -> None:
    _, job = Api(ann)("POST", "/api/jobs", {"type": "test.echo", "runAt": "0044-03-15T12:00:00.5Z"})
    assert job["runAt"] == "0044-03-15T12:00:00.500Z"


def test_a_command_again_is_fine_and_a_stale_one_is_not(ann: Any) -> None:
    api = Api(ann)
    api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})
    assert api("POST", "/api/jobs/j1/cancel", {"ifAttempt": 2})[0] == 409
    assert [api("POST", "/api/jobs/j1/cancel", {"ifAttempt": 1})[0] for _ in range(2)] == [200, 200]
    assert api("POST", "/api/jobs/j1/retry", {"ifAttempt": 1})[1]["attempt"] == 2
    assert api("POST", "/api/jobs/j1/retry", {"ifAttempt": 1})[0] == 200
    status, problem = api("POST", "/api/jobs/j1/cancel", {"ifAttempt": 1})
    assert (status, problem["code"], problem["state"]) == (409, "conflict", "created")


def test_a_session_needs_the_csrf_token(ann: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann)
    assert client.get("/api/jobs").status_code == 200
    assert client.post("/api/jobs", {"type": "test.echo"}, content_type="application/json").status_code == 403


def test_how_a_job_came_to_be_as_it_is_can_be_read(ann: Any, bob: Any) -> None:
    api = Api(ann)
    api("POST", "/api/jobs", {"type": "test.echo", "jobId": "j1"})
    api("POST", "/api/jobs/j1/cancel", {})
    api("POST", "/api/jobs/j1/retry", {})
    status, answer = api("GET", "/api/jobs/j1/transitions")
    assert status == 200
    changes = [(each["source"], each["target"], each["attempt"], each["reason"], each["actor"]) for each in answer["transitions"]]
    assert changes == [
        (None, "created", 1, None, "ann"),
        ("created", "cancelled", 1, "user", "ann"),
        ("cancelled", "created", 2, "retry", "ann"),
    ]
    assert Api(bob)("GET", "/api/jobs/j1/transitions")[0] == 404
