"""The users' own checklist, line by line, in a real browser on a real site."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.handlers import STEPS
from tests.browser.person import Person
from tests.waiting import wait_until

SLOW = {"seconds": 0.03, "rounds": 2}


@pytest.mark.parametrize("way", ["by the API", "by the page"])
def test_the_checklist(ann: Person, way: str) -> None:
    # A job is created.
    if way == "by the API":
        job_id = ann.create("test.answer", query="How does it begin?", input=SLOW)
        ann.open(job_id)
    else:
        job_id = ann.start("test.answer", "How does it begin?")

    # The light is green.
    ann.expect_light("online")
    expect(ann.bar.locator("[part=link]")).to_have_text("Live")

    # The bar moves.
    bar = ann.bar.get_by_role("progressbar")
    wait_until(lambda: int(bar.get_attribute("aria-valuenow") or 0) > 0, what="a bar that moves")

    # The steps are there, and the text streams in.
    expect(ann.part("step-name")).to_have_text(list(STEPS))
    if way == "by the API":
        seen = ann.part("text").text_content() or ""
        wait_until(lambda: len(ann.part("text").text_content() or "") > len(seen), what="text that grows")
        expect(ann.part("step").filter(has_text="Generating")).to_have_attribute("data-state", "running")

        # The server is killed: red. It is started again: green, without a reload.
        site = ann.site
        site.processes[0].kill()
        ann.expect_light("offline")
        expect(ann.bar).to_contain_text(re.compile(r"Offline.*shown as of \d\d:\d\d:\d\d"))
        site.processes[0] = site.serve()
        ann.expect_light("online", seconds=30)

    # It completes, and the text is the row's, with every step done.
    ann.expect_state("completed", seconds=60)
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"] != ""
    assert [step["state"] for step in ann.get(job_id)["steps"]] == ["done"] * 5
    expect(bar).to_have_attribute("aria-valuenow", "100")
