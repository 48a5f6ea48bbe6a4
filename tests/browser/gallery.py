"""Pictures of every state of the pages, to be looked at: `python -m tests.browser.gallery FOLDER [STATE …]`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.person import Person
from tests.processes import Site
from tests.waiting import wait_until

WIDTHS = {"phone": (390, 844), "tablet": (820, 1180), "wide": (1440, 900)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
Act = Callable[[Page], object]


class Gallery:
    """Takes one state after another in all widths and both schemes."""

    def __init__(self, browser: Browser, site: Site, folder: Path, states: set[str]) -> None:
        self._browser, self._site, self._folder, self._states = browser, site, folder, states
        self._tokens = {name: site.user(name) for name in ("ann", "nobody")}
        self.ann = self._person("ann")

    def take(self, state: str, path: str, *, user: str = "ann", act: Act | None = None) -> None:
        """Take the page at `path` as `user` sees it, once `act` has been done there."""
        for page, name in self._pages(state, user):
            page.goto(path)
            expect(page.locator("job-status-bar")).to_have_attribute("data-connection", "online")
            self._take(page, name, act)

    def take_open(self, state: str, path: str, *, act: Act | None = None) -> None:
        """Take a page that needs no sign-in."""
        for page, name in self._pages(state, None):
            page.goto(path)
            self._take(page, name, act)

    def _take(self, page: Page, name: str, act: Act | None) -> None:
        if act:
            act(page)
        page.wait_for_timeout(400)
        page.screenshot(path=self._folder / f"{name}.png", full_page=True)

    def _pages(self, state: str, user: str | None) -> Iterator[tuple[Page, str]]:
        if self._states and state not in self._states:
            return
        for scheme in SCHEMES:
            for width, (across, down) in WIDTHS.items():
                options = {"viewport": {"width": across, "height": down}, "color_scheme": scheme}
                page = self._person(user, **options).page if user else self._page(**options)
                yield page, f"{state}-{width}-{scheme}"
                page.context.close()

    def _page(self, **options: Any) -> Page:
        return self._browser.new_context(base_url=self._site.url, **options).new_page()

    def _person(self, name: str, **options: Any) -> Person:
        person = Person(self._page(**options), self._site, name, self._tokens[name])
        person.sign_in()
        return person


@contextmanager
def gallery(folder: Path, states: set[str]) -> Iterator[tuple[Gallery, Site]]:
    """Start a site and a browser."""
    with Site(JOB_HANDLERS="tests.handlers,tests.browser.handlers", LEASE_SECONDS="4", TOKEN_RATE="1000/min") as site:
        site.serve()
        site.worker()
        with sync_playwright() as playwright:
            browser = chromium.launch(playwright)
            yield Gallery(browser, site, folder, states), site
            browser.close()


def around(pictures: Gallery) -> None:
    """Take what stands around the jobs: signing in, the empty list, pages that are not there."""
    pictures.take_open("sign-in", "/")
    pictures.take_open("sign-in-refused", "/", act=refused)
    pictures.take_open("not-there", "/nowhere")
    pictures.take("empty", "/", user="nobody")
    pictures.take("form-refused", "/", user="nobody", act=lambda page: page.get_by_role("button", name="Start").click())


def refused(page: Page) -> None:
    """Sign in with a wrong password."""
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()


def offline(page: Page) -> None:
    """Lose the connection."""
    page.context.set_offline(True)
    expect(page.locator("job-status-bar")).to_have_attribute("data-connection", "offline", timeout=15_000)


def unfolded(page: Page) -> None:
    """Show the steps of a job that is done."""
    page.locator("[part~=toggle]").click()


def main(folder: Path, states: set[str]) -> None:
    """Take all, or these states."""
    folder.mkdir(parents=True, exist_ok=True)
    with gallery(folder, states) as (pictures, site):
        ann = pictures.ann
        around(pictures)
        waiting = ann.create("test.answer", query="Which of these waits until tonight?", runAt="2999-01-01T20:00:00Z")
        pictures.take("waiting", f"/jobs/{waiting}/")
        done = ann.create("test.answer", query="How does the with statement work?")
        wait_until(lambda: ann.get(done)["state"] == "completed", what="a completed job")
        pictures.take("done", f"/jobs/{done}/")
        pictures.take("done-unfolded", f"/jobs/{done}/", act=unfolded)
        failed = ann.create("test.answer", query="What does the corpus say about krakens?", input={"fail": "The corpus is not there."})
        wait_until(lambda: ann.get(failed)["state"] == "failed", what="a failed job")
        pictures.take("failed", f"/jobs/{failed}/")
        streaming = ann.create("test.answer", query="How do context managers nest?", input={"seconds": 0.05, "rounds": 90})
        wait_until(lambda: len(ann.get(streaming)["streamingText"] or "") > 600, what="some text")
        pictures.take("streaming", f"/jobs/{streaming}/")
        pictures.take("asking", f"/jobs/{streaming}/", act=lambda page: page.get_by_role("button", name="Cancel", exact=True).click())
        pictures.take("offline", f"/jobs/{streaming}/", act=offline)
        pictures.take("list", "/")
        pictures.take("nothing-matches", "/?search=walrus")
        url = site.call("POST", f"/api/jobs/{streaming}/share", {}, token=ann.token)[1]["url"]
        panel_is_live = lambda page: expect(page.locator("task-activity-panel")).to_have_attribute("data-connection", "online")  # noqa: E731
        pictures.take_open("shared", url, act=panel_is_live)
        site.processes[1].kill()
        wait_until(lambda: ann.get(streaming)["state"] == "running", what="the job to run")
        other = site.worker("--types", "test.echo")  # it rescues, and runs nothing of this type
        wait_until(lambda: ann.get(streaming)["state"] == "created", what="the job put back")
        pictures.take("lost", f"/jobs/{streaming}/")
        assert other.is_alive


if __name__ == "__main__":
    main(Path(sys.argv[1]), set(sys.argv[2:]))
