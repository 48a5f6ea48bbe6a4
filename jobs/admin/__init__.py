"""The admin: all jobs, live, for staff. Those who may only view see everything and change nothing."""

from jobs.admin.jobs import JobAdmin
from jobs.admin.worker_tokens import WorkerTokenAdmin
from jobs.admin.workers import WorkerAdmin

__all__ = ["JobAdmin", "WorkerAdmin", "WorkerTokenAdmin"]
