"""Who may do what: every route × verb × role, from the URLconf. A route without an entry fails."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from jobs import service_tokens, transitions
from jobs.models import Job
from jobs.remote import tokens as worker_tokens
from jobs.transitions import NewJob
from realtime.shares import issue_share
from tests.desk import member
from tests.security.routes import routes
from tests.tokens import token_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

ROLES = ("nobody", "stranger", "owner", "staff", "watcher", "viewer", "worker", "service")
"""Nobody has no token; a stranger has no right to the job; a watcher is staff who may see jobs and change none; a viewer has a
share token for it; a worker has a worker token, and a service acts for the owner."""

OPEN = dict.fromkeys(ROLES, "open")
SIGNED_IN = {
    "nobody": 401,
    "stranger": "may",
    "owner": "may",
    "staff": "may",
    "watcher": "may",
    "viewer": 403,
    "worker": 401,
    "service": 401,
}
OWN = {**SIGNED_IN, "stranger": 404, "watcher": 403, "service": "may"}
SHARED = {**OWN, "watcher": "may", "viewer": "may"}
LISTS = {**SIGNED_IN, "service": "may"}
EVENTS = {**SHARED, "service": 401}
WORKERS = {"nobody": 401, "stranger": 403, "owner": 403, "staff": 403, "watcher": 403, "viewer": 401, "worker": "may", "service": 401}
PAGE = dict.fromkeys(ROLES, "page")

TABLE: dict[str, dict[str, dict[str, Any]]] = {
    "api/auth/token": {"POST": OPEN},
    "api/auth/refresh": {"POST": OPEN},
    "api/auth/token/refresh": {"POST": OPEN},
    "api/auth/logout": {"POST": OPEN},
    "api/auth/ticket": {"POST": SIGNED_IN},
    "api/jobs": {"GET": LISTS, "POST": LISTS},
    "api/jobs/{}": {"GET": SHARED, "PATCH": OWN, "DELETE": OWN},
    "api/jobs/{}/events": {"GET": EVENTS},
    "api/jobs/{}/transitions": {"GET": SHARED},
    "api/jobs/{}/cancel": {"POST": OWN},
    "api/jobs/{}/pause": {"POST": OWN},
    "api/jobs/{}/resume": {"POST": OWN},
    "api/jobs/{}/retry": {"POST": OWN},
    "api/jobs/{}/share": {"POST": OWN, "DELETE": OWN},
    "api/worker/claim": {"POST": WORKERS},
    "api/worker/heartbeat": {"POST": WORKERS},
    **{f"api/worker/jobs/{{}}/{call}": {"POST": WORKERS} for call in ("events", "checkpoint", "complete", "fail", "release")},
    "api/schema": {"GET": OPEN},
    "api/docs": {"GET": OPEN},
    "api/asyncapi.json": {"GET": OPEN},
    "health": {"GET": OPEN},
    "health/live": {"GET": OPEN},
    # Pages know sessions and no tokens: to a token they are as to nobody.
    "": {"GET": PAGE},
    "jobs/{}/": {"GET": PAGE},
    "shared/{}/": {"GET": OPEN},
    "sign-in/": {"GET": OPEN, "POST": OPEN},
    "sign-out/": {"POST": PAGE},
}
ELSEWHERE = {"metrics"}
"""Has its own token, and its own tests."""
VERBS = ("GET", "POST", "PATCH", "DELETE")


@pytest.fixture
def headers(ann: Any, bob: Any, staff: Any) -> dict[str, dict[str, str]]:
    """Return how each role signs its requests; the job `hers` is Ann's."""
    transitions.create(ann, NewJob(type="test.echo", job_id="hers"))
    _, worker = worker_tokens.issue("remote", ["test.echo"])
    tokens = {"stranger": token_of(bob), "owner": token_of(ann), "staff": token_of(staff), "worker": worker}
    tokens["watcher"] = token_of(member("watcher", "view_job"))
    tokens["service"] = service_tokens.issue("host")
    tokens["viewer"], _ = issue_share(ann, "hers", seconds=60)
    return (
        {"nobody": {}}
        | {role: {"Authorization": f"Bearer {token}"} for role, token in tokens.items()}
        | {"service": {"Authorization": f"Bearer {tokens['service']}", "On-Behalf-Of": "ann"}}
    )


