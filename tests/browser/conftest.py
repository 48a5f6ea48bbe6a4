"""A site with a server and a worker, and Chromium.

Playwright's synchronous API keeps an event loop running in this thread, which async tests and the ORM do not bear:
so these tests run last, and Playwright ends with the last of them.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from omnibrowser.valkey import free_port
from tests.browser import chromium
from tests.browser.person import Person
from tests.processes import Site

HERE = Path(__file__).parent
EMBEDDING_ORIGIN = "http://localhost:9999"
"""A page of somebody else's, which embeds the elements."""
PATIENCE_MS = 20_000
"""So long a page may take to show what it should: a machine that does much besides is slow, and no test is about how slow."""
APP_PORT = free_port()
"""Where an app lives whose origin is allowed."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: HERE in item.path.parents)


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    with Site(
        JOB_HANDLERS="tests.handlers,tests.browser.handlers",
        ALLOWED_ORIGINS=f"{EMBEDDING_ORIGIN},http://localhost:{APP_PORT},app://desktop",
    ) as site:
        site.serve()
        site.worker()
        yield site


@pytest.fixture(scope="package")
def chromium_browser() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def tokens(site: Site) -> dict[str, str]:
    """Return the tokens of the users that there are."""
    return {name: site.user(name) for name in ("ann", "bob")}


@pytest.fixture(scope="package")
def staff_token(site: Site) -> str:
    """Return the token of Staff, who may do everything."""
    return site.user("staff", staff=True)


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """Collect what goes wrong in scripts, which fails the test."""
    faults: list[str] = []
    yield faults
    assert faults == []


@pytest.fixture
def open_browser(chromium_browser: Browser, site: Site) -> Iterator[Callable[..., BrowserContext]]:
    """Return what makes a browser that knows nothing; its options are Playwright's."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium_browser.new_context(base_url=site.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        with suppress(PlaywrightError):
            # A page that a test makes up has no address, and counts as one from outside. Older browsers do not ask.
            context.grant_permissions(["local-network-access"])
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def new_person(
    open_browser: Callable[..., BrowserContext], site: Site, tokens: dict[str, str], faults: list[str]
) -> Iterator[Callable[..., Person]]:
    """Return what makes a signed-in person, on the list of her jobs; its options are those of a browser context."""
    people: list[Person] = []

    def make(name: str = "ann", **options: Any) -> Person:
        page = open_browser(**options).new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        person = Person(page, site, name, tokens[name])
        person.sign_in()
        people.append(person)
        return person

    yield make
    for person in people:
        person.leave()


@pytest.fixture
def ann(new_person: Callable[..., Person]) -> Person:
    """Return Ann."""
    return new_person("ann")


@pytest.fixture
def blank(open_browser: Callable[..., BrowserContext], faults: list[str]) -> Page:
    """Return a page that nobody has signed in on."""
    page = open_browser().new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    return page
