"""Where Chromium comes from, and how it is started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = ("--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
INSTALL_SECONDS = 600


def launch(playwright: Playwright) -> Browser:
    """Start Chromium without a window."""
    as_root = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    arguments = ["--headless=new", *QUIET, *as_root]
    return playwright.chromium.launch(executable_path=find(Path(playwright.chromium.executable_path)), args=arguments)


def find(playwrights_own: Path) -> str:
    """Return the path of a Chromium: the one that CHROMIUM names, the system's, Playwright's own; the last resort is to install one."""
    if named := os.environ.get("CHROMIUM"):
        return named
    if (path := _on_path()) or playwrights_own.exists():
        return path or str(playwrights_own)
    if _runs(sys.executable, "-m", "playwright", "install", "--with-deps", "chromium") and playwrights_own.exists():
        return str(playwrights_own)
    if shutil.which("apt-get") and os.geteuid() == 0 and _runs("apt-get", "update") and _runs("apt-get", "install", "-y", "chromium"):
        path = _on_path()
    if not path:
        raise RuntimeError("The browser tests need Chromium: install it (Debian: apt-get install chromium), or set CHROMIUM to its path.")
    return path


def _on_path() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _runs(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(command, env=environment, capture_output=True, check=False, timeout=INSTALL_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
