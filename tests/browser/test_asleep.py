"""A browser that sleeps while its token ends, its connection dies and the log moves on out of reach. FAULTS F22."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
from playwright.sync_api import BrowserContext

from tests.browser.conftest import EMBEDDING_ORIGIN
from tests.browser.person import Person
from tests.browser.test_whole import ending_in
from tests.processes import Site
from tests.proxy import Proxy
from tests.waiting import wait_until

TOKEN_SECONDS = 3
LEEWAY_SECONDS = 2.5
"""So long after its end a token may still be taken, and a little."""


@contextmanager
def frozen_browser() -> Iterator[None]:
    """Freeze Chromium and all that belongs to it, as a closed laptop does."""
    frozen = [process for process in psutil.Process(os.getpid()).children(recursive=True) if "chrom" in process.name()]
    assert frozen
    for process in frozen:
        process.suspend()
    try:
        yield
    finally:
        for process in frozen:
            process.resume()


class Sleeper:
    """A page on another origin that reaches the server through a link, with tokens that end soon."""

    def __init__(self, context: BrowserContext, site: Site, token: str, link: Proxy, *, renews: bool) -> None:
        page = context.new_page()
        self.person = Person(page, site, "ann", token)
        self.job_id = self.person.create("test.flood", query="Asleep", input={"before": 20, "lines": 300, "more": 10})
        self.fetched: list[str] = []
        self.sockets = 0
        api = f"http://127.0.0.1:{link.port}"
        html = f"""<!doctype html><title>Somebody else's page</title>
          <script type="module">
            import {{ JobClient }} from "{site.url}/static/realtime/client.js";
            import {{ useClient }} from "{site.url}/static/realtime/elements.js";
            const client = new JobClient({{ apiUrl: "{api}", getToken: () => window.nextToken() }});
            useClient(client);
            client.connect();
          </script>
          <job-status-bar job-id="{self.job_id}"></job-status-bar><task-activity-panel job-id="{self.job_id}"></task-activity-panel>"""

        def next_token() -> str:
            self.fetched.append(ending_in(TOKEN_SECONDS, token) if renews or not self.fetched else self.fetched[0])
            return self.fetched[-1]

        def count(socket: object) -> None:
            self.sockets += 1

        page.on("websocket", count)
        page.expose_function("nextToken", next_token)
        page.route(f"{EMBEDDING_ORIGIN}/", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(f"{EMBEDDING_ORIGIN}/")

    @property
    def text(self) -> str:
        return self.person.part("text").text_content() or ""

    def sleep(self, link: Proxy) -> None:
        """Sleep until the token is over and the log has forgotten where the page was; its connection dies meanwhile."""
        wait_until(lambda: "before 3" in self.text, what="some text")
        with frozen_browser():
            link.cut()
            over_at = time.monotonic() + TOKEN_SECONDS + LEEWAY_SECONDS
            wait_until(lambda: int(self.person.get(self.job_id)["position"].split("-")[1]) > 300, what="more events than the log holds")
            wait_until(lambda: time.monotonic() > over_at, what="a token that is over")
            link.heal()
            self.fetched_asleep, self.sockets_asleep = len(self.fetched), self.sockets


def test_a_page_that_wakes_up_has_it_all_with_a_new_token(
    open_browser: Callable[..., BrowserContext], site: Site, tokens: dict[str, str]
) -> None:
    with Proxy("127.0.0.1", site.port) as link:
        sleeper = Sleeper(open_browser(), site, tokens["ann"], link, renews=True)
        sleeper.sleep(link)
        sleeper.person.expect_state("completed", seconds=60)
        assert sleeper.text == sleeper.person.get(sleeper.job_id)["streamingText"] != ""
        assert len(sleeper.fetched) > sleeper.fetched_asleep
        assert sleeper.sockets - sleeper.sockets_asleep <= 3, "it connected again and again"


def test_a_page_that_wakes_up_with_its_old_token_stays_behind(
    open_browser: Callable[..., BrowserContext], site: Site, tokens: dict[str, str]
) -> None:
    with Proxy("127.0.0.1", site.port) as link:
        sleeper = Sleeper(open_browser(), site, tokens["ann"], link, renews=False)
        sleeper.sleep(link)
        wait_until(lambda: sleeper.text != "" and len(sleeper.fetched) > sleeper.fetched_asleep + 2, what="sign-ins that are refused")
        wait_until(lambda: sleeper.person.get(sleeper.job_id)["state"] == "completed", what="the end of the job")
        assert sleeper.text != sleeper.person.get(sleeper.job_id)["streamingText"]