def test_every_route_has_an_entry() -> None:
    assert set(routes()) == set(TABLE) | ELSEWHERE


@pytest.mark.parametrize("role", ROLES)
def test_the_table(headers: dict[str, dict[str, str]], role: str) -> None:
    wrong = {}
    for route, verbs in TABLE.items():
        # What one cannot do there depends on nobody: it is enough to try it as one who may do all else.
        for verb in VERBS if role == "owner" else verbs:
            if verb == "DELETE" and role in ("owner", "staff", "service") and route == "api/jobs/{}/share":
                continue  # it would take the viewer's token back
            client = Client(headers=headers[role], enforce_csrf_checks=True, raise_request_exception=False)
            answer = client.generic(verb, "/" + route.replace("{}", "hers"), b"{}", content_type="application/json")
            expected = verbs.get(verb, dict.fromkeys(ROLES, "no such verb"))[role]
            if not fits(expected, answer.status_code):
                wrong[f"{verb} /{route} by {role}"] = (expected, answer.status_code)
    assert wrong == {}


def fits(expected: Any, status: int) -> bool:
    """Tell whether a status is what the table says."""
    match expected:
        case "no such verb":
            return status in (401, 403, 404, 405)
        case "open":
            return status < 500 and status not in (404, 405)
        case "may":
            return status not in (401, 403, 404, 405) and status < 500
        case "page":
            return status in (302, 403)
    return bool(status == expected)


def test_of_anothers_job_is_said_what_is_said_of_none(headers: dict[str, dict[str, str]]) -> None:
    for route, verbs in TABLE.items():
        if not route.startswith("api/jobs/{}"):
            continue
        for verb in verbs:
            client = Client(headers=headers["stranger"])
            of_hers, of_none = (
                client.generic(verb, f"/{route.replace('{}', job_id)}", b"{}", content_type="application/json")
                for job_id in ("hers", "none")
            )
            assert (of_hers.status_code, of_hers.json()) == (of_none.status_code, of_none.json()), (verb, route)


def test_what_a_stranger_did_changed_nothing(headers: dict[str, dict[str, str]]) -> None:
    before = Job.objects.values().get()
    for role in ("nobody", "stranger", "watcher", "viewer", "worker"):
        for route, verbs in TABLE.items():
            for verb in verbs:
                if "{}" in route and route.startswith("api/jobs"):
                    Client(headers=headers[role]).generic(verb, f"/{route.replace('{}', 'hers')}", b"{}", content_type="application/json")
    assert Job.objects.values().get() == before


def test_nobody_gets_an_account_or_a_right_by_asking(ann: Any) -> None:
    """Fields that a row has and a body has not are ignored: state, owner, attempt, result and all others."""
    client = Client(headers={"Authorization": f"Bearer {token_of(ann)}"})
    everything: dict[str, Any] = {field.attname: 7 for field in Job._meta.get_fields() if hasattr(field, "attname")}
    everything |= {
        "state": "completed",
        "owner": "staff",
        "owner_id": 2,
        "attempt": 9,
        "result": {"x": 1},
        "progress": 100,
        "streamingText": "x",
    }
    for name in ("id", "type", "query", "input", "priority"):
        everything.pop(name, None)
    body: Any = {**everything, "type": "test.echo", "jobId": "mine"}
    answer = client.post("/api/jobs", body, content_type="application/json")
    assert answer.status_code == 201
    job = answer.json()
    assert (job["state"], job["owner"], job["attempt"], job["result"], job["progress"], job["streamingText"]) == (
        "created", "ann", 1, None, 0, "",
    )  # fmt: skip
    body = {"owner": "staff", "attempt": 9, "result": 1, "query": "x"}
    patched = client.patch("/api/jobs/mine", body, content_type="application/json")
    assert (patched.status_code, patched.json()["attempt"], patched.json()["query"]) == (200, 1, "")
    assert get_user_model().objects.count() == 1
