"""The settings of drf-spectacular, for the command and for what is served; no Django."""

from typing import Any

OPENAPI: dict[str, Any] = {
    "TITLE": "Omnibrowser Jobs",
    "DESCRIPTION": "Durable jobs that people watch live: create, read, change and command them, and run them as a remote worker.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.1",
    "LICENSE": {"name": "MIT"},
    "SCHEMA_PATH_PREFIX": "",
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": False,
    "POSTPROCESSING_HOOKS": ["jobs.api.schema.with_shapes"],
}
