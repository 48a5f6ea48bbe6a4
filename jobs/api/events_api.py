"""`/api/jobs/{id}/events`: a plain async view of realtime, told to the description of the API as a view of DRF."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from jobs.api.base import JobsAPIView
from jobs.source import JobSource
from realtime.sse import events_view


class EventsView(JobsAPIView):
    """What is told of the view; it answers nothing itself."""

    def get(self, request: Request, job_id: str) -> Response:
        """Read a job's events: with `Accept: text/event-stream` all that comes, else those after a position."""
        raise NotImplementedError("the async view answers")


events: Any = events_view(JobSource())
events.cls = EventsView
events.initkwargs = {}
