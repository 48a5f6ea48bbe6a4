"""Where promtool comes from: PATH, else Debian's package, unpacked beside the project, as its installation would start a server."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".cache" / "promtool"


def promtool() -> str | None:
    """Return its path; None where there is none to be had."""
    unpacked = FOLDER / "usr" / "bin" / "promtool"
    if found := shutil.which("promtool"):
        return found
    if not unpacked.exists() and os.geteuid() == 0 and shutil.which("apt-get") and shutil.which("dpkg"):
        _unpack()
    return str(unpacked) if unpacked.exists() else None


def _unpack() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for command in (["apt-get", "update", "-qq"], ["apt-get", "download", "-qq", "prometheus"]):
        subprocess.run(command, cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
    for package in FOLDER.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package.name, "."], cwd=FOLDER, check=False)
        package.unlink()
