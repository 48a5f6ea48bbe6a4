"""Scripts of another engine run a job by `claimed`: one is killed, the next takes over."""

import subprocess
import sys

from tests.processes import ROOT, Site
from tests.waiting import wait_until

SCRIPT = """
import sys
import django
django.setup()
from jobs.run import claimed, publish_job_progress

job_id, user_id, dies = sys.argv[1], sys.argv[2], sys.argv[3] == "dies"
with claimed(job_id) as run:
    for part in range((run.checkpoint_data or {"next": 0})["next"], 4):
        run.write(f"[{run.attempt}:{part}]")
        publish_job_progress(job_id, user_id, "running", "Processing", part * 25)
        if part == 2 and dies:
            print("at work", flush=True)
            sys.stdin.read()
        run.checkpoint({"next": part + 1})
    run.result = {"attempt": run.attempt}
"""


def script(site: Site, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**site.environment, "DJANGO_SETTINGS_MODULE": "omnibrowser.settings", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_script_that_is_killed_is_taken_over_by_the_next() -> None:
    with Site(JOB_HANDLERS="tests.handlers", LEASE_SECONDS="1", RESCUE_SECONDS="0.2", FLUSH_SECONDS="0.2") as site:
        site.serve()
        site.worker("--types", "test.echo")  # it rescues, and runs no job of this type
        token = site.user("ann")
        _, job = site.call("POST", "/api/jobs", {"type": "test.stream"}, token=token)
        url = f"/api/jobs/{job['jobId']}"

        first = script(site, job["jobId"], "1", "dies")
        assert first.stdout is not None
        assert first.stdout.readline() == "at work\n"
        with first:
            first.kill()
        wait_until(lambda: site.call("GET", url, token=token)[1]["state"] == "created", what="the job put back")
        second = script(site, job["jobId"], "1", "lives")
        second.communicate(timeout=20)

        assert second.returncode == 0
        done = site.call("GET", url, token=token)[1]
    assert (done["state"], done["attempt"], done["result"]) == ("completed", 2, {"attempt": 2})
    assert done["streamingText"] == "[1:0][1:1][2:2][2:3]"
