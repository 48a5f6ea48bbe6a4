"""Pictures of every state of the pages, to be looked at: `python -m tests.browser.gallery FOLDER`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser import chromium
from tests.browser.person import Person
from tests.processes import Site
from tests.waiting import wait_until

WIDTHS = {"phone": (390, 844), "tablet": (820, 1180), "wide": (1440, 900)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


class Gallery:
    """Takes one state after another in all widths and both schemes."""

    def __init__(self, browser: Browser, site: Site, folder: Path) -> None:
        self._browser, self._site, self._folder = browser, site, folder
        self._tokens = {name: site.user(name) for name in ("ann", "nobody")}
        self.staff = self._person("ann")

    def take(self, state: str, path: str, *, user: str = "ann") -> None:
        """Take the page at `path` as `user` sees it."""
        for scheme in SCHEMES:
            for width, (across, down) in WIDTHS.items():
                person = self._person(user, viewport={"width": across, "height": down}, color_scheme=scheme)
                person.page.goto(path)
                expect(person.bar).to_have_attribute("data-connection", "online")
                person.page.wait_for_timeout(400)
                person.page.screenshot(path=self._folder / f"{state}-{width}-{scheme}.png", full_page=True)
                person.page.context.close()

    def _person(self, name: str, **options: object) -> Person:
        page = self._browser.new_context(base_url=self._site.url, **options).new_page()  # type: ignore[arg-type]
        person = Person(page, self._site, name, self._tokens[name])
        person.sign_in()
        return person


@contextmanager
def gallery(folder: Path) -> Iterator[tuple[Gallery, Site]]:
    """Start a site and a browser."""
    with Site(JOB_HANDLERS="tests.handlers,tests.browser.handlers", LEASE_SECONDS="4", TOKEN_RATE="1000/min") as site:
        site.serve()
        site.worker()
        with sync_playwright() as playwright:
            browser = chromium.launch(playwright)
            yield Gallery(browser, site, folder), site
            browser.close()


def main(folder: Path) -> None:
    """Take all."""
    folder.mkdir(parents=True, exist_ok=True)
    with gallery(folder) as (pictures, site):
        ann = pictures.staff
        pictures.take("empty", "/", user="nobody")
        waiting = ann.create("test.answer", query="Which of these waits until tonight?", runAt="2999-01-01T20:00:00Z")
        pictures.take("waiting", f"/jobs/{waiting}/")
        done = ann.create("test.answer", query="How does the with statement work?")
        wait_until(lambda: ann.get(done)["state"] == "completed", what="a completed job")
        pictures.take("done", f"/jobs/{done}/")
        failed = ann.create("test.answer", query="What does the corpus say about krakens?", input={"fail": "The corpus is not there."})
        wait_until(lambda: ann.get(failed)["state"] == "failed", what="a failed job")
        pictures.take("failed", f"/jobs/{failed}/")
        streaming = ann.create("test.answer", query="How do context managers nest?", input={"seconds": 0.1, "rounds": 60})
        wait_until(lambda: len(ann.get(streaming)["streamingText"] or "") > 600, what="some text")
        pictures.take("streaming", f"/jobs/{streaming}/")
        pictures.take("list", "/")
        site.processes[1].kill()
        wait_until(lambda: ann.get(streaming)["state"] == "running", what="the job to run")
        other = site.worker("--types", "test.echo")  # it rescues, and runs nothing of this type
        wait_until(lambda: ann.get(streaming)["state"] == "created", what="the job put back")
        pictures.take("lost", f"/jobs/{streaming}/")
        assert other.is_alive


if __name__ == "__main__":
    main(Path(sys.argv[1]))
