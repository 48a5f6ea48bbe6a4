"""`GET /metrics`: what Prometheus reads. The figures of the queue are here alone; what workers count is at their own port."""

import asyncio
import logging
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse

from jobs import metrics as work
from jobs.figures import LIVE, QueueFigures, queue_figures
from jobs.metrics_port import may_read
from jobs.source import JobSource
from omnibrowser import __version__
from realtime import metrics as wire
from realtime.hub import hub_of_this_loop
from realtime.metrics import exposition

if TYPE_CHECKING:  # loaded when it is needed: every command reads the urls
    from prometheus_client.core import Metric

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""A database that takes longer makes the figures of the queue be left out, not Prometheus wait."""


async def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in the text format, or in OpenMetrics when that is asked for."""
    headers = request.headers
    if not may_read(headers.get("Authorization", ""), request.META.get("REMOTE_ADDR", ""), list(headers)):
        why = "Send METRICS_TOKEN as a bearer token, or ask from this machine, not through a proxy, when there is none.\n"
        return HttpResponse(why, status=403, content_type="text/plain")
    hub = hub_of_this_loop(JobSource())
    hub.start()
    wire.metrics()
    work.metrics()  # so that all names are there from the beginning
    figures: QueueFigures | None = None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            figures = await hub.in_thread(queue_figures)
    except (TimeoutError, DatabaseError) as error:
        log.warning("the queue's figures could not be read: %s", error or "no answer in time")
    body, content_type = await hub.in_thread(partial(exposition, headers.get("Accept", ""), [QueueCollector(figures)]))
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


class QueueCollector:
    """Figures as gauges: every server gives the same ones, so that one takes the max over them, not the sum."""

    def __init__(self, figures: QueueFigures | None) -> None:
        self._figures = figures

    def collect(self) -> "Iterator[Metric]":
        """Give the gauges; of the queue none while the database does not answer."""
        from prometheus_client.core import GaugeMetricFamily

        version = GaugeMetricFamily("omnibrowser_info", "The version that runs.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        if self._figures is None:
            return
        figures, now = self._figures, time.time()
        yield GaugeMetricFamily("jobs_figures_age_seconds", "How old the figures of the queue are.", value=max(0.0, now - figures.at))
        states = GaugeMetricFamily("jobs_in_state", "Jobs that are not over, by type and state.", labels=["type", "state"])
        due = GaugeMetricFamily("jobs_due", "Jobs that wait and may start now.", labels=["type"])
        oldest = GaugeMetricFamily("jobs_oldest_waiting_seconds", "How long the one has waited that has waited longest.", labels=["type"])
        workers = GaugeMetricFamily("jobs_workers", "Workers that are alive, by the types that they take.", labels=["type"])
        for type in sorted({*figures.states, *figures.workers}):
            for state in LIVE:
                states.add_metric([type, state.value], figures.states.get(type, {}).get(state, 0))
            due.add_metric([type], figures.due.get(type, 0))
            oldest.add_metric([type], max(0.0, now - figures.oldest_at.get(type, now)))
            workers.add_metric([type], figures.workers.get(type, 0))
        yield from (states, due, oldest, workers)
