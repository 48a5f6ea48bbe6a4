"""A job, from the form to its end, as a person sees it."""

from playwright.sync_api import expect

from tests.browser.handlers import STEPS
from tests.browser.person import Person


def test_a_job_is_started_in_the_form_and_watched_to_its_end(ann: Person) -> None:
    job_id = ann.start("test.answer", "How does the with statement work?")
    expect(ann.page.get_by_role("list", name="Steps").get_by_role("listitem")).to_have_count(5)
    ann.expect_light("online")
    ann.expect_state("completed")
    assert [name.text_content() for name in ann.part("step-name").all()] == list(STEPS)
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"] != ""
    expect(ann.bar).to_contain_text("Completed")
