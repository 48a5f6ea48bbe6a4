"""Log lines: JSON for machines, readable at a terminal, and without what jobs are about."""

import json
import logging
import sys
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from omnibrowser.logs import TALKATIVE, logging_config

TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoiMSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg"


def line(name: str, message: str, *args: Any, format: str = "json", **values: Any) -> str:
    """Return what would be written for a record."""
    settings = logging_config(format, level="INFO")["formatters"]["line"]
    formatter = settings.pop("()")(**settings)
    record = logging.getLogger(name).makeRecord(name, logging.INFO, "file", 1, message, args, values.pop("exc_info", None), None, values)
    return str(formatter.format(record))


def test_a_line_is_one_json_object_with_what_is_bound() -> None:
    with bound_contextvars(request_id="r1", user_id=7):
        found = json.loads(line("jobs.worker", "job %s\nruns", "j1", job_id="j1", request=object()))
    assert found.pop("timestamp").endswith("Z")
    assert found == {"event": "job j1\nruns", "level": "info", "logger": "jobs.worker", "job_id": "j1", "request_id": "r1", "user_id": 7}


def test_a_terminal_gets_text_in_which_nothing_looks_like_a_line_of_its_own() -> None:
    found = line("jobs.worker", "the name is %s", "ann\r\n\x1b[2J2026 info", format="console", job_id="j1")
    assert found.count("\n") == 0
    assert "\x1b" not in found
    assert "\r" not in found
    assert "job_id=j1" in found


@pytest.mark.parametrize("name", ["uvicorn.error", "daphne.server", "django.channels.server"])
def test_access_lines_have_no_query_string(name: str) -> None:
    assert "secret" not in line(name, '%s - "WebSocket %s" [accepted]', "127.0.0.1", "/ws/?ticket=secret")
    assert "secret" not in line(name, "HTTP %(method)s %(path)s", {"method": "GET", "path": "/ws/?ticket=secret"})


@pytest.mark.parametrize("message", [f"a token: {TOKEN}", f"Authorization: Bearer {TOKEN}", "ticket=abcdefghijklmnopqrstuvwxyz0123456789"])
def test_tokens_are_cut_out_wherever_they_come_from(message: str) -> None:
    found = line("anything", "%s", message)
    assert "[token]" in found
    assert "eyJ" not in found
    assert "klmnop" not in found


def test_of_an_error_the_first_line_is_told_for_the_others_hold_the_row() -> None:
    error = ValueError('new row violates check constraint "job_state"\nDETAIL:  Failing row contains (secret).')
    for text in (line("jobs.flusher", "not written: %s", error), line("jobs.flusher", "not written: %r", error)):
        assert "job_state" in text
        assert "secret" not in text


def test_tracebacks_have_the_first_line_of_each_message() -> None:
    def fail() -> None:
        try:
            raise ValueError("the cause\nsecret 1")
        except ValueError as cause:
            raise RuntimeError("the effect\nsecret 2") from cause

    try:
        fail()
    except RuntimeError:
        found = json.loads(line("jobs.worker", "it broke", exc_info=sys.exc_info()))
    assert "ValueError: the cause\n" in found["exception"]
    assert "RuntimeError: the effect\n" in found["exception"]
    assert "in fail" in found["exception"]
    assert "secret" not in found["exception"].replace('"the cause\\nsecret 1"', "").replace('"the effect\\nsecret 2"', "")


def test_an_unknown_format_is_said() -> None:
    with pytest.raises(ValueError, match="LOG_FORMAT is one of json, console"):
        logging_config("xml", level="INFO")


@pytest.mark.parametrize(("level", "theirs"), [("DEBUG", "INFO"), ("INFO", "INFO"), ("ERROR", "ERROR")])
def test_what_tells_everything_at_debug_never_does(level: str, theirs: str) -> None:
    config = logging_config("json", level=level)
    assert config["root"]["level"] == level
    assert {config["loggers"][name]["level"] for name in TALKATIVE} == {theirs}
