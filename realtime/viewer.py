"""The holder of a share token, in the place of a user: may watch one job, and do nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SharedViewer:
    """Has no name and no jobs; whoever asks what a user may do finds that this one may not."""

    pk: str
    """What limits tell viewers apart by: one for each token."""
    job_id: str
    """The job that was shared."""
    is_authenticated = True
    is_anonymous = False
    is_active = True
    is_staff = False

    def get_username(self) -> None:
        """Return that there is no name."""
        return
