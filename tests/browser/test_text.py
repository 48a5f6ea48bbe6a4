"""The text as it streams: it stays text, it is only appended to, and the reader keeps his place."""

from collections.abc import Callable

from playwright.sync_api import Response, Route, expect

from tests.browser.person import Person
from tests.waiting import wait_until

PAYLOADS = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 2'>",
    "</div><svg/onload=window.hit=3>",
    "<iframe srcdoc='<script>parent.hit = 4</script>'></iframe>",
    "<a href=\"javascript:window.hit=5\">click</a>",
    "{{ 7|add:7 }} ${window.hit = 6} &lt;b&gt; <!-- ",
    "]]></textarea></title></style><style>*{display:none}</style>",
)  # fmt: skip
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)


def with_strict_policy(route: Route) -> None:
    response = route.fetch()
    route.fulfill(response=response, headers={**response.headers, "content-security-policy": STRICT})


def test_payloads_stay_text_under_the_strictest_policy(ann: Person) -> None:
    reports: list[str] = []
    ann.page.on("console", lambda message: reports.append(message.text) if message.type == "error" else None)
    ann.page.route("**/*", with_strict_policy)
    query = " ".join(PAYLOADS)
    sources = [{"title": payload, "path": payload, "passage": payload} for payload in PAYLOADS]
    job_id = ann.create("test.answer", query=query, input={"chunks": list(query), "seconds": 0, "sources": sources, "log": query})
    ann.open(job_id)
    ann.expect_state("completed")
    assert ann.part("text").text_content() == query == ann.get(job_id)["streamingText"]
    expect(ann.page.get_by_role("heading", level=1)).to_have_text(query)
    assert ann.part("source-title").all_text_contents() == list(PAYLOADS)
    assert ann.part("passage").all_text_contents() == list(PAYLOADS)
    failed = ann.create("test.fail", query=query, input={"message": query})
    ann.open(failed)
    expect(ann.part("error-words")).to_have_text(query)
    ann.page.goto("/")
    expect(ann.page.locator(f"[data-job-id='{failed}'] .row-title")).to_have_text(query)
    expect(ann.bar).to_have_attribute("job-id", failed)
    assert ann.page.evaluate("window.hit") is None
    assert reports == []
    ann.page.unroute_all(behavior="ignoreErrors")  # what is still under way is no matter


def test_a_long_text_is_whole_though_it_stands_in_several_blocks(ann: Person) -> None:
    job_id = ann.create("test.answer", query="Long", input={"seconds": 0, "rounds": 60})
    ann.open(job_id)
    ann.expect_state("completed", seconds=30)
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"]
    live = ann.part("block").all_text_contents()
    assert len(live) > 3
    ann.page.reload()
    ann.expect_state("completed")
    expect(ann.part("block")).to_have_text(live)


WATCH = """() => {
  const text = document.querySelector("task-activity-panel").shadowRoot.querySelector("[part=text]");
  const seen = (window.seen = { node: text.querySelector("[part=block]").firstChild, frame: 0, perFrame: new Map(), others: 0 });
  const count = () => { seen.frame++; requestAnimationFrame(count); };
  requestAnimationFrame(count);
  new MutationObserver((records) => {
    for (const { type, target } of records) {
      if (type === "characterData" && target === seen.node) seen.perFrame.set(seen.frame, (seen.perFrame.get(seen.frame) ?? 0) + 1);
      else seen.others++;
    }
  }).observe(text, { characterData: true, childList: true, subtree: true });
}"""


def test_one_text_node_is_appended_to_at_most_once_a_frame(ann: Person) -> None:
    job_id = ann.create_later("test.answer", query="Append", input={"seconds": 0.003, "rounds": 6})
    ann.open(job_id)
    ann.expect_state("created")
    ann.page.evaluate(WATCH)
    ann.begin(job_id)
    ann.expect_state("completed", seconds=60)
    updates = ann.page.evaluate("[...window.seen.perFrame.values()]")
    assert len(updates) > 10
    assert set(updates) == {1}
    assert ann.page.evaluate("window.seen.others") == 0


