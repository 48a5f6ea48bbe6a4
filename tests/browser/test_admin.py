"""The admin in a browser: rows that move, actions on many jobs, and nothing that a job says is HTML."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.person import Person
from tests.processes import PASSWORD, Site
from tests.waiting import wait_until

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture(scope="package")
def viewer_token(site: Site) -> str:
    """Make a member of staff who may only view."""
    token = site.user("viewer")
    code = (
        "from django.contrib.auth import get_user_model as m; from django.contrib.auth.models import Permission as p; "
        "u = m().objects.get(username='viewer'); u.is_staff = True; u.save(); u.user_permissions.add(p.objects.get(codename='view_job'))"
    )
    site.manage("shell", "--verbosity", "0", "-c", code)
    return token


def come_in(context: BrowserContext, faults: list[str], name: str) -> Page:
    """Return the list of jobs, as this member of staff sees it. Whatever a page's policy forbids is a fault."""
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto("/admin/login/?next=/admin/jobs/job/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    return page


@pytest.fixture
def desk(open_browser: Callable[..., BrowserContext], staff_token: str, faults: list[str]) -> Page:
    return come_in(open_browser(), faults, "staff")


def test_rows_move_and_new_jobs_are_told_of(desk: Page, ann: Person) -> None:
    job_id = ann.create("test.answer", query=f"Moves {EVIL}", input={"seconds": 0.02, "rounds": 40})
    expect(desk.locator("#job-news")).to_contain_text("new job")
    desk.locator("#job-news a").click()
    row = desk.locator(f"#result_list tr:has([data-job-id='{job_id}'])")
    expect(row.locator(".job-step")).to_have_text("Generating")
    first = row.locator(".job-bar-fill").get_attribute("width") or ""
    expect(row.locator(".job-bar-fill")).not_to_have_attribute("width", first)
    ann.site.call("POST", f"/api/jobs/{job_id}/cancel", token=ann.token)
    expect(row.locator(".job-state")).to_have_text("Cancelled")
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


def test_nothing_that_a_job_writes_is_html(desk: Page, ann: Person) -> None:
    evil = {"chunks": [EVIL, "</pre>", EVIL], "log": EVIL, "fail": EVIL}
    job_id = ann.create("test.answer", query=EVIL, input={"seconds": 0, **evil})
    desk.goto(f"/admin/jobs/job/{job_id}/change/")
    expect(desk.locator("task-activity-panel")).to_have_attribute("data-state", "failed")
    desk.reload()
    expect(desk.locator(".job-text")).to_contain_text("</pre><img src=x")
    expect(desk.locator(".job-error")).to_contain_text("<img src=x")
    expect(desk.locator("task-activity-panel [part~=error]")).to_contain_text("<img src=x")
    expect(desk.locator("#content img")).to_have_count(0)
    assert desk.title() != "owned"


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


def test_one_who_may_only_view_watches_and_has_nothing_to_press(
    open_browser: Callable[..., BrowserContext], viewer_token: str, faults: list[str], ann: Person
) -> None:
    job_id = ann.create("test.answer", query="To be watched", input={"seconds": 0.05, "rounds": 40})
    page = come_in(open_browser(), faults, "viewer")
    expect(page.locator("#result_list .action-select")).to_have_count(0)
    page.goto(f"/admin/jobs/job/{job_id}/change/")
    expect(page.locator("task-activity-panel [part~=text]")).to_contain_text("context manager")
    expect(page.locator("#content button:visible")).to_have_count(0)
    ann.site.call("POST", f"/api/jobs/{job_id}/cancel", token=ann.token)
    expect(page.locator(".job-heading .job-state")).to_have_text("Cancelled")
    expect(page.locator("#job-changed")).to_contain_text("gone on since")


ASK_NOW = "document.dispatchEvent(new Event('visibilitychange'))"
"""As when somebody comes back to a page, which asks anew then."""


def test_a_worker_is_watched_and_what_it_runs_moves(desk: Page, ann: Person) -> None:
    job_id = ann.create("test.answer", query=f"Watched {EVIL}", input={"seconds": 0.05, "rounds": 20})
    wait_until(lambda: ann.get(job_id)["state"] == "running", what="a run")
    desk.goto("/admin/jobs/worker/")
    desk.locator("#result_list .field-named a").first.click()
    row = desk.locator(f"tr:has([data-job-id='{job_id}'])")
    expect(row).to_contain_text("<img src=x")
    bar = row.locator(".job-bar-fill")
    first = bar.get_attribute("width") or ""
    expect(bar).not_to_have_attribute("width", first)
    ann.site.call("POST", f"/api/jobs/{job_id}/cancel", token=ann.token)
    expect(row.locator(".job-state")).to_have_text("Cancelled")
    desk.evaluate(ASK_NOW)
    expect(row).to_have_count(0)
    assert violations(desk, "#content") == []
    assert desk.title() != "owned"


WATCH_SHIFTS = """() => {
    window.shifts = [];
    const note = (list) => list.getEntries().filter(({ hadRecentInput }) => !hadRecentInput).forEach(({ sources }) =>
        window.shifts.push(...sources.map(({ node }) => node?.outerHTML ?? "a text")));
    new PerformanceObserver(note).observe({ type: "layout-shift" });
}"""
"""Note what moves without having been told to."""


def test_the_dashboard_stays_fresh_and_nothing_in_it_jumps(desk: Page, ann: Person) -> None:
    ann.create("test.wait", query="Makes its type known", runAt="2099-01-01T00:00:00Z")
    desk.goto("/admin/jobs/job/dashboard/")
    desk.locator(".job-types summary").click()
    tile = desk.locator("[data-count=created]")
    before = tile.text_content()
    desk.evaluate(WATCH_SHIFTS)
    ann.create("test.wait", query="Waits", runAt="2099-01-01T00:00:00Z")
    asking = f"(before) => {{ {ASK_NOW}; return document.querySelector('[data-count=created]').textContent !== before }}"
    desk.wait_for_function(asking, arg=before, polling=250)
    expect(desk.locator(".job-types")).to_have_attribute("open", "")
    assert desk.evaluate("window.shifts") == []
    desk.route("**/dashboard/", lambda route: route.abort())
    desk.evaluate(ASK_NOW)
    expect(desk.locator("#live-light")).to_contain_text("Not live")
    desk.unroute("**/dashboard/")
    desk.evaluate(ASK_NOW)
    expect(desk.locator("#live-light")).to_have_text("Live")


def test_the_dashboard_fits_a_phone_and_is_for_everybody(
    open_browser: Callable[..., BrowserContext], staff_token: str, faults: list[str], ann: Person
) -> None:
    ann.create("test.answer", query="Soon done", input={"seconds": 0})
    page = come_in(open_browser(viewport={"width": 390, "height": 844}, color_scheme="dark"), faults, "staff")
    for path in ("/admin/jobs/job/", "/admin/jobs/job/dashboard/?span=day", "/admin/jobs/worker/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the page"
    page.goto("/admin/jobs/job/dashboard/?span=day")
    expect(page.locator("svg.chart")).to_have_count(3)
    assert violations(page, "#content") == []
