"""Whatever happens between, the text on the page ends as the row has it."""

import os
import time
from collections.abc import Callable, Iterator

import jwt
import pytest
import redis
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import EMBEDDING_ORIGIN
from tests.browser.person import Person
from tests.processes import Site
from tests.waiting import wait_until

STREAM = {"seconds": 0.02, "rounds": 2}


@pytest.fixture
def streaming(ann: Person) -> Iterator[str]:
    """Open a job that streams, let the test do its worst, and compare text and row at the end."""
    job_id = ann.create("test.answer", query="Whole", input=STREAM)
    ann.open(job_id)
    wait_until(lambda: len(ann.part("text").text_content() or "") > 50, what="some text")
    yield job_id
    ann.expect_state("completed", seconds=60)
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"] != ""


def test_after_a_reload_in_mid_stream(ann: Person, streaming: str) -> None:
    seen = ann.part("text").text_content() or ""
    ann.page.reload()
    wait_until(lambda: (ann.part("text").text_content() or "").startswith(seen), what="what was there before")


def test_after_the_server_was_killed_twice(ann: Person, streaming: str) -> None:
    site = ann.site
    for _ in range(2):
        site.processes[0].kill()
        ann.expect_light("offline")
        site.processes[0] = site.serve()
        ann.expect_light("online", seconds=30)


def test_after_redis_has_forgotten_everything(ann: Person, streaming: str) -> None:
    with redis.Redis.from_url(ann.site.redis_url) as client:
        client.flushall()


def test_after_a_sleep_past_the_reach_of_the_log(ann: Person) -> None:
    job_id = ann.create("test.flood", query="Asleep", input={"before": 20, "lines": 300, "more": 50})
    ann.open(job_id)
    wait_until(lambda: "before 3" in (ann.part("text").text_content() or ""), what="some text")
    ann.page.context.set_offline(True)
    ann.expect_light("offline")
    wait_until(lambda: int(ann.get(job_id)["position"].split("-")[1]) > 300, what="more events than the log holds")
    ann.page.context.set_offline(False)
    ann.expect_state("completed")
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"]


def test_after_the_token_has_expired(open_browser: Callable[..., BrowserContext], site: Site, tokens: dict[str, str]) -> None:
    """The first token ends after two seconds; the client fetches the next one and hands it over in place."""
    page = open_browser().new_page()
    ann = Person(page, site, "ann", tokens["ann"])
    job_id = ann.create("test.answer", query="Longer than a token", input={"seconds": 0.03, "rounds": 2})
    fetched: list[str] = []

    def next_token() -> str:
        fetched.append(ending_in(2, tokens["ann"]) if not fetched else tokens["ann"])
        return fetched[-1]

    html = f"""<!doctype html><title>Somebody else's page</title>
      <script type="module">
        import {{ JobClient }} from "{site.url}/static/realtime/client.js";
        import {{ useClient }} from "{site.url}/static/realtime/elements.js";
        const client = new JobClient({{ apiUrl: "{site.url}", getToken: () => window.nextToken() }});
        useClient(client);
        client.connect();
      </script>
      <job-status-bar job-id="{job_id}"></job-status-bar><task-activity-panel job-id="{job_id}"></task-activity-panel>"""
    page.expose_function("nextToken", next_token)
    page.route(f"{EMBEDDING_ORIGIN}/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{EMBEDDING_ORIGIN}/")
    ann.expect_state("completed", seconds=60)
    assert len(fetched) >= 2
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"] != ""


def ending_in(seconds: float, token: str) -> str:
    """Return the same token, but ending so soon."""
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode({**claims, "exp": int(time.time() + seconds)}, os.environ["JWT_SECRET"], "HS256")


def test_after_a_cancel_and_a_create_without_a_connection(ann: Person) -> None:
    job_id = ann.create("test.answer", query="Cancelled in a tunnel", input={"seconds": 0.02, "rounds": 40})
    ann.open(job_id)
    ann.expect_state("running")
    ann.page.context.set_offline(True)
    ann.expect_light("offline")
    ann.page.get_by_role("button", name="Cancel", exact=True).click()
    ann.page.get_by_role("button", name="Really cancel this job?").click()
    expect(ann.part("note")).to_have_text("Cancel: sent as soon as the connection is back.")
    ann.page.evaluate(
        """async () => {
          const { client } = await import(document.querySelector("script[src*='page']").src);
          client.outbox.create({ type: "test.echo", query: "Created in a tunnel", input: {} });
        }"""
    )
    ann.page.context.set_offline(False)
    ann.expect_state("cancelled")
    job = ann.get(job_id)
    assert (job["attempt"], ann.part("text").text_content()) == (1, job["streamingText"])
    ann.page.goto("/")
    row = ann.page.locator("#job-list > li").filter(has_text="Created in a tunnel")
    expect(row).to_have_count(1)
    expect(row).to_have_attribute("data-state", "completed")
