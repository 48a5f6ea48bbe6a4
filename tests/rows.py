"""Jobs in a state, changes at the same moment, and that the row is always the fold of what was published."""

import json
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

from django.db import connections

from jobs import transitions
from jobs.events import FoldedJob
from jobs.models import Job, folded
from jobs.recorder import Recorder
from realtime import event_log, publisher
from realtime.position import ORIGIN, Verdict, judge
from tests import runs


def publish(recorder: Recorder) -> None:
    if append := recorder.take():
        assert publisher.publish([append], still_true=lambda append: False) == [True]


def events(job_id: str) -> list[dict[str, Any]]:
    return [json.loads(entry.json) for entry in event_log.read_after([(job_id, ORIGIN)])[0]]


def check(job_id: str) -> Job:
    """The row is the fold of all events of the log; returns it."""
    job, view = Job.objects.get(pk=job_id), FoldedJob()
    for event in events(job_id):
        assert judge(view.position, event) is Verdict.FOLLOWS, (view.position, event)
        view.fold(event)
    assert folded(job).fields() == view.fields()
    return job


def stopped(owner: Any, state: str) -> Job:
    """Return a job in `state`, with some text where it ran."""
    job = runs.create(owner)
    if state in ("running", "completed", "failed"):
        _, recorder = runs.claim()
        recorder.write("text")
        recorder.progress(30, "one", None)
        publish(recorder)
        transitions.flush([recorder.flush()])
        if state == "completed":
            transitions.complete(recorder.flush(), {"ok": True})
        elif state == "failed":
            transitions.fail(recorder.flush(), code="broken", message="It is broken.")
    elif state in ("paused", "cancelled"):
        transitions.command(job.pk, "pause" if state == "paused" else "cancel", actor=owner)
    return Job.objects.get(pk=job.pk)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make the calls at the same moment in threads; returns what each returned or raised."""
    barrier = Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def work(index: int) -> None:
        barrier.wait()
        try:
            results[index] = calls[index]()
        except Exception as error:
            results[index] = error
        finally:
            connections.close_all()

    threads = [Thread(target=work, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
