"""The example in `examples/react`: built as its readers build it, served from another origin, and used there."""

import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import APP_PORT
from tests.processes import PASSWORD, ROOT, Site
from tests.waiting import wait_until

EXAMPLE = ROOT / "examples/react"
SECONDS = 300


class Built(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def app_url(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the built app, whose origin is allowed."""
    folder = tmp_path_factory.mktemp("built")
    if not (EXAMPLE / "node_modules").exists():
        npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    npm("run", "build", "--", "--outDir", str(folder), "--emptyOutDir", VITE_API_URL=site.url)
    server = ThreadingHTTPServer(("127.0.0.1", APP_PORT), partial(Built, directory=str(folder)))
    Thread(target=partial(server.serve_forever, 0.05), daemon=True).start()
    yield f"http://localhost:{APP_PORT}/"
    server.shutdown()
    server.server_close()


def npm(*arguments: str, **settings: str) -> None:
    """Run npm for the example."""
    command = [str(ROOT / ".ci/node.sh"), "npm", "--prefix", str(EXAMPLE), *arguments]
    subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True, timeout=SECONDS)


def test_the_example_starts_a_job_keeps_it_over_a_reload_and_cancels_it(
    app_url: str, open_browser: Callable[..., BrowserContext], site: Site, tokens: dict[str, str], faults: list[str]
) -> None:
    page = open_browser().new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(app_url)
    page.get_by_label("User").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    light = page.locator(".job-status-bar .job-connection")
    expect(light).to_have_text("Live", timeout=30_000)

    page.get_by_label("Question").fill("How does the with statement work?")
    page.get_by_role("button", name="Start", exact=True).click()
    panel = page.locator(".task-activity-panel")
    text = page.locator(".job-text")
    expect(panel.get_by_role("heading")).to_have_text("How does the with statement work?")
    wait_until(lambda: len(text.text_content() or "") > 20, what="some text", seconds=60)

    long = {"type": "test.answer", "query": "From elsewhere", "input": {"seconds": 0.02, "rounds": 100}}
    job_id = site.call("POST", "/api/jobs", long, token=tokens["ann"])[1]["jobId"]
    page.get_by_role("button", name="From elsewhere").click()
    wait_until(lambda: "context manager" in (text.text_content() or ""), what="some text", seconds=60)
    seen = text.text_content() or ""
    page.reload()
    expect(light).to_have_text("Live", timeout=30_000)
    wait_until(lambda: (text.text_content() or "").startswith(seen), what="what was there before", seconds=30)

    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Really cancel?").click()
    expect(panel).to_have_attribute("data-state", "cancelled", timeout=30_000)
    _, job = site.call("GET", f"/api/jobs/{job_id}", token=tokens["ann"])
    assert (job["state"], job["streamingText"]) == ("cancelled", text.text_content())

    page.get_by_role("button", name="Sign out ann").click()
    expect(page.get_by_label("Password")).to_be_visible()
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
