"""How jobs are shown in a list. What a job says is escaped, always."""

from datetime import datetime

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.lifecycle import State
from jobs.models import Job, iso

TITLE_CHARACTERS = 90


def title_of(job: Job) -> str:
    """Return what a job is called: its query, or its type where it has none."""
    title = " ".join(job.query.split()) or job.type
    return title if len(title) <= TITLE_CHARACTERS else f"{title[: TITLE_CHARACTERS - 1]}…"


@admin.display(description="Job")
def job(job: Job) -> SafeString:
    """Show what it is about, and its id."""
    return format_html('<span class="job-title" data-job-id="{}">{}</span><code class="job-id">{}</code>', job.pk, title_of(job), job.pk)


@admin.display(description="State")
def state(job: Job) -> SafeString:
    """Show the state, and how far the job is: a bar, the percentage, and the step while it runs."""
    percent = int(job.progress)
    step = (job.step or "") if job.state == State.RUNNING else ""
    return format_html(
        '<span class="job-progress" data-state="{}"><span class="job-state" data-state="{}">{}</span>'
        '<span class="job-percent">{} %</span>'
        '<svg class="job-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="job-bar-fill" width="{}" height="6"/></svg>'
        '<span class="job-step">{}</span></span>',
        job.state, job.state, job.state.capitalize(), percent, percent, step,
    )  # fmt: skip


@admin.display(description="Type, owner")
def type_and_owner(job: Job) -> SafeString:
    """Show the type, and whose it is."""
    return format_html('<span class="job-type">{}</span><span class="job-owner">{}</span>', job.type, job.owner.get_username())


@admin.display(description="Age, attempt")
def age(job: Job) -> SafeString:
    """Show how long ago it was created, the attempt, and what went wrong before it."""
    trouble = [f"{count} {word}" for count, word in ((job.failures, "failed"), (job.kills, "killed")) if count]
    return format_html(
        '{}<span class="job-tries">attempt <span class="job-attempt">{}</span> <span class="job-trouble">{}</span></span>',
        ago(job.created_at), job.attempt, ", ".join(trouble),
    )  # fmt: skip


def ago(at: datetime | None) -> SafeString:
    """Show a time as an age; when it was stands beside it for those who point at it."""
    if at is None:
        return SafeString("")
    words = age_words((timezone.now() - at).total_seconds())
    return format_html('<time class="age" datetime="{}" title="{}">{}</time>', iso(at), f"{at:%Y-%m-%d %H:%M:%S} UTC", words)


def age_words(seconds: float) -> str:
    """Say an age in the largest unit that fits."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"


COLUMNS = (job, state, type_and_owner, age)
