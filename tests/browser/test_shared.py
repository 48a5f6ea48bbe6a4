"""A job that is shared by a link: whoever has it watches, does nothing, and is told when the link ends."""

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import axe
from tests.browser.person import Person


def link_of(person: Person, job_id: str) -> str:
    """Share the job over REST and return the link."""
    status, answer = person.site.call("POST", f"/api/jobs/{job_id}/share", {}, token=person.token)
    assert status == 200
    return str(answer["url"])


def test_a_shared_job_is_watched_live_by_one_who_is_not_signed_in(ann: Person, blank: Page) -> None:
    ann.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    job_id = ann.create_later("test.answer", query="Shared", input={"seconds": 0.02})
    ann.open(job_id)
    ann.page.get_by_role("button", name="Share").click()
    expect(ann.page.get_by_role("button", name="Link copied")).to_be_visible()
    link = ann.page.get_by_label("Whoever has this link may watch this job, for a day.").input_value()
    assert ann.page.evaluate("navigator.clipboard.readText()") == link

    blank.goto(link)
    panel = blank.locator("task-activity-panel")
    expect(panel.locator("[part~=link-vital]")).to_have_text("Live")
    ann.begin(job_id)
    expect(panel).to_have_attribute("data-state", "running")
    expect(blank.get_by_role("heading", level=1)).to_have_text("Shared")
    expect(panel.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(panel).to_have_attribute("data-state", "completed", timeout=30_000)
    assert panel.locator("[part=text]").text_content() == ann.get(job_id)["streamingText"]
    assert blank.context.cookies() == []


def test_a_link_that_was_taken_back_says_so(ann: Person, blank: Page) -> None:
    job_id = ann.create("test.answer", query="Taken back", input={"seconds": 0.02, "rounds": 20})
    link = link_of(ann, job_id)
    assert ann.site.call("DELETE", f"/api/jobs/{job_id}/share", token=ann.token)[0] == 204
    blank.goto(link)
    expect(blank.get_by_role("alert")).to_contain_text("This link is not good any more")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_on_the_shared_page(
    ann: Person, open_browser: Callable[..., BrowserContext], scheme: Literal["light", "dark"]
) -> None:
    job_id = ann.create("test.answer", query="For everybody")
    page = open_browser(color_scheme=scheme, reduced_motion="reduce").new_page()
    page.goto(link_of(ann, job_id))
    expect(page.locator("task-activity-panel")).to_have_attribute("data-state", "completed")
    assert axe.violations(page) == []
