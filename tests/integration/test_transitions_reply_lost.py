"""A COMMIT is done and its answer lost: whoever tries again finds it done, and nothing is done twice. FAULTS F14."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from jobs import transitions
from jobs.database import checked
from jobs.errors import LeaseLost
from jobs.models import Job, JobText, JobTransition
from jobs.transitions import Completion, NewJob
from tests import runs
from tests.proxy import Proxy

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis"), pytest.mark.locks_rows]


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[Proxy]:
    """Return a proxy through which this test reaches its database."""
    settings: dict[str, Any] = connection.settings_dict
    direct = settings["HOST"], settings["PORT"]
    _reconnect()
    with Proxy(direct[0], int(direct[1])) as made:
        settings["HOST"], settings["PORT"] = "127.0.0.1", made.port
        try:
            yield made
        finally:
            settings["HOST"], settings["PORT"] = direct
            _reconnect()


def _reconnect() -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's own


def lose_the_reply(proxy: Proxy, work: Callable[[], Any], *, commits: bytes = b"COMMIT") -> None:
    """Do something whose COMMIT is done, and not answered; or the one statement that `commits` by itself."""
    before = proxy.dropped
    proxy.drop_reply(lambda data: commits in data)
    with pytest.raises(OperationalError):
        checked(work)
    assert proxy.dropped == before + 1


def test_a_create_that_is_repeated_is_one_job(ann: Any, proxy: Proxy) -> None:
    body = NewJob(type="test.wait", job_id="j1")

    lose_the_reply(proxy, lambda: transitions.create(ann, body), commits=b"INSERT INTO jobs_job ")

    assert transitions.create(ann, body)[1] is False
    assert (Job.objects.count(), JobTransition.objects.count()) == (1, 1)


def test_a_claim_that_nobody_knows_of_is_rescued(ann: Any, proxy: Proxy) -> None:
    job = runs.create(ann)
    worker = runs.worker_row()

    lose_the_reply(proxy, lambda: transitions.claim(worker, types=["test.wait"], limit=1), commits=b"UPDATE jobs_job")

    assert transitions.claim(worker, types=["test.wait"], limit=1) == []
    Job.objects.update(lease_expires_at=timezone.now())
    assert [job.pk for job in transitions.rescue(limit=1)] == [job.pk]
    assert runs.claim()[0].attempt == 2


def test_a_flush_that_is_repeated_adds_its_text_once(ann: Any, proxy: Proxy) -> None:
    job, recorder = runs.running(ann)
    recorder.write("once ")

    lose_the_reply(proxy, lambda: transitions.flush([recorder.flush()]))
    recorder.write("and more")

    assert transitions.flush([recorder.flush()]).held == {job.pk}
    assert Job.objects.get().whole_text() == "once and more"
    assert JobText.objects.count() == 2


def test_a_checkpoint_that_is_repeated_is_the_same(ann: Any, proxy: Proxy) -> None:
    _, recorder = runs.running(ann)
    recorder.write("kept")
    flush, half = recorder.checkpoint()

    lose_the_reply(proxy, lambda: transitions.checkpoint(flush, {"next": 1}, half=half))
    once = Job.objects.get().checkpoint
    transitions.checkpoint(flush, {"next": 1}, half=half)

    assert Job.objects.get().checkpoint == once
    assert Job.objects.get().whole_text() == "kept"


def test_an_end_that_is_repeated_finds_that_it_came(ann: Any, proxy: Proxy) -> None:
    job, recorder = runs.running(ann)
    recorder.write("text")
    flush = recorder.flush()

    lose_the_reply(proxy, lambda: transitions.complete(flush, {"n": 1}))

    with pytest.raises(LeaseLost):
        transitions.complete(flush, {"n": 1})
    job.refresh_from_db()
    assert (job.state, job.text, job.result) == ("completed", "text", {"n": 1})
    assert JobTransition.objects.filter(target="completed").count() == 1


@pytest.mark.parametrize(("text", "commits"), [("", b"UPDATE jobs_job"), ("text", b"COMMIT")])
def test_an_end_together_that_is_repeated_is_one(ann: Any, proxy: Proxy, text: str, commits: bytes) -> None:
    job, recorder = runs.running(ann)
    recorder.write(text)
    completion = Completion(recorder.flush(), {"n": 1})

    lose_the_reply(proxy, lambda: transitions.complete_all([completion]), commits=commits)

    assert transitions.complete_all([completion]) == frozenset()
    job.refresh_from_db()
    assert (job.state, job.text, job.result) == ("completed", text, {"n": 1})
    assert JobTransition.objects.filter(target="completed").count() == 1


def test_a_cancel_that_is_repeated_is_one(ann: Any, proxy: Proxy) -> None:
    job, _ = runs.running(ann)

    lose_the_reply(proxy, lambda: transitions.command(job.pk, "cancel", actor=ann))

    assert transitions.command(job.pk, "cancel", actor=ann).state == "cancelled"
    assert JobTransition.objects.filter(target="cancelled").count() == 1
