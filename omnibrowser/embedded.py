"""What `manage.py up` needs before Django reads its settings: a state folder, secrets, and a Valkey when no `REDIS_URL` is set."""

import atexit
import fcntl
import json
import os
import secrets
import sys
from pathlib import Path
from typing import IO

from omnibrowser.valkey import Valkey, ValkeyUnavailableError

_lock: IO[str] | None = None

DEFAULTS = {
    "LOG_FORMAT": "console",  # a person reads the logs
    "SECURE_SSL_REDIRECT": "0",  # http://localhost has no certificate
    "SHUTDOWN_GRACE_SECONDS": "3",  # whoever presses Ctrl-C waits for it
}


def prepare_environment(base_dir: Path) -> None:
    """Set the environment for this process and those that it starts. Ends with one line that says what is wrong and what to do."""
    state_dir = Path(os.environ.get("STATE_DIR") or base_dir / ".state").absolute()
    _claim(state_dir)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    os.environ["STATE_DIR"] = str(state_dir)
    values = _remembered(state_dir)
    values = {"secret_key": secrets.token_hex(32), "jwt_secret": secrets.token_hex(32), **values}
    values.pop("redis_url", None)
    if not os.environ.get("REDIS_URL"):
        try:
            valkey = Valkey(state_dir / "valkey")
        except (ValkeyUnavailableError, OSError) as error:
            sys.exit(f"error: {error}")
        atexit.register(valkey.stop)
        values["redis_url"] = os.environ["REDIS_URL"] = valkey.url
    _remember(state_dir, values)
    for name in ("secret_key", "jwt_secret"):
        os.environ[name.upper()] = os.environ.get(name.upper()) or values[name]


def _claim(state_dir: Path) -> None:
    """Make the folder, and be the only one that runs in it."""
    global _lock
    try:
        state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _lock = (state_dir / "up.lock").open("w")
    except OSError as error:
        reason = error.strerror or error
        sys.exit(
            f"error: {state_dir} cannot be written ({reason}). Make it writable, or set STATE_DIR to a folder that is; "
            "see docs/troubleshooting.md#it-does-not-start"
        )
    try:
        fcntl.flock(_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"error: it runs already in {state_dir}. End that one, or set STATE_DIR and SOCKET_PORT for another.")


def _remembered(state_dir: Path) -> dict[str, str]:
    try:
        values = json.loads((state_dir / "embedded.json").read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        sys.exit(f"error: {state_dir / 'embedded.json'} cannot be read ({error}). Delete it: new secrets sign everybody out, jobs stay.")
    return {key: str(value) for key, value in values.items()}


def _remember(state_dir: Path, values: dict[str, str]) -> None:
    path = state_dir / "embedded.json"
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(values, indent=1))
    fresh.replace(path)
