"""The descriptions of the API: valid, complete, readable by anybody, and shown without anything from elsewhere."""

import re
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import EndpointEnumerator

from jobs.api.schema import OPERATIONS, key_of
from jobs.models import folded
from jobs.representation import represent, summarize
from tests import runs
from tests.shapes import checked

SECOND_NAMES = {("POST", "/auth/token/refresh")}


def test_openapi_is_valid_and_nothing_in_it_is_guessed() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_every_route_of_the_api_is_described() -> None:
    endpoints: Any = EndpointEnumerator()
    routes = {key_of(method, path) for path, _, method, _ in endpoints.get_api_endpoints() if path.startswith("/api/")}
    assert routes - SECOND_NAMES == set(OPERATIONS)


def test_operations_have_names_examples_and_summaries() -> None:
    document = Client().get("/api/schema").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == len(OPERATIONS)
    assert all(operation["summary"] for operation in operations)
    bodies = [operation["requestBody"]["content"]["application/json"] for operation in operations if "requestBody" in operation]
    assert len(bodies) > 10
    assert all(body["examples"] for body in bodies)


@pytest.mark.parametrize("path", ["/api/schema", "/api/asyncapi.json", "/api/docs"])
def test_anybody_may_read_them(path: str) -> None:
    assert Client().get(path).status_code == 200
    assert Client().post(path).status_code == 405


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    page = Client().get("/api/docs").content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", page)
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) >= 4
    for link in links:
        assert link.startswith("/"), link
        response = Client().get(link)
        assert response.status_code == 200, link
        response.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_a_job_is_what_its_schema_says(ann: Any) -> None:
    job = runs.create(ann, "test.stream", query="why")
    checked("Job", represent(job, folded(job)))
    checked("JobSummary", summarize(job))
