"""No text of a job becomes markup: on the job's page, on the shared page, in the admin, wherever it is cut, live and reloaded."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.payloads import PAYLOADS
from tests.browser.person import Person
from tests.processes import PASSWORD

TEXT = "\n".join(PAYLOADS)
GUARD = """
  window.hits = [];
  window.hit = () => window.hits.push("hit() was called");
  const refuse = ({ violatedDirective, blockedURI }) => window.hits.push(`${violatedDirective} ${blockedURI}`);
  addEventListener("securitypolicyviolation", refuse);
"""
ODDITIES = """() => {
  const ACTIVE = /^(href|xlink:href|src|srcset|srcdoc|action|formaction|data|style|content|background|poster|is|autofocus)$/;
  const all = (root) => [...root.querySelectorAll("*")].flatMap((element) => [element, ...inside(element)]);
  const inside = ({ shadowRoot }) => (shadowRoot ? all(shadowRoot) : []);
  const isOdd = (element) =>
    [...element.attributes].some(({ name, value }) => name.startsWith("on") || (ACTIVE.test(name) && /hit\\(|evil/.test(value))) ||
    (/^(script|style|template)$/.test(element.localName) && element.textContent.includes("hit(")) ||
    /^(iframe|object|embed|base|math|xss|xmp|plaintext|marquee|frameset)$/.test(element.localName);
  return [...window.hits, ...all(document).filter(isOdd).map(({ outerHTML }) => outerHTML.slice(0, 200))];
}"""
"""What was called or refused, and the elements that only a text can have made."""

EVERY_CUT = """async (payloads) => {
  const { useClient } = await import("/static/realtime/elements.js");
  let tell;
  useClient({ subscribe: (jobId, listener) => { tell = listener; return () => {}; }, now: Date.now, transitions: async () => [] });
  const panel = document.createElement("task-activity-panel");
  panel.setAttribute("job-id", "cut");
  panel.hidden = true; // what is not laid out is shown a thousand times in a second
  document.body.append(panel);
  await new Promise((resolve) => setTimeout(resolve));
  const job = { jobId: "cut", type: "x", query: "x", state: "running", progress: 0, step: null, steps: [], message: null, attempt: 1 };
  const about = { connection: "online", asOf: null, logs: [], status: null, error: null, requests: [] };
  const show = (streamingText) => tell({ ...job, streamingText, position: "1-1", startedAt: null, finishedAt: null }, about);
  const text = panel.shadowRoot.querySelector("[part=text]");
  const wrong = [];
  for (const payload of payloads) {
    for (let cut = 0; cut <= payload.length; cut++) {
      if ((payload.charCodeAt(cut - 1) & 0xfc00) === 0xd800) continue; // no chunk ends there
      show(payload.slice(0, cut));
      show(payload);
      if (text.textContent !== payload) wrong.push(`${payload} cut at ${cut}: ${text.textContent}`);
    }
  }
  return wrong;
}"""


@pytest.fixture
def watchers(
    ann: Person, blank: Page, open_browser: Callable[..., BrowserContext], staff_token: str
) -> Iterator[Callable[[str], dict[str, Page]]]:
    """Return what opens a job where it can be watched: its page, the shared page, the admin."""
    staff = open_browser().new_page()
    for page in (ann.page, blank, staff):
        page.add_init_script(GUARD)
    staff.goto("/admin/login/")
    staff.get_by_label("Username").fill("staff")
    staff.get_by_label("Password").fill(PASSWORD)
    staff.get_by_role("button", name="Log in").click()
    staff.wait_for_url("**/admin/")
    dialogs: list[str] = []
    for page in (ann.page, blank, staff):
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))

    def open_everywhere(job_id: str) -> dict[str, Page]:
        ann.open(job_id)
        blank.goto(ann.site.call("POST", f"/api/jobs/{job_id}/share", {}, token=ann.token)[1]["url"])
        staff.goto(f"/admin/jobs/job/{job_id}/change/")
        pages = {"page": ann.page, "shared page": blank, "admin": staff}
        for page in pages.values():
            expect(page.locator("task-activity-panel")).to_have_attribute("data-state", "created")
        return pages

    yield open_everywhere
    assert dialogs == []


def test_payloads_that_stream_in_stay_text_wherever_they_are_watched(ann: Person, watchers: Callable[[str], dict[str, Page]]) -> None:
    """Each character is a write of its own; that they arrive while three pages watch is what a later start is for."""
    some = "".join(PAYLOADS[::20])
    values = {"chunks": TEXT, "seconds": 0, "log": some, "sources": [dict.fromkeys(("title", "path", "passage"), some)]}
    job_id = ann.create_later("test.answer", query=some, input=values)
    pages = watchers(job_id)
    ann.begin(job_id)
    for name, page in pages.items():
        panel = page.locator("task-activity-panel")
        expect(panel).to_have_attribute("data-state", "completed", timeout=60_000)
        assert panel.locator("[part=text]").text_content() == TEXT == ann.get(job_id)["streamingText"], name
        assert panel.locator("[part=source-title]").text_content() == some, name
        assert page.evaluate(ODDITIES) == [], name
    staff = pages["admin"]
    staff.reload()
    assert staff.locator(".job-text").text_content() == TEXT
    assert staff.evaluate(ODDITIES) == []


def test_payloads_in_names_and_errors_stay_text_wherever_they_are_shown(ann: Person, watchers: Callable[[str], dict[str, Page]]) -> None:
    some = "".join(PAYLOADS[::25])
    job_id = ann.create_later("test.fail", query=some, input={"message": some, "code": some[:60]})
    pages = watchers(job_id)
    ann.begin(job_id)
    for name, page in pages.items():
        expect(page.locator("task-activity-panel [part=error-words]")).to_have_text(some)
        assert page.evaluate(ODDITIES) == [], name
    ann.page.goto("/")
    expect(ann.page.locator(f"[data-job-id='{job_id}'] .row-title")).to_have_text(some)
    pages["admin"].goto("/admin/jobs/job/")
    expect(pages["admin"].locator(f"#result_list tr:has([data-job-id='{job_id}']) .job-title")).to_contain_text(some[:30])
    for page in (ann.page, pages["admin"]):
        assert page.evaluate(ODDITIES) == []


def test_a_payload_that_is_cut_in_two_anywhere_stays_text(ann: Person) -> None:
    """The panel is shown each beginning, then the whole: no place is left to how chunks happen to meet frames."""
    ann.page.add_init_script(GUARD)
    ann.page.reload()
    assert ann.page.evaluate(EVERY_CUT, list(PAYLOADS)) == []
    assert ann.page.evaluate(ODDITIES) == []
