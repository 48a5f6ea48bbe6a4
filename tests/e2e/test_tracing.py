"""A job's trace, put together by a collector from what a server and a worker send it; and where OpenTelemetry is not installed."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.pages import ROOT
from tests.processes import Site
from tests.waiting import wait_until


class Collector(ThreadingHTTPServer):
    """Takes spans as OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), CollectorHandler)
        self.spans: list[tuple[str, Span]] = []
        """Each with the name of the service that sent it."""
        threading.Thread(target=self.serve_forever, name="collector", daemon=True).start()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = [item.value.string_value for item in resource.resource.attributes if item.key == "service.name"]
            self.spans += [(names[0], span) for scope in resource.scope_spans for span in scope.spans]


class CollectorHandler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.take(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector
        collector.shutdown()


def test_processes_that_know_nothing_of_each_other_make_one_trace(collector: Collector) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    # Long windows: what arrives was sent at the end of the processes.
    with Site(TRACING="1", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_BSP_SCHEDULE_DELAY="60000", SHUTDOWN_GRACE_SECONDS="1") as site:
        server, worker = site.serve(OTEL_SERVICE_NAME="server"), site.worker(OTEL_SERVICE_NAME="worker")
        token = site.user("ann")
        assert site.call("POST", "/api/jobs", {"type": "test.tracing", "jobId": "traced"}, token=token)[0] == 201
        wait_until(lambda: site.call("GET", "/api/jobs/traced", token=token)[1]["finishedAt"])
        assert (server.terminate(), worker.terminate()) == (0, 0)
    found = {span.name: (service, span) for service, span in collector.spans}
    assert {name: service for name, (service, _) in found.items()} == {
        "job.create": "server", "job.wait": "worker", "job.run": "worker", "inside the handler": "worker",
    }  # fmt: skip
    assert len({span.trace_id for _, span in collector.spans}) == 1
    _, created = found["job.create"]
    assert {found[name][1].parent_span_id for name in ("job.wait", "job.run")} == {created.span_id}


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None  # as where it is not installed
import django
django.setup()
import omnibrowser.asgi, jobs.worker_process
from realtime import tracing
tracing.adopt({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
tracing.record("x", parent=None, begun_ts=0, attributes={})
with tracing.span("x", parent=None, attributes={}) as span:
    assert span is None
assert tracing.parent_of(tracing.begin("x", {})) is None
tracing.flush()
"""


@pytest.mark.parametrize(("wanted", "says"), [("0", ""), ("1", "TRACING needs OpenTelemetry. Install the extra")])
def test_where_it_is_not_installed_nothing_needs_it_unless_it_is_wanted(wanted: str, says: str) -> None:
    environment = {**os.environ, "TRACING": wanted}
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (not says), done.stderr
    assert says in done.stderr
