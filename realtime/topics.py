"""What one can subscribe to, and the Channels groups behind it."""

import re

JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""A job's id: 1 to 64 of letters, digits, `.`, `_` and `-`, first a letter or digit."""

MY_JOBS = "jobs"
"""The topic of one's own jobs, as summaries."""

ALL_JOBS = "jobs:all"
"""The topic of everybody's jobs, for staff."""

ALL_JOBS_GROUP = "jobs.all"
"""Hears of everybody's jobs."""

WORKERS_GROUP = "workers"
"""Hears that there is work."""


def is_job_id(text: object) -> bool:
    """Tell whether `text` can be the id of a job."""
    return isinstance(text, str) and JOB_ID.fullmatch(text) is not None


def job_topic(job_id: str) -> str:
    """Return the topic of one job."""
    return f"job:{job_id}"


def job_id_of(topic: str) -> str | None:
    """Return the job's id of a job's topic, None for another topic."""
    kind, _, job_id = topic.partition(":")
    return job_id if kind == "job" and is_job_id(job_id) else None


def job_group(job_id: str) -> str:
    """Return the Channels group of those who watch one job."""
    return f"job.{job_id}"


def user_group(user_id: object) -> str:
    """Return the Channels group that hears of a user's jobs."""
    return f"user.{user_id}"


def worker_group(worker_id: str) -> str:
    """Return the Channels group of one worker: "job X was stopped"."""
    return f"worker.{worker_id}"
