"""Pages and shells of other origins: what a browser is told that they may."""

from typing import Any

import pytest
from django.test import Client

from tests.tokens import token_of

pytestmark = pytest.mark.usefixtures("redis")

ALLOWED = ("https://app.example", "app://desktop", "http://localhost:5173")
FOREIGN = ("https://evil.example", "https://app.example.evil.example", "http://app.example", "app://other", "null", "")


@pytest.fixture(autouse=True)
def allowed_origins(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ALLOWED


def preflight(origin: str, method: str = "PATCH", path: str = "/api/jobs/j1") -> Any:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    return Client().options(path, headers={"Origin": origin, **asked})


@pytest.mark.parametrize("origin", ALLOWED)
def test_an_allowed_origin_may_do_what_the_api_does(db: None, origin: str) -> None:
    answer = preflight(origin)
    assert answer["Access-Control-Allow-Origin"] == origin
    assert {"DELETE", "GET", "PATCH", "POST"} <= set(answer["Access-Control-Allow-Methods"].split(", "))
    assert {"authorization", "content-type", "last-event-id"} <= set(answer["Access-Control-Allow-Headers"].split(", "))
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("origin", FOREIGN)
def test_another_origin_may_not(db: None, origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(origin)


@pytest.mark.parametrize(("path", "status"), [("/api/jobs", 200), ("/api/jobs/none", 404), ("/api/nowhere", 404), ("/health/live", 200)])
def test_an_allowed_origin_may_read_answers_errors_included(ann: Any, path: str, status: int) -> None:
    answer = Client().get(path, HTTP_AUTHORIZATION=f"Bearer {token_of(ann)}", HTTP_ORIGIN=ALLOWED[0])
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (status, ALLOWED[0])
    assert {"Location", "Retry-After", "X-Request-ID"} == set(answer["Access-Control-Expose-Headers"].split(", "))
    assert "origin" in answer["Vary"]


def test_pages_and_the_admin_are_nobody_elses(db: None) -> None:
    for path in ("/", "/sign-in/", "/admin/"):
        assert "Access-Control-Allow-Origin" not in preflight(ALLOWED[0], "GET", path)
