"""Which view answers which path."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path

from jobs import pages
from jobs.api.documents import api_docs
from jobs.sign_in_page import SignInView
from omnibrowser import health
from omnibrowser.metrics import metrics

urlpatterns = [
    path("", pages.job_list, name="jobs"),
    path("jobs/<str:job_id>/", pages.job_detail, name="job"),
    path("shared/<str:job_id>/", pages.shared_job, name="shared-job"),
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("api/docs", api_docs, name="api-docs"),
    path("api/", include("jobs.api.urls")),
    path("admin/", admin.site.urls),
    path("health", health.health, name="health"),
    path("health/live", health.live, name="health-live"),
    path("metrics", metrics, name="metrics"),
]

handler400 = "omnibrowser.errors.bad_request"
handler403 = "omnibrowser.errors.forbidden"
handler404 = "omnibrowser.errors.not_found"
handler500 = "omnibrowser.errors.server_error"
