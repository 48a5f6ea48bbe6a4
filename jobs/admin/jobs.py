"""The list of jobs, the page of one, and what can be done to them there."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from jobs.admin import dashboard
from jobs.admin.actions import ACTIONS, StaffAction, allowed, note
from jobs.admin.bulk_pages import BulkPages
from jobs.admin.change_list import JobChangeList
from jobs.admin.columns import COLUMNS, title_of
from jobs.admin.counts import counts
from jobs.admin.export import as_csv
from jobs.admin.filters import AgeFilter, OwnerFilter, StateFilter, TypeFilter, WorkerFilter
from jobs.admin.job_page import describe
from jobs.admin.search import HELP, search
from jobs.admin.shown import page_data
from jobs.admin.statistics import SPANS
from jobs.models import Job, to_ts
from realtime.topics import is_job_id

HEAVY = ("text", "input", "result", "error", "checkpoint", "queued_event", "closed_event", "message", "steps", "body_digest")
"""What no list shows, and may be large."""
FILTERS = frozenset({"state", "type", "owner", "age", "worker", "state__exact", "type__exact", "owner__exact", "owner__id__exact"})


def _asking(action: StaffAction) -> Any:
    """Return an action of the list that asks on a page of its own. That of deleting takes the place of Django's, which deletes rows."""

    def ask(model_admin: "JobAdmin", request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return model_admin.ask(request, action)

    ask.__name__ = "delete_selected" if action.name == "delete" else action.name
    return admin.action(ask, permissions=[action.permission], description=f"{action.label} …")


@admin.register(Job)
class JobAdmin(BulkPages):
    """All jobs, newest first. State is changed by transitions alone: there is no form."""

    list_display = COLUMNS
    list_filter = (StateFilter, TypeFilter, OwnerFilter, AgeFilter, WorkerFilter)
    list_select_related = ("owner",)
    list_per_page = 50
    search_fields = ("id", "query")  # that there is a search; what it does says `get_search_results`
    search_help_text = HELP
    sortable_by = ()
    ordering = ("-created_at", "-id")
    show_full_result_count = False
    actions = [_asking(action) for action in ACTIONS.values()]
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/jobs/job/list.html"

    # Who may do what

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs are created through the API."""
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only the filters that are shown: any other may read the whole table."""
        return lookup in FILTERS

    # The list

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        """Return pages that cost the same, however many rows there are."""
        return JobChangeList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Return all jobs, without what no list shows."""
        return Job.objects.defer(*HEAVY)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[QuerySet[Any], bool]:
        """Find by id, owner and query."""
        return search(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, or ask about an action."""
        live = {"liveUrl": reverse("admin:jobs_job_live", current_app=self.admin_site.name)}
        context = {"title": "Jobs", "page_data": {**page_data(request), **live}, "counts": counts()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def live_view(self, request: HttpRequest) -> HttpResponse:
        """Return the counts, and how the jobs of a page are now."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        ids = [job_id for job_id in request.GET.getlist("id") if is_job_id(job_id)][: self.list_per_page]
        rows = Job.objects.filter(pk__in=ids).order_by()
        names = ("jobId", "state", "progress", "step", "attempt")
        jobs = [
            dict(zip(names, values, strict=True), position=f"{values[-1]}-{seq}")
            for *values, seq in rows.values_list("pk", *names[1:], "seq")
        ]
        response = JsonResponse({"counts": counts(), "jobs": jobs, "now": to_ts(timezone.now())})
        response["Cache-Control"] = "no-store"
        return response

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Return what the filters match as CSV."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        filters = request.GET.urlencode()
        content, count = as_csv(self.matching(request, filters))
        note(Job, f"Exported {count} jobs, filtered by: {filters or 'nothing'}", actor=request.user)
        headers = {"Content-Disposition": 'attachment; filename="jobs.csv"', "Cache-Control": "no-store"}
        return HttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """Show how jobs have gone."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        span = request.GET.get("span", "hour")
        if span not in SPANS:
            raise Http404
        context = {"title": "Dashboard", "counts": counts(), **dashboard.describe(span)}
        return self.respond(request, "admin/jobs/job/dashboard.html", context, part="admin/jobs/job/dashboard_part.html")

    # One job

    page_template = "admin/jobs/job/page.html"

    def rows_to_show(self, request: HttpRequest) -> QuerySet[Job]:
        """Return all jobs, with whose they are and who runs them."""
        return Job.objects.select_related("owner", "worker")

    def describe(self, request: HttpRequest, row: Job) -> dict[str, Any]:
        """Return what a job's page shows. Nothing of it is a form: what can be done are the actions."""
        return {"title": title_of(row), "page_data": page_data(request), "actions": _actions_for(row, request), **describe(row)}

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask whether the job is to be deleted."""
        return self.ask_about(request, ACTIONS["delete"], [unquote(object_id)], filters="")

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that Django has not."""
        view = self.admin_site.admin_view
        return [
            path("dashboard/", view(self.dashboard_view), name="jobs_job_dashboard"),
            path("export/", view(self.export_view), name="jobs_job_export"),
            path("live/", view(self.live_view), name="jobs_job_live"),
            *super().get_urls(),
        ]


def _actions_for(job: Job, request: HttpRequest) -> list[StaffAction]:
    return [action for action in allowed(request.user).values() if job.state in action.starts_from]
