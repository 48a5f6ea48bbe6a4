"""docs/integrate.md, done: an existing project with its own users and settings, into which the page's blocks are put."""

import asyncio
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from omnibrowser.valkey import Valkey, free_port
from tests.pages import PAGES, ROOT, Block, blocks
from tests.viewers import Viewer
from tests.waiting import wait_until

PAGE = ROOT / "docs" / "integrate.md"
SCRIPT = re.compile(r'<script type="module">\n(.*?)</script>', re.DOTALL)
EMAIL, PASSWORD = "ann@example.com", "a-long-password-for-tests"
WHOLE = f"May: an invoice for {EMAIL}\n"

OWN_USERS = """
import uuid
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

class Users(BaseUserManager):
    def create_superuser(self, email, password):
        user = self.model(email=email, is_staff=True, is_superuser=True)
        user.set_password(password)
        user.save()
        return user

class Customer(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    objects = Users()
    USERNAME_FIELD = "email"
"""
OWN_SETTINGS = """
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS += ["accounts", "orders"]
AUTH_USER_MODEL = "accounts.Customer"
DATABASES["default"]["ATOMIC_REQUESTS"] = True
LOGIN_URL = "/admin/login/"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.AcceptHeaderVersioning",
}
"""
OWN_URLS = """
from shop import views
urlpatterns += [path("my/jobs-token", views.jobs_token), path("my/monthly", views.monthly)]
"""


