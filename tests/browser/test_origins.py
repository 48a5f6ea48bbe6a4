"""Apps that live elsewhere: a page from another port signs in with tokens and does all that the API does."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import APP_PORT
from tests.processes import PASSWORD, Site

PAGE = b"<!doctype html><title>An app that lives elsewhere</title>"


class Elsewhere(BaseHTTPRequestHandler):
    """Serves one empty page, at every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


def serve(port: int) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", port), Elsewhere)
    Thread(target=partial(server.serve_forever, 0.05), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def app(open_browser: Callable[..., BrowserContext]) -> Iterator[Page]:
    """Return the page of an origin that is allowed."""
    for port in serve(APP_PORT):
        page = open_browser().new_page()
        page.goto(f"http://localhost:{port}/")
        yield page


@pytest.fixture
def stranger(open_browser: Callable[..., BrowserContext]) -> Iterator[Page]:
    """Return the page of an origin that is not."""
    for port in serve(0):
        page = open_browser().new_page()
        page.goto(f"http://localhost:{port}/")
        yield page


CALLS = """async ([api, password]) => {
  let token = null;
  async function call(method, path, body, headers = {}) {
    const answer = await fetch(api + path, { method, body: body && JSON.stringify(body),
      headers: { ...(body && { "Content-Type": "application/json" }), ...(token && { Authorization: `Bearer ${token}` }), ...headers } });
    return { status: answer.status, location: answer.headers.get("Location"), body: await answer.json().catch(() => null) };
  }
  const statuses = {};
  const signedIn = await call("POST", "/api/auth/token", { username: "ann", password });
  token = signedIn.body.access;
  const created = await call("POST", "/api/jobs", { type: "test.wait", runAt: "2999-01-01T00:00:00Z" });
  const job = created.location;
  statuses.create = created.status;
  statuses.read = (await call("GET", job)).status;
  statuses.list = (await call("GET", "/api/jobs?pageSize=1")).status;
  statuses.edit = (await call("PATCH", job, { priority: 3 })).status;
  statuses.cancel = (await call("POST", job + "/cancel", {})).status;
  statuses.delete = (await call("DELETE", job)).status;
  statuses.events = (await call("GET", job + "/events", null, { "Last-Event-ID": "1-0", Accept: "text/event-stream" })).status;
  statuses.nowhere = (await call("GET", "/api/nowhere")).body.code;
  const socket = new WebSocket(api.replace("http", "ws") + "/ws/");
  statuses.socket = await new Promise((resolve) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token }));
    socket.onmessage = ({ data }) => resolve(JSON.parse(data).type);
    socket.onclose = ({ code }) => resolve(code);
  });
  statuses.logout = (await call("POST", "/api/auth/logout", { refresh: signedIn.body.refresh })).status;
  statuses.closed = await new Promise((resolve) => (socket.onclose = ({ code }) => resolve(code)));
  statuses.after = (await call("GET", "/api/jobs")).status;
  return statuses;
}"""


def test_an_app_on_another_port_does_all_that_the_api_does(app: Page, site: Site, tokens: dict[str, str]) -> None:
    assert app.evaluate(CALLS, [site.url, PASSWORD]) == {
        "create": 201, "read": 200, "list": 200, "edit": 200, "cancel": 200, "delete": 204, "events": 404, "nowhere": "not_found",
        "socket": "welcome", "logout": 204, "closed": 4503, "after": 401,
    }  # fmt: skip


def test_a_page_of_an_origin_that_is_not_allowed_reads_nothing(stranger: Page, site: Site, tokens: dict[str, str]) -> None:
    reads = """async ([api, token]) => fetch(api + "/api/jobs", { headers: { Authorization: `Bearer ${token}` } })
      .then((answer) => answer.status, (error) => error.name)"""
    opens = """([api]) => new Promise((resolve) => {
      new WebSocket(api.replace("http", "ws") + "/ws/").onclose = ({ code }) => resolve(code);
    })"""
    assert stranger.evaluate(reads, [site.url, tokens["ann"]]) == "TypeError"
    assert stranger.evaluate(opens, [site.url]) == 4501
