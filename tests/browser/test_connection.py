"""The connection goes, and comes back: nothing is missed, nothing is claimed."""

import re

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.waiting import wait_until


def test_the_server_is_killed_and_comes_back_and_the_text_is_whole(ann: Person) -> None:
    site = ann.site
    job_id = ann.create("test.answer", query="Through a crash", input={"seconds": 0.02, "rounds": 3})
    ann.open(job_id)
    ann.expect_state("running")
    wait_until(lambda: len(ann.part("text").text_content() or "") > 100, what="some text")
    site.processes[0].kill()
    ann.expect_light("offline")
    expect(ann.bar).to_contain_text(re.compile(r"shown as of \d\d:\d\d:\d\d"))
    expect(ann.part("link-vital")).to_contain_text(re.compile(r"Offline, shown as of \d\d:\d\d:\d\d"))
    seen = ann.part("text").text_content() or ""
    site.processes[0] = site.serve()
    ann.expect_light("online", seconds=30)
    expect(ann.part("link-vital")).to_have_text("Live")
    ann.expect_state("completed", seconds=30)
    text = ann.part("text").text_content() or ""
    assert text == ann.get(job_id)["streamingText"]
    assert text.startswith(seen)


def test_a_worker_that_is_killed_is_told_and_the_timeline_marks_it(ann: Person) -> None:
    site = ann.site
    job_id = ann.create("test.answer", query="Killed", input={"seconds": 0.02, "rounds": 4})
    ann.open(job_id)
    expect(ann.part("worker-vital")).to_have_text("Worker alive")
    expect(ann.part("work-vital")).to_have_text("At work")
    wait_until(lambda: len(ann.part("text").text_content() or "") > 100, what="some text")
    site.processes[1].kill()
    expect(ann.part("worker-vital")).to_have_text("Worker late")
    other = site.worker("--types", "test.echo")  # it rescues, and takes no job of this type
    expect(ann.part("worker-vital")).to_have_text(re.compile("^Worker lost. "), timeout=15_000)
    site.processes[1] = site.worker()
    site.processes.remove(other)
    other.kill()
    ann.expect_state("completed", seconds=60)
    expect(ann.part("worker-vital")).to_be_hidden()
    ann.page.get_by_role("button", name=re.compile("^5 steps in")).click()
    expect(ann.part("attempt")).to_have_text([re.compile("^Attempt 1 .* worker lost$"), re.compile("^Attempt 2 .* completed$")])
    expect(ann.part("timeline").locator(".end[data-end=worker_lost]")).to_be_visible()
    assert ann.part("text").text_content() == ann.get(job_id)["streamingText"]


def test_one_who_comes_without_a_connection_is_told_and_sees_the_job_once_there_is_one(ann: Person) -> None:
    job_id = ann.create("test.answer", query="Behind a tunnel")
    ann.page.route("**/api/auth/ticket", lambda route: route.abort())
    ann.open(job_id)
    expect(ann.part("empty-words")).to_have_text("Offline. It is shown as soon as the connection is back.")
    ann.page.unroute_all(behavior="ignoreErrors")
    ann.expect_state("completed")
    expect(ann.part("empty")).to_be_hidden()


def test_a_job_that_is_deleted_is_gone_from_the_page(ann: Person) -> None:
    job_id = ann.create("test.answer", query="Gone")
    ann.open(job_id)
    ann.expect_state("completed")
    ann.site.manage("shell", "--verbosity", "0", "-c", f"from jobs.models import Job; Job.objects.filter(pk={job_id!r}).delete()")
    ann.expect_state("missing")
    expect(ann.page.get_by_role("alert").filter(has_text="This job was deleted.")).to_be_visible()
    expect(ann.part("text")).to_be_hidden()


def test_one_who_signed_out_elsewhere_is_told(ann: Person) -> None:
    ann.expect_light("online")
    elsewhere = ann.page.context.new_page()
    elsewhere.goto("/")
    elsewhere.get_by_role("button", name="Sign out").click()
    expect(elsewhere.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(ann.page.get_by_role("link", name="Sign in again")).to_be_visible()


def test_signing_out_leaves_nothing_in_the_browser(ann: Person) -> None:
    ann.open(ann.create("test.answer", query="Kept"))
    ann.expect_state("completed")
    ann.page.goto("/")
    assert ann.page.evaluate("localStorage.length") > 0
    ann.page.get_by_role("button", name="Sign out").click()
    expect(ann.page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert ann.page.evaluate("localStorage.length") == 0
