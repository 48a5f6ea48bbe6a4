"""Progress from code that has no `run` at hand."""

from jobs import held
from jobs.errors import JobNotClaimed
from jobs.lifecycle import State


def publish_job_progress(job_id: str, user_id: int | str, state: str, step: str | None, progress: float | None) -> None:
    """Report for a job from any code, async or not, of the process that holds its attempt: what `run.progress` does.

    `user_id` is the job's owner, `state` is `running`, `step` a name or None for the same step, `progress` percent
    (0-100, never falls inside an attempt) or None. Returns at once: viewers get it with the next event.

    Raises JobNotClaimed when this process does not hold the job, JobStopped once the run is over, and ValueError for
    another owner, another state, or a percent or step that makes no sense.
    """
    run = held.find(job_id)
    if run is None:
        raise JobNotClaimed(
            f"This process does not hold job {job_id}. Call publish_job_progress while its handler runs here, "
            "or inside `with claimed(job_id):`."
        )
    if str(user_id) != run.owner_id:
        raise ValueError(f"Job {job_id} is not a job of user {user_id}.")
    if state != State.RUNNING:
        raise ValueError(
            f"A job that reports is {State.RUNNING}, not {state!r}: it completes when its handler returns, "
            "and fails when that raises JobFailed."
        )
    run.recorder.progress(progress, step, None)
