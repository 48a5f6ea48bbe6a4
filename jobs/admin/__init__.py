"""The admin: all jobs, live, for staff. Those who may only view see everything and change nothing."""

from jobs.admin.jobs import JobAdmin

__all__ = ["JobAdmin"]
