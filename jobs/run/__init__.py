"""What runs a job, for handlers (`JobRun`) and for processes of other engines (`claimed`)."""

from jobs.run.claiming import ClaimedRun, claimed
from jobs.run.job_run import BlockingJobRun, JobRun
from jobs.run.reporting import publish_job_progress

__all__ = ["BlockingJobRun", "ClaimedRun", "JobRun", "claimed", "publish_job_progress"]
