"""The routes of the API."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from jobs.api.sign_in import LogoutView, RefreshView, TicketView, TokenView
from jobs.api.views import JobViewSet
from jobs.source import JobSource
from realtime.sse import events_view

router = SimpleRouter(trailing_slash=False)
router.register("jobs", JobViewSet, basename="job-api")

urlpatterns = [
    path("auth/token", TokenView.as_view(), name="token"),
    path("auth/refresh", RefreshView.as_view(), name="refresh"),
    path("auth/token/refresh", RefreshView.as_view()),
    path("auth/logout", LogoutView.as_view(), name="logout"),
    path("auth/ticket", TicketView.as_view(), name="ticket"),
    path("jobs/<str:job_id>/events", events_view(JobSource()), name="job-events"),
    path("", include(router.urls)),
]
