"""What may be done with a run: `JobRun` for handlers."""

from jobs.run.job_run import BlockingJobRun, JobRun

__all__ = ["BlockingJobRun", "JobRun"]
