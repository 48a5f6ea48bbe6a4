"""One trace of a job, from its creation over its claim to its delivery; and nothing of it where TRACING is off."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from jobs.models import Job
from realtime import tracing
from realtime.conf import settings
from tests.runs import ended, worker
from tests.sockets import LiveServer
from tests.tokens import token_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Return where all spans of this process go; a provider can be set once."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    monkeypatch.setattr(tracing, "settings", replace(settings, tracing=True))
    exporter.clear()
    yield exporter
    exporter.clear()


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def post(live: LiveServer, user: Any, body: dict[str, Any], **headers: str) -> Any:
    url = f"http://127.0.0.1:{live.port}/api/jobs"
    answer = httpx.post(url, json=body, headers={"Authorization": f"Bearer {token_of(user)}", **headers}, timeout=10)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_one_trace_from_creation_over_claim_to_delivery(live: LiveServer, ann: Any, spans: InMemorySpanExporter) -> None:
    reader = live.signed_in(ann)
    job = post(live, ann, {"type": "test.tracing", "jobId": "traced"}, traceparent=CALLER)
    reader.subscribe("job:traced")
    with worker():
        ended("traced")
    wait_until(lambda: any(span.attributes and span.attributes["job.state"] == "completed" for span in named(spans, "job.deliver")))
    (created,), (waited,), (ran,) = (named(spans, name) for name in ("job.create", "job.wait", "job.run"))
    (inside,) = named(spans, "inside the handler")
    everything = [created, waited, ran, inside, *named(spans, "job.deliver")]
    assert {format(span.context.trace_id, "032x") for span in everything} == {"0af7651916cd43dd8448eb211c80319c"}
    assert created.parent is not None
    assert format(created.parent.span_id, "016x") == "b7ad6b7169203331"
    for span in (waited, ran, *named(spans, "job.deliver")):
        assert span.parent is not None
        assert span.parent.span_id == created.context.span_id
    assert inside.parent is not None
    assert inside.parent.span_id == ran.context.span_id
    assert ran.attributes == {"job.id": "traced", "job.type": "test.tracing", "job.attempt": 1, "job.outcome": "completed"}
    states = [span.attributes["job.state"] for span in named(spans, "job.deliver") if span.attributes]
    assert states == ["running", "completed"]
    assert job["jobId"] == "traced"


def test_a_job_that_was_there_already_begins_no_trace(live: LiveServer, ann: Any, spans: InMemorySpanExporter) -> None:
    post(live, ann, {"type": "test.echo", "jobId": "once"})
    parent = Job.objects.get(pk="once").trace_parent
    with pytest.raises(AssertionError):
        post(live, ann, {"type": "test.echo", "jobId": "once"})
    assert len(named(spans, "job.create")) == 1
    assert Job.objects.get(pk="once").trace_parent == parent


def test_off_it_leaves_no_trace(live: LiveServer, ann: Any, exporter: InMemorySpanExporter) -> None:
    exporter.clear()
    post(live, ann, {"type": "test.echo", "jobId": "quiet"}, traceparent=CALLER)
    with worker():
        ended("quiet")
    assert Job.objects.get(pk="quiet").trace_parent is None
    assert exporter.get_finished_spans() == ()
