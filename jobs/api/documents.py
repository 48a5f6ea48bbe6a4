"""The descriptions of the API: OpenAPI with a page to read it on, and AsyncAPI for the socket. Anybody may read them."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import include, path, reverse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings

from jobs.api.openapi_settings import OPENAPI
from jobs.schemas import asyncapi as socket


@cache
def _openapi(prefix: str) -> dict[str, Any]:
    """Return the description of our routes alone, whatever else the project has and says about its own."""
    with patched_settings(OPENAPI):
        generator = SchemaGenerator(patterns=[path(prefix, include("jobs.api.urls"))])  # type: ignore[no-untyped-call]  # the library has no types there
        document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # the library has no types there
    return document


@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    """Return the REST interface as OpenAPI 3.1."""
    return JsonResponse(_openapi(reverse("openapi").removeprefix("/").removesuffix("schema")))


@require_safe
def asyncapi(request: HttpRequest) -> JsonResponse:
    """Return the socket as AsyncAPI 3.0."""
    return JsonResponse(socket.document())


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Show the REST interface: Swagger UI, from this server alone. It needs the app `drf_spectacular_sidecar`, and our templates."""
    return render(request, "jobs/api_docs.html")
