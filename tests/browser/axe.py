"""axe-core: what a machine can find of the barriers of a page."""

import subprocess
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parent.parent.parent
AXE = ROOT / "tests/js/node_modules/axe-core/axe.min.js"


def violations(page: Page, within: str = "html") -> list[str]:
    """Return what axe finds inside an element, as `rule: what it is about`."""
    if not AXE.exists():
        command = [
            str(ROOT / ".ci/node.sh"),
            "npm",
            "ci",
            "--prefix",
            str(ROOT / "tests/js"),
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        subprocess.run(command, check=True, timeout=300)
    page.evaluate(AXE.read_text())
    run = "async (within) => (await axe.run(within)).violations.map(({id, nodes}) => [id, nodes.map(({html}) => html)])"
    found = page.evaluate(run, within)
    return [f"{rule}: {node}" for rule, nodes in found for node in nodes]
