"""The admin in a browser: rows that move, actions on many jobs, and nothing that a job says is HTML."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.axe import violations
from tests.browser.person import Person
from tests.processes import PASSWORD, Site
from tests.waiting import wait_until

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


MEMBERS = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
call_command("staff_groups", verbosity=0)
for name in ("viewer", "operator"):
    user = get_user_model().objects.create_user(name, password="{PASSWORD}", is_staff=True)
    user.groups.add(Group.objects.get(name=f"Job {{name}}s"))
"""


@pytest.fixture(scope="package")
def members(site: Site, staff_token: str) -> None:
    """Make, beside Staff, a member of staff who may only view, and one who operates."""
    site.manage("shell", "--verbosity", "0", "-c", MEMBERS)


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
def desk(open_browser: Callable[..., BrowserContext], members: None, faults: list[str]) -> Page:
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
        ann.create("test.wait", query=f"Many of them {number} {EVIL}", runAt="2099-01-01T00:00:00Z")
    desk.goto("/admin/jobs/job/?q=Many+of+them&state=created")
    desk.locator("#action-toggle").check()
    desk.locator("select[name=action]").select_option("cancel")
    desk.get_by_role("button", name="Go").click()
    expect(desk.locator(".bulk-words")).to_contain_text(re.compile(r"Cancel: 3 jobs"))
    expect(desk.locator(".bulk-jobs")).to_contain_text("<img src=x")
    assert desk.title() != "owned"
    assert violations(desk, "#content") == []
    desk.get_by_role("button", name="Yes, cancel").click()
    expect(desk.locator(".messagelist")).to_contain_text("3 jobs cancelled.")
    assert "state=created" in desk.url


def test_one_who_may_only_view_watches_and_has_nothing_to_press(
    open_browser: Callable[..., BrowserContext], members: None, faults: list[str], ann: Person
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


def test_an_operator_commands_jobs_and_it_is_written_down_who_did(
    open_browser: Callable[..., BrowserContext], members: None, faults: list[str], ann: Person
) -> None:
    job_id = ann.create("test.wait", query="To be paused", runAt="2099-01-01T00:00:00Z")
    page = come_in(open_browser(), faults, "operator")
    page.goto(f"/admin/jobs/job/{job_id}/change/")
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".messagelist")).to_contain_text("1 job paused.")
    expect(page.locator(".job-timeline tr", has_text="Paused")).to_contain_text("operator")
    page.get_by_role("link", name="History").click()
    expect(page.locator("#change-history tbody tr")).to_contain_text(["operator"])
    expect(page.locator("#change-history")).to_contain_text("Paused.")
    assert page.goto("/admin/jobs/servicetoken/").status == 403  # type: ignore[union-attr]  # it answers


MANY = 10_000


@contextmanager
def many_jobs(site: Site, job_id: str) -> Iterator[None]:
    """Put ten thousand copies of a job beside it, and take them away again: others come to the same lists."""
    with closing(sqlite3.connect(site.folder / "jobs.sqlite3", timeout=60, isolation_level=None)) as database:
        columns = ", ".join(row[1] for row in database.execute("PRAGMA table_info(jobs_job)") if row[1] != "id")
        numbers = f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})"
        copies = f"SELECT 'many-' || n, {columns} FROM jobs_job, numbers WHERE id = ?"
        database.execute(f"INSERT INTO jobs_job (id, {columns}) {numbers} {copies}", [job_id])
        try:
            yield
        finally:
            database.execute("DELETE FROM jobs_jobtransition WHERE job_id LIKE 'many-%'")
            database.execute("DELETE FROM jobs_job WHERE id LIKE 'many-%'")


