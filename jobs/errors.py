"""What can go wrong with a job. The message of each is its docstring unless one is given."""


class JobError(Exception):
    """Something is wrong with a job."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").split("\n")[0])


class JobFailed(JobError):
    """Raised by a handler: the job fails at once, without a retry. `code` is for programs, `message` for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class JobStopped(JobError):
    """The run is over: the job was cancelled or paused, its lease is lost, or the worker ends. Let it pass through."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The run was stopped: {reason}.")
        self.reason = reason


class EngineLost(JobError):
    """The process that ran the job in another engine is lost."""


class LeaseLost(JobError):
    """The attempt does not hold the job any more; nothing was written."""


class Fenced(LeaseLost):
    """This worker does not hold this attempt of the job any more: stop working on it."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class Gap(JobError):
    """What was sent does not go on from what the job has."""

    def __init__(self, message: str, *, position: str, text_length: int) -> None:
        super().__init__(message)
        self.position = position
        self.text_length = text_length


class JobNotFound(JobError):
    """There is no such job."""


class JobForbidden(JobError):
    """You may watch this job, and not change it: it is somebody else's."""


class CommandConflict(JobError):
    """The job is in a state that does not allow this."""

    def __init__(self, message: str, *, state: str) -> None:
        super().__init__(message)
        self.state = state


class JobExists(JobError):
    """This jobId is taken by a job with another body or of another owner."""


class JobNotClaimable(JobError):
    """The job does not wait for a worker now."""


class JobNotClaimed(JobError):
    """This process does not hold the job."""


class UnknownType(JobError):
    """No handler runs jobs of this type."""


class QuotaReached(JobError):
    """As many jobs of yours wait as may: let some of them run first."""
