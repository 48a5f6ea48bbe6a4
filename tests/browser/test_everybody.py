"""For everybody: narrow and wide, light and dark, without motion, and as a machine can tell, without barriers."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import axe
from tests.browser.person import Person
from tests.processes import Site

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänswitwe" * 5


def states(person: Person) -> Iterator[str]:
    """Bring the person's page to one state of the pages after another."""
    yield "the list"
    running = person.create("test.answer", query=f"Running {LONG_WORD}", input={"seconds": 0.02, "rounds": 40})
    person.open(running)
    person.expect_state("running")
    expect(person.part("text")).to_contain_text("context manager")
    yield "running"
    person.site.call("POST", f"/api/jobs/{running}/cancel", token=person.token)
    person.expect_state("cancelled")
    yield "cancelled"
    person.open(person.create("test.answer", query="Completed", input={"chunks": [LONG_WORD]}))
    person.expect_state("completed")
    yield "completed"
    person.open(person.create("test.fail", query="Failed", input={"message": LONG_WORD, "code": "a_rather_long_code_of_an_error"}))
    person.expect_state("failed")
    yield "failed"
    person.open(person.create("test.answer", query="Waiting", runAt="2999-01-01T00:00:00Z"))
    person.expect_state("created")
    yield "waiting"
    person.page.goto("/")
    expect(person.page.locator("#job-list > li").first).to_be_visible()
    yield "the list again"


@pytest.mark.parametrize("width", [320, 390, 820])
def test_nothing_is_wider_than_the_screen(new_person: Callable[..., Person], width: int) -> None:
    person = new_person("ann", viewport={"width": width, "height": 780})
    for state in states(person):
        assert person.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, state


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(new_person: Callable[..., Person], scheme: Literal["light", "dark"]) -> None:
    person = new_person("ann", color_scheme=scheme, reduced_motion="reduce")
    for state in states(person):
        assert axe.violations(person.page) == [], state


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier_in_front_of_the_door(
    open_browser: Callable[..., BrowserContext], site: Site, scheme: Literal["light", "dark"]
) -> None:
    page = open_browser(color_scheme=scheme).new_page()
    page.goto("/sign-in/")
    assert axe.violations(page) == []
    page.goto("/nowhere/")
    assert axe.violations(page) == []


def moving(page: Page) -> int:
    """Return how many animations run in the page and its elements."""
    count: int = page.evaluate(
        """() => [document, ...[...document.querySelectorAll("*")].map((element) => element.shadowRoot).filter(Boolean)]
          .flatMap((root) => root.getAnimations()).filter(({ playState }) => playState === "running").length"""
    )
    return count


def test_nothing_moves_for_those_who_asked_for_it(new_person: Callable[..., Person]) -> None:
    person = new_person("ann", reduced_motion="reduce")
    person.open(person.create("test.answer", query="Calm", input={"seconds": 0.02, "rounds": 40}))
    person.expect_state("running")
    expect(person.part("text")).to_contain_text("context manager")
    assert moving(person.page) == 0