def test_ten_thousand_jobs_are_asked_about_and_what_was_stopped_half_way_stays_done(desk: Page, ann: Person) -> None:
    first = ann.create("test.echo", query="One of many", runAt="2099-01-01T00:00:00Z")
    with many_jobs(ann.site, first):
        desk.goto("/admin/jobs/job/?type=test.echo&state=created")
        desk.locator("#action-toggle").check()
        desk.locator(".question a").click()
        desk.locator("select[name=action]").select_option("cancel")
        desk.get_by_role("button", name="Go").click()
        expect(desk.locator(".bulk-words")).to_contain_text(f"Cancel: {MANY + 1:,} jobs")
        desk.get_by_role("button", name="Yes, cancel").click()
        expect(desk.locator(".bulk-count")).to_contain_text(re.compile(rf"^[1-9][\d,]* of {MANY + 1:,} …"))
        desk.get_by_role("link", name="Stop here").click()
        desk.wait_for_url("**/admin/jobs/job/?type=test.echo&state=created")
        desk.goto("/admin/jobs/job/?type=test.echo&state=cancelled&q=many-")
        expect(desk.locator("#result_list .job-state[data-state=cancelled]").first).to_be_visible()
        desk.goto("/admin/jobs/job/?type=test.echo&state=created")
        expect(desk.locator(".jobs-pages")).to_contain_text("more than 1,000 jobs")


def test_a_keyboard_is_enough(desk: Page, ann: Person) -> None:
    job_id = ann.create("test.wait", query="By keyboard alone", runAt="2099-01-01T00:00:00Z")
    desk.goto("/admin/jobs/job/?q=By+keyboard+alone")
    desk.keyboard.press("Tab")
    expect(desk.get_by_role("link", name="Skip to main content")).to_be_focused()
    desk.locator(f"input.action-select[value='{job_id}']").focus()
    desk.keyboard.press("Space")
    expect(desk.locator(".action-counter")).to_contain_text("1 of 1")
    desk.locator("select[name=action]").focus()
    desk.keyboard.type("Pause")
    desk.keyboard.press("Tab")
    desk.keyboard.press("Enter")
    expect(desk.locator(".bulk-words")).to_contain_text("Pause: 1 job")
    desk.get_by_role("button", name="Yes, pause").focus()
    desk.keyboard.press("Enter")
    expect(desk.locator(".messagelist")).to_contain_text("1 job paused.")


PAGES = ("", "jobs/job/", "jobs/worker/", "jobs/workertoken/", "jobs/workertoken/add/", "jobs/servicetoken/", "realtime/share/")


def test_axe_finds_no_barrier_in_the_admin(
    open_browser: Callable[..., BrowserContext], members: None, faults: list[str], ann: Person
) -> None:
    desk = come_in(open_browser(bypass_csp=True), faults, "staff")  # axe styles the fields of forms, to see what is seen of them
    ann.create("test.echo", query="In the list")
    for path in PAGES:
        desk.goto(f"/admin/{path}")
        assert violations(desk, "#content") == [], path
    desk.get_by_role("link", name="Add share").click()
    desk.get_by_label("Job").fill("nowhere")
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator(".errorlist")).to_contain_text("There is no such job.")
    desk.goto("/admin/jobs/servicetoken/add/")
    desk.get_by_label("Name").fill("shop")
    desk.get_by_role("button", name="Save").click()
    expect(desk.locator("#secret")).to_contain_text("service_")
    desk.get_by_role("button", name="Copy").click()
    expect(desk.locator("#copied")).not_to_be_empty()
    assert violations(desk, "#content") == []


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
    open_browser: Callable[..., BrowserContext], members: None, faults: list[str], ann: Person
) -> None:
    ann.create("test.answer", query="Soon done", input={"seconds": 0})
    page = come_in(open_browser(viewport={"width": 390, "height": 844}, color_scheme="dark"), faults, "staff")
    for path in ("/admin/jobs/job/", "/admin/jobs/job/dashboard/?span=day", "/admin/jobs/worker/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than the page"
    page.goto("/admin/jobs/job/dashboard/?span=day")
    expect(page.locator("svg.chart")).to_have_count(3)
    assert violations(page, "#content") == []
