"""The settings of `jobs`, typed, with units in the names; read from `settings.JOBS`."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings as django_settings


@dataclass(frozen=True, kw_only=True)
class JobSettings:
    """How jobs are run. Each field is the environment variable of the same name, in upper case, where there is one."""

    lease_seconds: float = 10
    """How long a worker may stay silent before its jobs are given to others."""
    flush_seconds: float = 1
    """How often a worker writes its runs to their rows; each write renews the lease."""
    flush_events: int = 100
    """So many unflushed events of one run cause a flush at once."""
    unflushed_limit: int = 180
    """With so many unflushed events `write` waits: the log still holds what the row lacks."""
    coalesce_seconds: float = 0.05
    """Text and progress of one run within this time become one event."""
    rescue_seconds: float = 2
    """How often each worker looks for jobs whose lease is over."""
    poll_seconds: float = 1
    """How often an idle worker looks for jobs when no nudge comes."""
    shutdown_grace_seconds: float = 20
    """How long runs may go on after SIGTERM."""
    retention_days: float = 30
    deleted_users_jobs: str = "delete"
    """What becomes of the jobs of a user who is deleted: `delete` or `anonymise`."""
    text_limit_bytes: int = 256 * 1024
    """Most text of one job, as UTF-8; past it the attempt fails with `text_too_long`."""
    waiting_jobs_per_user: int = 20_000
    """Most created jobs of one user that may wait; 0: any number."""
    running_jobs_per_user: int = 0
    """Most running jobs of one user; 0: any number."""
    handler_modules: tuple[str, ...] = ()
    state_dir: Path = Path(".state")
    search_corpus: Path | None = None
    """A folder of documents that `search` answers from, beside the language reference."""
    version: str = ""
    """The version that workers say they run."""
    metrics_token: str = ""
    """Whoever has it may read `/metrics`; without one only this machine may."""
    worker_metrics_port: int = 0
    """Where `manage.py worker` answers `/metrics`; 0: nowhere."""
    worker_metrics_host: str = "127.0.0.1"
    is_production: bool = True
    """Whether others rely on this deployment: a drill asks for --yes then."""
    server_url: str = "http://127.0.0.1:3000"
    """Where this deployment's own programs find a server: commands, and handlers that run in other engines."""


settings = JobSettings(**getattr(django_settings, "JOBS", {}))
