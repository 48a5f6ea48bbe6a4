"""The Content-Security-Policy is kept by all pages."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext

from tests.processes import PASSWORD, Site

WATCH = """
  window.violations = [];
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
    window.violations.push(`${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber}`));
"""


def test_all_pages_keep_the_policy(open_browser: Callable[..., BrowserContext], site: Site, staff_token: str) -> None:
    _, job = site.call("POST", "/api/jobs", {"type": "test.answer", "query": "Shown everywhere"}, token=staff_token)
    job_id = job["jobId"]
    _, share = site.call("POST", f"/api/jobs/{job_id}/share", {}, token=staff_token)
    page = open_browser().new_page()
    page.add_init_script(WATCH)
    page.goto("/admin/login/")
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    admin = [link.get_attribute("href") or "" for link in page.locator("#content a[href^='/admin/']").all()]
    paths = ["/", f"/jobs/{job_id}/", "/nowhere/", "/jobs/nothing/", share["url"], "/api/docs", f"/admin/jobs/job/{job_id}/change/", *admin]
    broken: dict[str, list[str]] = {}
    for path in paths:
        page.goto(path)
        page.wait_for_load_state("networkidle" if "/jobs/" not in path and path != "/" else "load")
        if violations := page.evaluate("window.violations"):
            broken[path] = violations
    assert len(admin) > 5
    assert broken == {}
