"""The Content-Security-Policy is kept by all pages, and no text becomes markup, however it is cut into pieces."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page

from tests.browser.person import Person
from tests.processes import PASSWORD, Site

WATCH = """
  window.violations = [];
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
    window.violations.push(`${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber}`));
"""

PAYLOADS = """<script>window.hit=1</script>

<img src=x onerror=window.hit=1><svg/onload=window.hit=1><iframe srcdoc='<script>top.hit=1</script>'></iframe>

<a href='javascript:window.hit=1'>a</a> [a](javascript:window.hit=1) ![a](x" onerror=window.hit=1) `<img src=x onerror=window.hit=1>`

<details open ontoggle=window.hit=1><math><mtext></form><form><mglyph><style></math><img src onerror=window.hit=1>

<style>@import'http://evil.example'</style></script><b>x</b><base href='http://evil.example/'><meta http-equiv=refresh content='0;url=//x'>

<form action='http://evil.example'><button>x</button></form><input autofocus onfocus=window.hit=1><body onload=window.hit=1>

{{constructor.constructor('hit=1')()}} &lt;script&gt;window.hit=1&lt;/script&gt; <template><script>window.hit=1</script></template>"""


def test_all_pages_keep_the_policy(open_browser: Callable[..., BrowserContext], site: Site, new_person: Callable[..., Person]) -> None:
    site.user("chief", staff=True)
    chief = new_person("ann")
    job_id = chief.create("test.answer", query="Shown everywhere")
    _, share = site.call("POST", f"/api/jobs/{job_id}/share", {}, token=chief.token)
    page = open_browser().new_page()
    page.add_init_script(WATCH)
    page.goto("/admin/login/")
    page.get_by_label("Username").fill("chief")
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


def test_a_text_that_is_cut_anywhere_is_no_markup(ann: Person) -> None:
    ann.page.add_init_script(WATCH)
    job_id = ann.create("test.answer", query=PAYLOADS, input={"chunks": list(PAYLOADS), "seconds": 0, "log": PAYLOADS})
    ann.open(job_id)
    ann.expect_state("completed", seconds=30)
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"]
    assert harmless(ann.page)


def harmless(page: Page) -> bool:
    """Tell that nothing ran, that the policy had nothing to refuse, and that no element is there that only a text can have made."""
    assert page.evaluate("window.hit") is None
    assert page.evaluate("window.violations") == []
    made = "script, img, iframe, form, style, base, meta, input, template, math"
    panel = page.locator("task-activity-panel")
    assert panel.evaluate("(panel, made) => panel.shadowRoot.querySelectorAll(made).length", made) == 0
    return True
