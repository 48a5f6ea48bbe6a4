"""The list of my jobs: it moves by itself, and the status bar follows."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.person import Person


def test_one_who_has_no_jobs_is_told_what_to_do(new_person: Callable[..., Person]) -> None:
    bob = new_person("bob")
    expect(bob.page.get_by_text("Nothing here yet.")).to_be_visible()
    expect(bob.bar).to_contain_text("No job yet")
    expect(bob.page.get_by_role("searchbox", name="Search my jobs")).to_be_hidden()
    bob.expect_light("online")
    bob.page.get_by_role("button", name="Start").click()  # without a question there is nothing to search for
    assert bob.page.get_by_label("Question").evaluate("(input) => input.validity.valueMissing")
    assert bob.page.url.endswith("/")
    bob.start("test.echo", "")
    bob.page.goto("/")
    expect(bob.page.get_by_role("searchbox", name="Search my jobs")).to_be_visible()


def test_a_job_that_was_created_elsewhere_comes_up_and_moves(ann: Person) -> None:
    ann.expect_light("online")
    job_id = ann.create("test.answer", query="From elsewhere", input={"seconds": 0.01})
    row = ann.page.locator(f"[data-job-id='{job_id}']")
    expect(row).to_contain_text("From elsewhere")
    expect(ann.page.locator("#job-list > li").first).to_have_attribute("data-job-id", job_id)
    expect(ann.bar).to_have_attribute("job-id", job_id)
    expect(row).to_have_attribute("data-state", "completed")
    expect(row.get_by_role("link")).to_have_attribute("href", f"/jobs/{job_id}/")
    expect(ann.bar).to_contain_text("Completed")


def test_a_refused_job_says_why(ann: Person) -> None:
    ann.page.get_by_label("Question").evaluate("(input) => { input.maxLength = 10_000 }")
    ann.page.get_by_label("Question").fill("ä" * 5000)
    ann.page.get_by_role("button", name="Start").click()
    expect(ann.page.get_by_role("alert").filter(has_text="8192 bytes")).to_be_visible()


def test_a_job_that_is_started_offline_waits_for_the_connection(ann: Person) -> None:
    ann.expect_light("online")
    ann.page.context.set_offline(True)
    ann.expect_light("offline")
    ann.page.get_by_label("Type").select_option("test.answer")
    ann.page.get_by_label("Question").fill("From the train")
    ann.page.get_by_role("button", name="Start").click()
    row = ann.page.locator("#job-list > li").filter(has_text="From the train")
    expect(row).to_contain_text("Not sent yet")
    ann.page.context.set_offline(False)
    expect(row).to_have_attribute("data-state", "completed")


def test_the_list_is_narrowed_and_still_moves(ann: Person) -> None:
    failed = ann.create("test.answer", query="Narrow: krakens", input={"fail": "No krakens."})
    ann.create("test.answer", query="Narrow: whales")
    row = ann.page.locator("#job-list > li")
    expect(row.filter(has_text="krakens").first).to_have_attribute("data-state", "failed")

    ann.page.get_by_role("link", name="Failed", exact=True).click()
    ann.page.get_by_role("searchbox", name="Search my jobs").fill("narrow")
    ann.page.keyboard.press("Enter")
    expect(row).to_have_count(1)
    expect(row).to_have_attribute("data-job-id", failed)
    expect(ann.page.get_by_role("link", name="Failed", exact=True)).to_have_attribute("aria-current", "page")

    ann.expect_light("online")
    ann.site.call("POST", f"/api/jobs/{failed}/retry", {}, token=ann.token)
    expect(row.locator(".row-bar")).to_have_attribute("aria-valuenow", "98")
    another = ann.create("test.answer", query="Narrow: more krakens", input={"fail": "No krakens."})
    expect(ann.page.locator(f"[data-job-id='{another}']")).to_have_attribute("data-state", "failed")

    ann.page.get_by_role("searchbox", name="Search my jobs").fill("unheardof")
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_text("Nothing matches.")).to_be_visible()
    ann.page.get_by_role("link", name="Show all my jobs").click()
    expect(row.filter(has_text="whales")).to_be_visible()


def test_a_list_that_nobody_can_ask_for_is_the_whole_one(ann: Person) -> None:
    ann.page.goto("/?state=nonsense&cursor=%00")
    expect(ann.page).to_have_url(ann.site.url + "/")


def test_older_jobs_stand_on_further_pages(ann: Person) -> None:
    ann.create("test.echo", query="The oldest of many")
    for index in range(50):
        ann.create("test.echo", query=f"One of many, {index}")
    ann.page.goto("/?search=many")
    ann.page.get_by_role("link", name="Older").click()
    expect(ann.page.locator("#job-list > li").filter(has_text="The oldest of many")).to_be_visible()
    ann.page.get_by_role("link", name="Newer").click()
    expect(ann.page.locator("#job-list > li").filter(has_text="One of many, 49")).to_be_visible()
