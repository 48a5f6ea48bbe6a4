"""A person at a browser: what she does, and what she sees."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.processes import PASSWORD, Site


class Person:
    """One signed-in user with one page."""

    def __init__(self, page: Page, site: Site, name: str, token: str) -> None:
        self.page, self.site, self.name, self.token = page, site, name, token
        self._jobs: list[str] = []

    def sign_in(self) -> None:
        """Come to the list by the form."""
        self.page.goto("/")
        self.page.get_by_label("User name").fill(self.name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("heading", name="My jobs")).to_be_visible()

    def start(self, type: str, query: str) -> str:
        """Start a job with the form and return its id."""
        self.page.goto("/")
        self.page.get_by_label("Type").select_option(type)
        self.page.get_by_label("Question").fill(query)
        self.page.get_by_role("button", name="Start").click()
        self.page.wait_for_url("**/jobs/*/")
        return self.page.url.rstrip("/").rpartition("/")[2]

    def create(self, type: str, **body: Any) -> str:
        """Create a job over REST and return its id."""
        status, job = self.site.call("POST", "/api/jobs", {"type": type, **body}, token=self.token)
        assert status == 201, job
        job_id: str = job["jobId"]
        self._jobs.append(job_id)
        return job_id

    def create_later(self, type: str, **body: Any) -> str:
        """Create a job that waits for `begin`, so that a page can be there before it starts however slow the machine is."""
        return self.create(type, runAt="2999-01-01T00:00:00Z", **body)

    def begin(self, job_id: str) -> None:
        """Let a job start that waits."""
        status, problem = self.site.call("PATCH", f"/api/jobs/{job_id}", {"runAt": None}, token=self.token)
        assert status == 200, problem

    def leave(self) -> None:
        """Cancel what still runs, so that it takes no worker's time."""
        for job_id in self._jobs:
            self.site.call("POST", f"/api/jobs/{job_id}/cancel", token=self.token)

    def open(self, job_id: str) -> None:
        """Go to the job's page."""
        self.page.goto(f"/jobs/{job_id}/")

    def get(self, job_id: str) -> dict[str, Any]:
        """Return the job as REST has it."""
        job: dict[str, Any] = self.site.call("GET", f"/api/jobs/{job_id}", token=self.token)[1]
        return job

    @property
    def panel(self) -> Locator:
        return self.page.locator("task-activity-panel")

    @property
    def bar(self) -> Locator:
        return self.page.locator("job-status-bar")

    def part(self, name: str) -> Locator:
        """Return the parts of the panel that have this name."""
        return self.panel.locator(f"[part~={name}]")

    def expect_state(self, state: str, *, seconds: float = 20) -> None:
        """Wait until the panel shows this state."""
        expect(self.panel).to_have_attribute("data-state", state, timeout=seconds * 1000)

    def expect_light(self, connection: str, *, seconds: float = 20) -> None:
        """Wait until the status bar's light is `online`, `degraded` or `offline`."""
        expect(self.bar).to_have_attribute("data-connection", connection, timeout=seconds * 1000)
