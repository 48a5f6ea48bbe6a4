"""The routes of the API."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from jobs.api import worker_api
from jobs.api.documents import asyncapi, openapi
from jobs.api.events_api import events
from jobs.api.sign_in import LogoutView, RefreshView, TicketView, TokenView
from jobs.api.views import JobViewSet

router = SimpleRouter(trailing_slash=False)
router.register("jobs", JobViewSet, basename="job-api")

urlpatterns = [
    path("auth/token", TokenView.as_view(), name="token"),
    path("auth/refresh", RefreshView.as_view(), name="refresh"),
    path("auth/token/refresh", RefreshView.as_view()),
    path("auth/logout", LogoutView.as_view(), name="logout"),
    path("auth/ticket", TicketView.as_view(), name="ticket"),
    path("jobs/<str:job_id>/events", events, name="job-events"),
    path("worker/claim", worker_api.claim, name="worker-claim"),
    path("worker/heartbeat", worker_api.HeartbeatView.as_view(), name="worker-heartbeat"),
    path("worker/jobs/<str:job_id>/events", worker_api.EventsView.as_view(), name="worker-events"),
    path("worker/jobs/<str:job_id>/checkpoint", worker_api.CheckpointView.as_view(), name="worker-checkpoint"),
    path("worker/jobs/<str:job_id>/complete", worker_api.CompleteView.as_view(), name="worker-complete"),
    path("worker/jobs/<str:job_id>/fail", worker_api.FailView.as_view(), name="worker-fail"),
    path("worker/jobs/<str:job_id>/release", worker_api.ReleaseView.as_view(), name="worker-release"),
    path("schema", openapi, name="openapi"),
    path("asyncapi.json", asyncapi, name="asyncapi"),
    path("", include(router.urls)),
]
