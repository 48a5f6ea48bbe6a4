"""The routes of the API."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from jobs.api.views import JobViewSet, TicketView
from jobs.source import JobSource
from realtime.sse import events_view

router = SimpleRouter(trailing_slash=False)
router.register("jobs", JobViewSet, basename="job-api")

urlpatterns = [
    path("auth/token", TokenObtainPairView.as_view(), name="token"),
    path("auth/refresh", TokenRefreshView.as_view(), name="refresh"),
    path("auth/token/refresh", TokenRefreshView.as_view()),
    path("auth/ticket", TicketView.as_view(), name="ticket"),
    path("jobs/<str:job_id>/events", events_view(JobSource()), name="job-events"),
    path("", include(router.urls)),
]