class Shop:
    """The project, and its processes."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder / "project"
        self.packages = folder / "packages"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environment = {**kept, "PYTHONPATH": str(self.packages), "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
        self.folder.mkdir()
        self._install()
        self._begin()
        for block in blocks(PAGE):
            self._put(block)
        self._write("shop/urls.py", OWN_URLS)

    def _install(self) -> None:
        self.run("-m", "hatchling", "build", "-t", "wheel", "-d", str(self.packages), folder=ROOT)
        (wheel,) = self.packages.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(self.packages)

    def _begin(self) -> None:
        self.run("-m", "django", "startproject", "shop", ".")
        for app in ("accounts", "orders"):
            self._write(f"{app}/__init__.py", "")
        self._write("accounts/models.py", OWN_USERS)
        self._write("shop/settings.py", OWN_SETTINGS)
        self._write("shop/views.py", "")

    def _put(self, block: Block) -> None:
        if path := block.word("file"):
            (self.folder / path).write_text(block.code)
        elif path := block.word("add"):
            self._write(path, block.code)

    def _write(self, path: str, code: str) -> None:
        (self.folder / path).parent.mkdir(exist_ok=True)
        with (self.folder / path).open("a") as file:
            file.write(code)

    def run(self, *arguments: str, folder: Path | None = None, **environment: str) -> str:
        """Run Python to its end and return what it printed; fails when it fails."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder or self.folder, env=self.environment | environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, stack: ExitStack, name: str, *arguments: str) -> Path:
        """Start Python until the end of `stack` and return where its output is."""
        output = self.folder / f"{name}.log"
        with output.open("wb") as log:
            process = subprocess.Popen([sys.executable, *arguments], cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.kill)
        return output

    def answers(self, port: int) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/jobs").status_code == 401
        except httpx.TransportError:
            return False

    def token(self) -> str:
        return str(httpx.post(f"{self.url}/api/auth/token", json={"username": EMAIL, "password": PASSWORD}).json()["access"])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with ExitStack() as stack:
        valkey = Valkey(folder / "valkey")
        stack.callback(valkey.stop)
        shop = Shop(folder, valkey.url)
        shop.run("manage.py", "makemigrations", "--verbosity", "0", "accounts")
        shop.run("manage.py", "migrate", "--verbosity", "0")
        shop.run("manage.py", "createsuperuser", "--no-input", "--email", EMAIL, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
        served = shop.start(stack, "server", "-m", "uvicorn", "shop.asgi:application", "--port", str(shop.port), "--ws-max-size", "65536")
        worked = shop.start(stack, "worker", "manage.py", "worker")
        wait_until(lambda: shop.answers(shop.port), seconds=30, what="a server")
        yield shop
        assert "Traceback" not in served.read_text() + worked.read_text()


def test_django_has_nothing_to_say(shop: Shop) -> None:
    assert "no issues" in shop.run("manage.py", "check", "--fail-level", "WARNING")
    assert "No changes" in shop.run("manage.py", "makemigrations", "--check", "--dry-run")


def test_a_job_of_an_own_app_is_watched_to_its_end(shop: Shop) -> None:
    token = shop.token()
    headers = {"Authorization": f"Bearer {token}"}
    created = httpx.post(f"{shop.url}/api/jobs", json={"type": "invoices", "query": "May"}, headers=headers)
    assert created.status_code == 201, created.text

    viewer = Viewer([f"ws://127.0.0.1:{shop.port}/ws/"], token, created.json()["jobId"])
    asyncio.run(asyncio.wait_for(viewer.watch(), 20))

    row = httpx.get(f"{shop.url}/api/jobs/{viewer.job_id}", headers=headers).json()
    assert (row["state"], row["owner"], row["result"]) == ("completed", EMAIL, {"invoices": 1})
    assert (viewer.deviations, viewer.job.text, row["streamingText"]) == ([], WHOLE, WHOLE)
    stream = httpx.get(f"{shop.url}/api/jobs/{viewer.job_id}/events", headers={**headers, "Accept": "text/event-stream"})
    assert stream.text.startswith("event: snapshot\n")


def test_the_api_is_itself_whatever_rest_framework_says(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.token()}"}
    refused = httpx.get(f"{shop.url}/api/jobs", auth=(EMAIL, PASSWORD))
    bad = httpx.post(f"{shop.url}/api/jobs", json={"type": "none"}, headers=headers)

    remote = httpx.post(f"{shop.url}/api/worker/claim", json={"types": ["invoices"]})

    assert [refused.status_code, bad.status_code, remote.status_code] == [401, 400, 401]
    assert {answer.headers["Content-Type"] for answer in (refused, bad, remote)} == {"application/problem+json"}
    assert set(httpx.get(f"{shop.url}/api/jobs", headers=headers).json()) == {"next", "previous", "results"}
    told = httpx.get(f"{shop.url}/api/schema").json()
    assert (told["openapi"], len(told["paths"]) > 10, {path[:5] for path in told["paths"]}) == ("3.1.1", True, {"/api/"})


@pytest.fixture
def person(shop: Shop) -> Iterator[httpx.Client]:
    """Return what is signed in by a session, as a person's browser is."""
    with httpx.Client(base_url=shop.url) as person:
        form = person.get("/admin/login/").text
        (csrf,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        signed = person.post("/admin/login/", data={"username": EMAIL, "password": PASSWORD, "csrfmiddlewaretoken": csrf, "next": "/"})
        assert signed.status_code == 302, signed.text
        person.headers["X-CSRFToken"] = person.cookies["csrftoken"]
        yield person


def test_a_session_a_ticket_and_a_token_of_an_own_view(shop: Shop, person: httpx.Client) -> None:
    token = person.get("/my/jobs-token").text
    job_id = person.get("/my/monthly").json()["jobId"]
    ticket = person.post("/api/auth/ticket")

    assert ticket.status_code == 200, ticket.text
    for good in (token, ticket.json()["ticket"]):
        viewer = Viewer([f"ws://127.0.0.1:{shop.port}/ws/"], good, job_id)
        asyncio.run(asyncio.wait_for(viewer.watch(), 20))
        assert viewer.job.text == WHOLE


def test_the_admin(shop: Shop, person: httpx.Client) -> None:
    job_id = person.get("/my/monthly").json()["jobId"]

    assert job_id in person.get("/admin/jobs/job/?q=ann").text
    assert "May" in person.get(f"/admin/jobs/job/{job_id}/change/", follow_redirects=True).text


def test_watch_at_the_terminal_and_the_python_client(shop: Shop, person: httpx.Client) -> None:
    job_id = person.get("/my/monthly").json()["jobId"]
    assert "completed, 100 %" in shop.run("manage.py", "watch", job_id, "--url", shop.url)

    (block,) = (block for block in blocks(PAGE) if block.language == "python" and "AsyncJobsClient" in block.code)
    names: dict[str, Any] = {}
    exec(compile(block.code, str(PAGE), "exec"), names)
    assert asyncio.run(asyncio.wait_for(names["report"](shop.url, shop.token()), 20)) == WHOLE


def test_the_client_for_javascript(shop: Shop) -> None:
    (block,) = (block for block in blocks(PAGE) if "node" in block.words)
    modules = shop.folder / "node_modules"
    modules.mkdir()
    (modules / "omnibrowser-jobs").symlink_to(shop.packages / "realtime" / "static" / "realtime")
    given = f"const API_URL = {json.dumps(shop.url)}; const fetchToken = () => {json.dumps(shop.token())};\n"
    end = '\nclient.subscribe(jobId, (job) => job?.state === "completed" && client.close());\n'
    (shop.folder / "page.mjs").write_text(given + block.code + end)

    done = subprocess.run(
        [ROOT / ".ci" / "node.sh", "node", "--experimental-websocket", "page.mjs"],
        cwd=shop.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f"online completed 100 {WHOLE}" in done.stdout


def test_blocks_of_javascript_are_such(tmp_path: Path) -> None:
    module = tmp_path / "block.mjs"
    pages = [block.code for page in PAGES for block in blocks(page) if block.language == "js"]
    scripts = [code for page in PAGES for block in blocks(page) if block.language == "html" for code in SCRIPT.findall(block.code)]
    for code in [*pages, *scripts]:
        module.write_text(code)
        done = subprocess.run([ROOT / ".ci" / "node.sh", "node", "--check", module], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert (len(pages), len(scripts)) >= (2, 1)


def test_runserver_serves_the_same(shop: Shop) -> None:
    port = free_port()
    with ExitStack() as stack:
        shop.start(stack, "runserver", "manage.py", "runserver", "--noreload", str(port))
        wait_until(lambda: shop.answers(port), seconds=30, what="runserver")
        viewer = Viewer([f"ws://127.0.0.1:{port}/ws/"], shop.token(), "j-of-runserver")
        headers = {"Authorization": f"Bearer {shop.token()}"}
        body = {"type": "invoices", "query": "May", "jobId": viewer.job_id}
        assert httpx.post(f"http://127.0.0.1:{port}/api/jobs", json=body, headers=headers).status_code == 201
        asyncio.run(asyncio.wait_for(viewer.watch(), 20))
    assert viewer.job.text == WHOLE
