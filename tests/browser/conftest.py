"""A site with a server and a worker, and Chromium.

Playwright's synchronous API keeps an event loop running in this thread, which async tests and the ORM do not bear:
so these tests run last, and Playwright ends with the last of them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import chromium
from tests.browser.person import Person
from tests.processes import Site

HERE = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: HERE in item.path.parents)


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with Site(JOB_HANDLERS="tests.handlers,tests.browser.handlers") as site:
        site.serve()
        site.worker()
        yield site


@pytest.fixture(scope="package")
def chromium_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def ann_token(site: Site) -> str:
    return site.user("ann")


@pytest.fixture
def blank(chromium_browser: Browser, site: Site) -> Iterator[Page]:
    """Return a page of a browser that knows nothing; what goes wrong in its scripts fails the test."""
    context = chromium_browser.new_context(base_url=site.url)
    context.set_default_timeout(15_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    context.close()
    assert faults == []


@pytest.fixture
def ann(blank: Page, site: Site, ann_token: str) -> Person:
    """Return Ann, signed in, on the list of her jobs."""
    person = Person(blank, site, "ann", ann_token)
    person.sign_in()
    return person
