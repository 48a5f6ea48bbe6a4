"""Which ids log lines carry, and that requests have one."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from structlog.contextvars import clear_contextvars

from omnibrowser.logs import logging_config
from tests.runs import create, ended, worker
from tests.sockets import LiveServer
from tests.tokens import token_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


class Lines:
    """What is logged, as it would be written."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        settings = logging_config("json", level="INFO")["formatters"]["line"]
        self.handler = logging.StreamHandler(self._stream)
        self.handler.setFormatter(settings.pop("()")(**settings))

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self._stream.getvalue().splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [found for found in self.all if found["event"].startswith(event)]


@pytest.fixture
def lines() -> Iterator[Lines]:
    lines = Lines()
    logging.getLogger().addHandler(lines.handler)
    yield lines
    logging.getLogger().removeHandler(lines.handler)
    clear_contextvars()


async def test_a_request_has_a_line_with_its_id_and_its_user(redis: Any, ann: Any, lines: Lines) -> None:
    headers = {"Authorization": f"Bearer {token_of(ann)}", "X-Request-ID": "from-the-proxy.1"}
    response = await AsyncClient().get("/api/jobs?search=secret", headers=headers)
    (found,) = lines.of("answered")
    told = {key: found[key] for key in ("request_id", "user_id", "method", "path", "status")}
    assert told == {"request_id": "from-the-proxy.1", "user_id": ann.pk, "method": "GET", "path": "/api/jobs", "status": 200}
    assert response.headers["X-Request-ID"] == "from-the-proxy.1"
    assert "secret" not in str(lines.all)


@pytest.mark.parametrize("given", ["", "a b", "a" * 129, "id\x1b[2J", "<script>", "ü"])
async def test_an_id_that_makes_no_sense_is_replaced(given: str, lines: Lines) -> None:
    response = await AsyncClient().get("/api/jobs", headers={"X-Request-ID": given.encode().decode("latin-1")})
    (found,) = lines.of("answered")
    assert response.headers["X-Request-ID"] == found["request_id"] != given
    assert len(found["request_id"]) == 32


def test_a_user_with_a_session_is_known_too(ann: Any, lines: Lines) -> None:
    client = Client()
    client.force_login(ann)
    assert client.get("/").status_code == 200
    (found,) = lines.of("answered")
    assert (found["user_id"], found["path"]) == (ann.pk, "/")


def test_probes_are_quiet(lines: Lines) -> None:
    assert Client().get("/health/live").status_code == 200
    assert lines.of("answered") == []


def test_a_socket_has_an_id_and_a_user(live: LiveServer, ann: Any, lines: Lines) -> None:
    client = live.connect()
    client.send("auth", token=token_of(ann), deviceId="desktop-17")
    client.until("welcome")
    (signed_in,) = wait_until(lambda: lines.of("a socket is signed in"))
    assert (signed_in["user_id"], signed_in["device_id"], signed_in["client"]) == (ann.pk, "desktop-17", "127.0.0.1")
    client.socket.send(b"binary")
    client.close_code()
    (has_ended,) = wait_until(lambda: lines.of("a socket has ended"))
    assert (has_ended["socket_id"], has_ended["user_id"], has_ended["code"]) == (signed_in["socket_id"], ann.pk, 4509)


@pytest.mark.parametrize("type", ["test.logging", "test.logging_blocking"])
async def test_what_a_handler_logs_carries_its_job(type: str, redis: Any, ann: Any, lines: Lines) -> None:
    job = await sync_to_async(create)(ann, type)
    with worker():
        await sync_to_async(ended)(job.pk)
    found = {line["event"]: (line.get("job_id"), line.get("attempt")) for line in lines.all}
    assert found["in the handler"] == (job.pk, 1)
    assert found["in a thread of the handler"] == (job.pk, 1)
    assert found[f"job {job.pk} attempt 1: completed"] == (job.pk, 1)
    assert not any("job_id" in line for line in lines.all if "takes jobs" in line["event"])
