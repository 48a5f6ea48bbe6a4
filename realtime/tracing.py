"""One trace of a job: its creation, its wait, its runs, and its changes of state as they reach those who watch.

Off unless TRACING is set; then OpenTelemetry has to be installed (the extra `otel`), and until then nothing of it is loaded.
A project that has a tracer provider of its own keeps it; else spans go by OTLP to where OTEL_EXPORTER_OTLP_ENDPOINT says.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from realtime.conf import settings

NAME = "omnibrowser-jobs"
HEADER = "traceparent"

Attributes = Mapping[str, Any]


def is_on() -> bool:
    """Tell whether there is anything to do."""
    return settings.tracing


def adopt(headers: Mapping[str, str]) -> None:
    """Have what follows in this request belong to the caller's trace, if the caller tells of one."""
    if settings.tracing and HEADER in headers:
        from opentelemetry.context import attach

        attach(_context(headers[HEADER]))


def begin(name: str, attributes: Attributes) -> Any:
    """Begin a span of the present trace, or of a new one, and return it; whoever began it ends it. None when tracing is off."""
    return _tracer().start_span(name, attributes=attributes) if settings.tracing else None


def parent_of(span: Any) -> str | None:
    """Return what makes later spans, of whichever process, children of this one."""
    if span is None:
        return None
    from opentelemetry.trace import set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, set_span_in_context(span))
    return carrier.get(HEADER)


def record(name: str, *, parent: str | None, begun_ts: int, attributes: Attributes) -> None:
    """Record what began at a time, in Unix milliseconds, and has ended now."""
    if settings.tracing:
        _tracer().start_span(name, context=_context(parent), start_time=begun_ts * 1_000_000, attributes=attributes).end()


@contextmanager
def span(name: str, *, parent: str | None, attributes: Attributes) -> Iterator[Any]:
    """Record what happens meanwhile; spans of other people's code that begin in it are its children. Gives None when tracing is off."""
    if not settings.tracing:
        yield None
        return
    begin = _tracer().start_as_current_span
    # What an error says may be what a job is about.
    with begin(name, context=_context(parent), attributes=attributes, record_exception=False, set_status_on_exception=False) as begun:
        yield begun


def flush() -> None:
    """Send what has not been sent, before a process ends at once."""
    if settings.tracing:
        from opentelemetry import trace

        send = getattr(trace.get_tracer_provider(), "force_flush", None)
        if send is not None:
            send(2_000)


def _context(parent: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({HEADER: parent}) if parent else None


@cache
def _tracer() -> Any:
    from opentelemetry import trace

    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    return trace.get_tracer(NAME)
