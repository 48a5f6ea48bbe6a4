"""What handlers import: `from jobs.handlers import job_handler`."""

from jobs.handlers.registry import job_handler

__all__ = ["job_handler"]
