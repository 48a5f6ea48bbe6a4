"""The environment of a test run: a real Valkey for each process, a real database, secrets and a state folder. A pytest plugin.

Loaded before Django reads its settings. `TEST_DATABASE` is `sqlite` (the default) or `postgres`.
"""

import atexit
import os
import tempfile
from pathlib import Path

from omnibrowser.valkey import Valkey
from tests.postgres import postgres_url

_folder = tempfile.TemporaryDirectory(prefix="omnibrowser-test-", ignore_cleanup_errors=True)
STATE_DIR = Path(_folder.name)

FAST = {
    "LEASE_SECONDS": "3",
    "FLUSH_SECONDS": "0.3",
    "RESCUE_SECONDS": "0.5",
    "POSITION_CHECK_SECONDS": "2",
    "POLL_SECONDS": "0.5",
    "SHUTDOWN_GRACE_SECONDS": "5",
}
"""FAULTS.md's times: every wait shrunk to what a test can afford."""


def _prepare() -> None:
    valkey = Valkey(STATE_DIR / "valkey", options=["--enable-debug-command", "local"])
    atexit.register(valkey.stop)
    os.environ.update(
        {
            **FAST,
            "STATE_DIR": str(STATE_DIR),
            "REDIS_URL": valkey.url,
            "SECRET_KEY": "tests-only-secret-key-0123456789abcdef0123456789",
            "JWT_SECRET": "tests-only-jwt-secret-0123456789abcdef0123456789abcdef0123456789abcdef",
            "DEBUG": "0",
            "SECURE_SSL_REDIRECT": "0",
            "DJANGO_SETTINGS_MODULE": "omnibrowser.settings",
            "API_RATE": "100000/min",
            "TOKEN_RATE": "100000/min",
            "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        }
    )
    for name in ("JOB_HANDLERS", "SEARCH_CORPUS", "ALLOWED_ORIGINS", "EVENT_LOG_LENGTH", "TEXT_LIMIT_BYTES"):
        os.environ.pop(name, None)
    os.environ["JOB_HANDLERS"] = "tests.handlers"
    if os.environ.get("TEST_DATABASE", "sqlite") == "postgres":
        os.environ["DATABASE_URL"] = postgres_url()
    else:
        os.environ["DATABASE_URL"] = f"sqlite:///{STATE_DIR / 'jobs.sqlite3'}"


_prepare()
