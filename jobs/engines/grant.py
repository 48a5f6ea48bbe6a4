"""What allows one run to report for one attempt of one job, and nothing else: signed, so that nothing of it is kept."""

from dataclasses import dataclass

from django.core import signing

PREFIX = "run~"
"""With it a grant is told from a worker token."""
_SALT = "jobs.engines"


@dataclass(frozen=True)
class Grant:
    """Who holds which attempt of which job."""

    worker_id: str
    job_id: str
    attempt: int

    def sign(self) -> str:
        """Return it as a token."""
        return PREFIX + signing.dumps([self.worker_id, self.job_id, self.attempt], salt=_SALT)

    @classmethod
    def read(cls, token: str) -> "Grant | None":
        """Return the grant that a token is, None for any other text. It ends with the attempt: every call asks the row."""
        if not token.startswith(PREFIX):
            return None
        try:
            return cls(*signing.loads(token.removeprefix(PREFIX), salt=_SALT))
        except signing.BadSignature:
            return None
