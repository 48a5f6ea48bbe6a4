"""The way in, the way out, and the ways that lead nowhere."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import EMBEDDING_ORIGIN
from tests.browser.person import Person
from tests.processes import PASSWORD, Site


def test_one_who_is_not_signed_in_comes_to_where_she_wanted_after_it(blank: Page, tokens: dict[str, str]) -> None:
    blank.goto("/jobs/nothing/")
    blank.get_by_label("User name").fill("ann")
    blank.get_by_label("Password").fill("not this one")
    blank.get_by_role("button", name="Sign in").click()
    expect(blank.get_by_role("alert")).to_contain_text("do not fit together")
    expect(blank.get_by_label("User name")).to_have_value("ann")
    expect(blank.get_by_label("Password")).to_be_focused()
    blank.get_by_label("Password").fill(PASSWORD)
    blank.get_by_role("button", name="Sign in").click()
    blank.wait_for_url("**/jobs/nothing/")
    expect(blank.get_by_role("heading", name="Nothing here")).to_be_visible()
    blank.get_by_role("link", name="To my jobs").click()
    expect(blank.get_by_role("heading", name="My jobs")).to_be_visible()


def test_of_anothers_job_the_page_says_what_it_says_of_none(ann: Person, new_person: Callable[..., Person]) -> None:
    job_id = ann.create("test.answer", query="Not for Bob")
    bob = new_person("bob")
    of_another = bob.page.goto(f"/jobs/{job_id}/")
    words = bob.page.locator("main").inner_text()
    of_none = bob.page.goto("/jobs/nothing/")
    assert of_another is not None
    assert of_none is not None
    assert (of_another.status, words) == (of_none.status, bob.page.locator("main").inner_text())
    assert of_none.status == 404


def test_the_api_can_be_read_and_its_page_asks_nobody_else(blank: Page, site: Site) -> None:
    asked: list[str] = []
    blank.on("request", lambda request: asked.append(request.url))
    blank.goto("/api/docs")
    expect(blank.get_by_text("/api/worker/claim")).to_be_visible()
    blank.get_by_text("Create a job;").click()
    expect(blank.get_by_text("context managers").first).to_be_visible()
    assert {url for url in asked if not url.startswith((site.url, "data:"))} == set()


def test_a_form_that_is_too_old_has_a_page(blank: Page) -> None:
    blank.goto("/sign-in/")
    blank.context.clear_cookies()
    blank.get_by_label("User name").fill("ann")
    blank.get_by_label("Password").fill(PASSWORD)
    blank.get_by_role("button", name="Sign in").click()
    expect(blank.get_by_role("heading", name="This form is too old")).to_be_visible()


def test_the_elements_work_on_any_page_with_two_lines(
    open_browser: Callable[..., BrowserContext], site: Site, tokens: dict[str, str], faults: list[str]
) -> None:
    page = open_browser().new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    ann = Person(page, site, "ann", tokens["ann"])
    job_id = ann.create("test.answer", query="Embedded")
    html = f"""<!doctype html><title>Somebody else's page</title>
      <script type="module" src="{site.url}/static/realtime/elements.js"></script>
      <task-activity-panel job-id="{job_id}" api-url="{site.url}" token="{tokens["ann"]}"></task-activity-panel>"""
    page.route(f"{EMBEDDING_ORIGIN}/", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{EMBEDDING_ORIGIN}/")
    ann.expect_state("completed")
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"]
    expect(ann.part("title")).to_have_text("Embedded")


def test_a_shared_job_is_watched_without_an_account_and_nothing_can_be_done(
    ann: Person, open_browser: Callable[..., BrowserContext], faults: list[str]
) -> None:
    job_id = ann.create("test.answer", query="For everybody", input={"seconds": 0.02, "rounds": 3})
    _, share = ann.site.call("POST", f"/api/jobs/{job_id}/share", {}, token=ann.token)
    page = open_browser().new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(share["url"])
    viewer = Person(page, ann.site, "nobody", share["token"])
    viewer.expect_state("running")
    expect(viewer.part("button")).to_have_count(1)  # copies the text
    viewer.expect_state("completed", seconds=30)
    assert viewer.part("text").text_content() == ann.get(job_id)["streamingText"]
    ann.site.call("DELETE", f"/api/jobs/{job_id}/share", token=ann.token)
    expect(page.get_by_role("alert")).to_contain_text("not good any more")
