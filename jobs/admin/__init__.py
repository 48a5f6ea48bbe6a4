"""The admin: all jobs, live, for staff. Those who may only view see everything and change nothing."""

from jobs.admin.jobs import JobAdmin
from jobs.admin.program_tokens import ServiceTokenAdmin, WorkerTokenAdmin
from jobs.admin.shares import ShareAdmin
from jobs.admin.workers import WorkerAdmin

__all__ = ["JobAdmin", "ServiceTokenAdmin", "ShareAdmin", "WorkerAdmin", "WorkerTokenAdmin"]
