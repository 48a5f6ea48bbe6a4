"""What browsers are told on every route, error pages included; and a production that is safe or does not start."""

import os
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client

from omnibrowser.security_headers import HEADERS
from tests.processes import ROOT
from tests.security.routes import routes
from tests.tokens import token_of

pytestmark = pytest.mark.usefixtures("redis")

SECRET, OTHER_SECRET = "0123456789abcdef" * 4, "fedcba9876543210" * 4


def answers(user: Any) -> dict[str, Any]:
    """Return what every route answers to somebody, to nobody and to a verb that it has not; and what there is no route for."""
    signed_in = Client(headers={"Authorization": f"Bearer {token_of(user)}"}, raise_request_exception=False)
    signed_in.force_login(user)
    found = {}
    for route in [*routes(), "nowhere", "api/nowhere", "static/nowhere.js", "static/jobs/page.css", "admin/", "admin/login/"]:
        path = "/" + route.replace("{}", "none")
        for name, client in (("somebody", signed_in), ("nobody", Client(raise_request_exception=False))):
            found[f"GET {path} by {name}"] = client.get(path)
        found[f"PUT {path}"] = signed_in.put(path)
        found[f"GET {path} at a foreign host"] = signed_in.get(path, headers={"Host": "evil.example"})
    return found


@pytest.mark.django_db(transaction=True)
def test_every_answer_says_what_a_browser_may_do_with_it(ann: Any) -> None:
    found = answers(ann)
    assert {answer.status_code for answer in found.values()} >= {200, 302, 400, 401, 403, 404, 405, 415} - {403, 415}
    for name, answer in found.items():
        missing = {header: value for header, value in HEADERS.items() if answer.headers.get(header) != value}
        assert missing == {}, (name, answer.status_code)
        assert answer.headers["X-Request-ID"], name


def test_nothing_inline_is_allowed_and_nothing_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the settings of a production."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "STATE_DIR") if name in os.environ}
    production = {"SECRET_KEY": SECRET, "JWT_SECRET": OTHER_SECRET, "ALLOWED_HOSTS": "jobs.example.com"}
    values = {name: value for name, value in (kept | production | environment).items() if value != "unset"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=values, capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip


def test_django_finds_nothing_unsafe_in_a_production() -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, "no issues" in done.stdout) == (0, True), done.stderr


UNSAFE = [
    {"SECRET_KEY": "unset"}, {"SECRET_KEY": ""}, {"SECRET_KEY": "short"}, {"SECRET_KEY": "django-insecure-" + SECRET},
    {"SECRET_KEY": "development-only-secret_key-never-use-it-where-others-can-reach-it"}, {"JWT_SECRET": "unset"}, {"JWT_SECRET": "x" * 31},
    {"JWT_SECRET": SECRET}, {"ALLOWED_HOSTS": "*"}, {"ALLOWED_HOSTS": "jobs.example.com,*"}, {"JWT_SECRET_PREVIOUS": "short"},
    {"JWT_SECRET_PREVIOUS": OTHER_SECRET}, {"JWT_ISSUER": "omnibrowser-jobs"}, {"JWT_JWKS_URL": "https://id.example/keys"},
    {"JWT_ISSUER": "x", "JWT_JWKS_URL": "http://id.example/keys"}, {"API_RATE": "many"}, {"TOKEN_RATE": "0/min"},
]  # fmt: skip


def test_an_unsafe_production_does_not_start() -> None:
    code = f"""
import os, runpy
from django.core.exceptions import ImproperlyConfigured
safe = dict(os.environ)
for index, changes in enumerate([{{}}, *{UNSAFE!r}]):
    os.environ.clear()
    os.environ.update({{name: value for name, value in (safe | changes).items() if value != "unset"}})
    try:
        runpy.run_path("omnibrowser/settings.py")
        print(index, "starts")
    except ImproperlyConfigured as error:
        print(index, "refuses:", error)
"""
    lines = run("-c", code).stdout.splitlines()
    assert lines[0] == "0 starts"
    assert [line for line in lines[1:] if "refuses" not in line] == []
    assert len(lines) == len(UNSAFE) + 1
    for line, changes in zip(lines[1:], UNSAFE, strict=True):
        assert any(name in line for name in changes), line
        assert not any(value in line for value in changes.values() if len(value) > 20 and "://" not in value), line
