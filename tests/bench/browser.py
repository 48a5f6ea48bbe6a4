"""The page in a real Chromium: how it bears a fast stream, how soon it comes, how soon it is back after the server was away.

Run `python -m tests.bench.browser`. Frames are the gaps between animation frames while 1,000 chunks a second arrive; memory is the
heap after a collection. LCP and CLS are Chromium's own, of the list and of a page of a job that streams.
"""

import argparse
import gzip
import re
import subprocess
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.bench.latency import percentile
from tests.browser import chromium
from tests.browser.person import Person
from tests.processes import ROOT, Site
from tests.proxy import Proxy

STATIC = ROOT / "realtime" / "static" / "realtime"
STABLE_MS = 6000
"""A connection that lasted so long begins its back-off anew."""
FRAMES = """() => {
  const frames = (window.frames_ = []);
  let last = performance.now();
  const note = (now) => { frames.push(now - last); last = now; requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""
PAINTS = """() => {
  window.paints = { lcp: 0, cls: 0 };
  const lcp = (list) => { for (const entry of list.getEntries()) window.paints.lcp = entry.startTime; };
  const cls = (list) => { for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.paints.cls += entry.value; };
  new PerformanceObserver(lcp).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver(cls).observe({ type: "layout-shift", buffered: true });
}"""


def fast_stream(person: Person, *, seconds: float) -> None:
    """Watch a job that writes 1,000 chunks a second."""
    job_id = person.create("bench.fast", input={"chunks": int(1000 * seconds)})
    person.open(job_id)
    person.expect_state("running")
    session = person.page.context.new_cdp_session(person.page)
    person.page.evaluate(FRAMES)
    heaps = []
    while person.panel.get_attribute("data-state") == "running":
        session.send("HeapProfiler.collectGarbage")
        heaps.append(session.send("Runtime.getHeapUsage")["usedSize"] / 1e6)
        person.page.wait_for_timeout(seconds * 100)
    frames = sorted(person.page.evaluate("window.frames_"))
    text = person.part("text").text_content() or ""
    job = person.get(job_id)
    took = (datetime.fromisoformat(job["finishedAt"]) - datetime.fromisoformat(job["startedAt"])).total_seconds()
    print(f"fast stream   {int(1000 * seconds) / took:.0f} chunks/s for {took:.0f} s, {len(text) / 1e3:.0f} KB of text")
    spread = [percentile(frames, percent) for percent in (50, 99, 100)]
    print("              frames: {:.0f} ms p50, {:.0f} p99, {:.0f} longest (limit 100)".format(*spread))
    print(f"              heap: {heaps[0]:.1f} MB at first, {max(heaps):.1f} MB at most, {heaps[-1]:.1f} MB at the end")
    print(f"              text equals the row: {text == job['streamingText']}")


def paints(page: Page, path: str, name: str) -> None:
    """Open a page and print when its largest paint came and how much moved."""
    page.goto(path)
    page.evaluate(PAINTS)
    page.wait_for_timeout(3000)
    found = page.evaluate("window.paints")
    print(f"{name:<14}LCP {found['lcp']:.0f} ms (limit 1000), CLS {found['cls']:.4f} (limit 0.02)")


def absences(person: Person, proxy: Proxy, *, seconds: float, times: int) -> None:
    """Have the server be away for a while, and note how long after its return the page is live."""
    waits = []
    for _ in range(times):
        person.expect_light("online", seconds=30)
        person.page.wait_for_timeout(STABLE_MS)
        proxy.cut(refuse=True)
        person.page.wait_for_timeout(1000 * seconds)
        proxy.heal()
        up = time.monotonic()
        while person.bar.get_attribute("data-connection") != "online":
            person.page.wait_for_timeout(20)
        waits.append(time.monotonic() - up)
    print(f"away {seconds:>4g} s   live again after {percentile(waits, 50):.2f} s (p50), {percentile(waits, 95):.2f} s (p95) of {times}")


def sizes() -> None:
    """Print what client, fold and store weigh: as served, alone and with all that they import, comments included; and bundled."""
    named = [STATIC / name for name in ("client.js", "fold.js", "store.js")]
    seen: set[Path] = set()
    todo = list(named)
    while todo:
        path = todo.pop().resolve()
        if path not in seen:
            seen.add(path)
            todo += [path.parent / name for name in re.findall(r'from "(\./[^"]+)"', path.read_text())]
    served = [sum(zipped_kb(path.read_bytes()) for path in paths) for paths in (named, seen)]
    esbuild = [str(ROOT / ".ci/node.sh"), "npx", "--prefix", str(ROOT / "tests/js"), "esbuild"]
    options = ["--bundle", "--minify", "--format=esm", "--log-level=error"]
    bundle = subprocess.run([*esbuild, *options, str(named[0])], capture_output=True, check=True, timeout=60).stdout
    print(f"size          {served[0]:.1f} KB gzipped, {served[1]:.1f} KB with all {len(seen)} modules as served (limit 12 KB)")
    print(f"              {zipped_kb(bundle):.1f} KB as an app's bundler makes it")


def zipped_kb(data: bytes) -> float:
    """Return the size once compressed."""
    return len(gzip.compress(data)) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30, help="how long the fast stream lasts (30)")
    parser.add_argument("--short", type=int, default=20, help="how often the server is away for 1 s (20)")
    parser.add_argument("--long", type=int, default=5, help="how often the server is away for 30 s (5)")
    options = parser.parse_args()
    settings = {"JOB_HANDLERS": "tests.handlers,tests.browser.handlers,tests.bench.handlers", "TEXT_LIMIT_BYTES": str(8 * 2**20)}
    with Site(LEASE_SECONDS="10", FLUSH_SECONDS="1", **settings) as site, sync_playwright() as playwright, ExitStack() as stack:
        site.serve()
        site.worker()
        proxy = stack.enter_context(Proxy("127.0.0.1", site.port))
        browser = chromium.launch(playwright)
        context = browser.new_context(base_url=f"http://127.0.0.1:{proxy.port}")
        person = Person(context.new_page(), site, "ann", site.user("ann"))
        person.sign_in()
        fast_stream(person, seconds=options.seconds)
        streaming = person.create("test.answer", query="How do context managers nest?", input={"seconds": 0.05, "rounds": 100})
        paints(person.page, "/", "list")
        paints(person.page, f"/jobs/{streaming}/", "job")
        absences(person, proxy, seconds=1, times=options.short)
        absences(person, proxy, seconds=30, times=options.long)
        person.leave()
        browser.close()
    sizes()


if __name__ == "__main__":
    main()
