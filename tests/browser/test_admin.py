"""The admin in a browser: rows that move, actions on many jobs, and nothing that a job says is HTML."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.person import Person
from tests.processes import PASSWORD, Site

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture(scope="package")
def staff_token(site: Site) -> str:
    return site.user("staff", staff=True)


@pytest.fixture
def desk(open_browser: Callable[..., BrowserContext], staff_token: str, faults: list[str]) -> Page:
    """Return the list of jobs, as staff see it."""
    page = open_browser().new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto("/admin/login/?next=/admin/jobs/job/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    return page


def test_rows_move_and_new_jobs_are_told_of(desk: Page, ann: Person) -> None:
    job_id = ann.create("test.answer", query=f"Moves {EVIL}", input={"seconds": 0.02})
    expect(desk.locator("#job-news")).to_contain_text("new job")
    desk.locator("#job-news a").click()
    row = desk.locator(f"#result_list tr:has([data-job-id='{job_id}'])")
    expect(row.locator(".job-step")).to_have_text("Generating")
    first = float(row.locator(".job-bar-fill").get_attribute("width") or 0)
    expect(row.locator(".job-state")).to_have_text("Completed")
    assert first < 100
    expect(row.locator(".job-bar-fill")).to_have_attribute("width", "100")
    expect(row.locator(".job-title")).to_contain_text("<img src=x")
    assert desk.title() != "owned"
    assert violations(desk, "#result_list") + violations(desk, "#job-counts") == []


def test_a_job_is_watched_and_cancelled_on_its_page(desk: Page, ann: Person) -> None:
    job_id = ann.create("test.answer", query=EVIL, input={"seconds": 0.05, "rounds": 20, "chunks": None, "log": EVIL})
    desk.goto(f"/admin/jobs/job/{job_id}/change/")
    panel = desk.locator("task-activity-panel")
    expect(panel).to_have_attribute("data-state", "running")
    expect(panel.locator("[part~=text]")).to_contain_text("context manager")
    desk.get_by_role("button", name="Cancel").first.click()
    expect(desk.locator(".messagelist")).to_contain_text("1 job cancelled.")
    expect(desk.locator(".job-timeline")).to_contain_text("by staff")
    expect(desk.locator(".job-timeline")).to_contain_text("staff")
    expect(panel).to_have_attribute("data-state", "cancelled")
    assert desk.title() != "owned"
    assert violations(desk, "#content") == []


def test_an_action_on_all_that_the_filters_match_is_confirmed_and_done(desk: Page, ann: Person) -> None:
    for number in range(3):
        ann.create("test.wait", query=f"Many of them {number}", runAt="2099-01-01T00:00:00Z")
    desk.goto("/admin/jobs/job/?q=Many+of+them&state=created")
    desk.locator("#action-toggle").check()
    desk.locator("select[name=action]").select_option("cancel")
    desk.get_by_role("button", name="Go").click()
    expect(desk.locator(".bulk-words")).to_contain_text(re.compile(r"Cancel: 3 jobs"))
    assert violations(desk, "#content") == []
    desk.get_by_role("button", name="Yes, cancel").click()
    expect(desk.locator(".messagelist")).to_contain_text("3 jobs cancelled.")
    assert "state=created" in desk.url
