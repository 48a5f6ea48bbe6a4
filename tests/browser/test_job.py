"""A job, from the form to its end, as a person sees it and steers it."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.handlers import SOURCES, STEPS
from tests.browser.person import Person
from tests.waiting import wait_until

LONG = {"seconds": 0.02, "rounds": 40}
"""The input of a job that lasts longer than a test."""


def test_a_search_is_started_in_the_form_and_watched_to_its_end(ann: Person) -> None:
    job_id = ann.start("search", "How does the with statement work?")
    expect(ann.page.get_by_role("list", name="Steps").get_by_role("listitem")).to_have_count(5)
    ann.expect_light("online")
    ann.expect_state("completed", seconds=60)
    job = ann.get(job_id)
    assert job["input"] == {"wordsPerSecond": 30}
    assert [name.text_content() for name in ann.part("step-name").all()] == list(STEPS)
    assert ann.part("text").text_content() == job["streamingText"] != ""
    expect(ann.part("source-title")).to_have_text([str(source["title"]) for source in job["result"]["sources"]])
    expect(ann.bar).to_contain_text("Completed")


def test_a_completed_job_folds_to_its_text_and_sources_and_opens_again(ann: Person) -> None:
    ann.open(ann.create("test.answer", query="Fold"))
    ann.expect_state("completed")
    expect(ann.part("source-path")).to_have_text([str(source["path"]) for source in SOURCES])
    expect(ann.part("steps")).to_be_hidden()
    ann.page.get_by_role("button", name=re.compile("^5 steps in")).click()
    expect(ann.part("steps")).to_be_visible()
    ann.part("source-line").first.click()
    expect(ann.part("passage").first).to_have_text(str(SOURCES[0]["passage"]))


def test_cancel_asks_once(ann: Person) -> None:
    job_id = ann.create("test.answer", query="Cancel", input=LONG)
    ann.open(job_id)
    ann.expect_state("running")
    ann.page.get_by_role("button", name="Cancel", exact=True).click()
    sure = ann.page.get_by_role("button", name="Really cancel this job?")
    expect(sure).to_have_text(re.compile("Cancel it?"))
    assert ann.get(job_id)["state"] == "running"
    sure.click()
    ann.expect_state("cancelled")
    job = ann.get(job_id)
    assert (job["state"], job["streamingText"]) == ("cancelled", ann.part("text").text_content())
    expect(ann.page.get_by_role("button", name="Try again")).to_be_visible()
    expect(ann.page.get_by_role("button", name="Pause")).to_be_hidden()


def test_a_job_is_paused_and_resumed(ann: Person) -> None:
    job_id = ann.create("test.answer", query="Pause", input={"seconds": 0.01, "rounds": 3})
    ann.open(job_id)
    ann.page.get_by_role("button", name="Pause").click()
    ann.expect_state("paused")
    ann.page.get_by_role("button", name="Resume").click()
    ann.expect_state("completed")
    job = ann.get(job_id)
    assert (job["attempt"], job["streamingText"]) == (2, ann.part("text").text_content())
    expect(ann.part("meta")).to_contain_text("attempt 2")


def test_a_failed_job_says_why_and_is_tried_again(ann: Person) -> None:
    ann.open(ann.create("test.answer", query="Fail", input={"fail": "The corpus is not there."}))
    ann.expect_state("failed")
    expect(ann.page.get_by_role("alert").filter(has_text="The corpus is not there.")).to_contain_text("corpus_missing")
    expect(ann.part("steps").get_by_role("listitem").last).to_have_attribute("data-state", "stopped")
    ann.page.get_by_role("button", name="Try again").click()
    expect(ann.part("meta")).to_contain_text("attempt 2, from the start")
    ann.expect_state("failed")


def test_what_an_attempt_kept_of_the_one_before_is_said(ann: Person) -> None:
    """The first attempt ends by an error behind its second checkpoint, `[0:1][1:1]`."""
    job_id = ann.create_later("test.saving", query="Keep", input={"interrupt_at": 2})
    ann.open(job_id)
    ann.expect_state("created")
    ann.begin(job_id)
    expect(ann.part("meta")).to_contain_text("attempt 2, kept 10 characters")
    ann.expect_state("completed")


def test_a_command_that_is_refused_says_so(ann: Person) -> None:
    job_id = ann.create("test.answer", query="Refuse", input=LONG)
    ann.open(job_id)
    ann.expect_state("running")
    ann.page.context.set_offline(True)
    ann.expect_light("offline")
    ann.page.get_by_role("button", name="Pause").click()
    expect(ann.part("note")).to_have_text("Pause: sent as soon as the connection is back.")
    ann.site.call("POST", f"/api/jobs/{job_id}/cancel", token=ann.token)
    ann.page.context.set_offline(False)
    ann.expect_state("cancelled")
    expect(ann.part("note")).to_have_attribute("data-bad", "")


def test_what_is_copied_is_the_text(ann: Person) -> None:
    ann.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    job_id = ann.create("test.answer", query="Copy")
    ann.open(job_id)
    ann.expect_state("completed")
    ann.page.get_by_role("button", name="Copy").click()
    expect(ann.page.get_by_role("button", name="Copied")).to_be_visible()
    assert ann.page.evaluate("navigator.clipboard.readText()") == ann.get(job_id)["streamingText"]


def test_the_keyboard_is_enough(ann: Person) -> None:
    ann.page.get_by_label("Type").select_option("test.answer")
    ann.page.get_by_label("Question").focus()
    ann.page.keyboard.type("By keyboard")
    expect(ann.page.get_by_role("button", name="Start")).to_be_enabled()
    ann.page.keyboard.press("Enter")
    ann.page.wait_for_url("**/jobs/*/")
    ann.expect_state("completed")
    fold = ann.page.get_by_role("button", name=re.compile("^5 steps in"))
    for _ in range(20):
        ann.page.keyboard.press("Tab")
        if fold.evaluate("(button) => button.getRootNode().activeElement === button"):
            break
    ann.page.keyboard.press("Space")
    expect(ann.part("steps")).to_be_visible()


@pytest.mark.parametrize(("value", "shown"), [({"total": 3}, '"total": 3'), ("x" * 40_000, "x" * 40_000), (0, "0"), (None, None)])
def test_a_result_without_sources_is_shown_as_it_is(ann: Person, value: object, shown: str | None) -> None:
    """A string of 40,000 characters is too large for events: the page asks REST for it."""
    ann.open(ann.create("test.echo", query="Result", input={"value": value}))
    ann.expect_state("completed")
    if shown is None:
        expect(ann.part("outcome")).to_be_hidden()
    else:
        wait_until(lambda: shown in (ann.part("result").text_content() or ""), what="the result")