def test_the_end_stays_in_view_unless_the_reader_scrolled_up(ann: Person) -> None:
    ann.open(ann.create("test.answer", query="Scroll", input={"seconds": 0.01, "rounds": 60}))
    text = ann.part("text")
    gap = "(text) => text.scrollHeight - text.clientHeight - text.scrollTop"
    wait_until(lambda: text.evaluate("(text) => text.scrollTop") > 200, what="a text longer than its frame", seconds=30)
    assert text.evaluate(gap) < 40
    text.hover()
    ann.page.mouse.wheel(0, -150)
    follow = ann.page.get_by_role("button", name="Follow")
    expect(follow).to_be_visible()
    place = text.evaluate("(text) => text.scrollTop")
    wait_until(lambda: text.evaluate(gap) > 250, what="more text")
    assert text.evaluate("(text) => text.scrollTop") == place
    follow.click()
    wait_until(lambda: text.evaluate(gap) < 40, what="the end in view")
    expect(follow).to_be_hidden()


SHIFTS = """() => {
  window.moved = [];
  // The caret, 8 pixels wide, goes with the text: that is what it is for.
  const rects = ({ sources }) => sources.map(({ previousRect, currentRect }) => [previousRect, currentRect].map((rect) => rect.toJSON()));
  const add = (list) => window.moved.push(...list.getEntries().flatMap(rects).filter(([, rect]) => rect.width > 8));
  new PerformanceObserver(add).observe({ type: "layout-shift" });
}"""


def test_nothing_moves_while_text_streams(ann: Person) -> None:
    ann.open(ann.create("test.answer", query="Still", input={"seconds": 0.005, "rounds": 4}))
    ann.expect_state("running")
    wait_until(lambda: ann.part("step").nth(3).get_attribute("data-state") == "running", what="the step Generating")
    ann.page.evaluate(SHIFTS)
    wait_until(lambda: len(ann.part("text").text_content() or "") > 1500, what="a lot of text")
    assert ann.page.evaluate("window.moved") == []


def test_a_screen_reader_hears_steps_and_the_end_and_no_more(new_person: Callable[..., Person]) -> None:
    ann = new_person("ann")
    ann.page.add_init_script(
        """window.heard = [];
        customElements.whenDefined("task-activity-panel").then(() => {
          const voice = document.querySelector("task-activity-panel").shadowRoot.querySelector("[data-voice]");
          const hear = () => window.heard.push(voice.textContent);
          new MutationObserver(hear).observe(voice, { childList: true, characterData: true, subtree: true });
        });"""
    )
    ann.open(ann.create("test.answer", query="Voice", input={"seconds": 0.01, "rounds": 2}))
    ann.expect_state("completed")
    heard = ann.page.evaluate("window.heard")
    assert heard[-1].startswith("Completed")
    assert len(heard) <= 7


def test_every_file_comes_from_here(ann: Person) -> None:
    """No content delivery network, no font from elsewhere; and nothing is missing."""
    answers: list[Response] = []
    ann.page.on("response", lambda answer: answers.append(answer))
    ann.open(ann.create("test.answer", query="Files"))
    ann.expect_state("completed")
    assert len(answers) > 10
    assert [answer.url for answer in answers if not answer.url.startswith(ann.site.url) or answer.status >= 400] == []
    # What the page's script imports is told beforehand, all of it and nothing besides.
    loaded: list[str] = ann.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)")
    scripts = {path for path in loaded if path.endswith(".js")}
    foretold = {link.get_attribute("href") for link in ann.page.locator("link[rel=modulepreload]").all()}
    assert scripts - foretold == {"/static/jobs/page.js", "/static/jobs/job.js"}
    assert foretold - scripts == set()
