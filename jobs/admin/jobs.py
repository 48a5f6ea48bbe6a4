"""The list of jobs, the page of one, and what can be done to them there."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse, QueryDict
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from jobs.admin import bulk, dashboard
from jobs.admin.actions import ACTIONS, StaffAction, allowed, note
from jobs.admin.change_list import JobChangeList
from jobs.admin.columns import COLUMNS, title_of
from jobs.admin.counts import counts
from jobs.admin.export import as_csv
from jobs.admin.filters import AgeFilter, OwnerFilter, StateFilter, TypeFilter, WorkerFilter
from jobs.admin.job_page import describe
from jobs.admin.search import HELP, search
from jobs.admin.statistics import SPANS
from jobs.models import Job
from realtime.topics import is_job_id

HEAVY = ("text", "input", "result", "error", "checkpoint", "queued_event", "closed_event", "message", "steps", "body_digest")
"""What no list shows, and may be large."""
PRIORITY_LIMIT = 32767
FILTERS = frozenset({"state", "type", "owner", "age", "worker", "state__exact", "type__exact", "owner__exact", "owner__id__exact"})


def _asking(action: StaffAction) -> Any:
    """Return an action of the list that asks on a page of its own. That of deleting takes the place of Django's, which deletes rows."""

    def ask(model_admin: "JobAdmin", request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse:
        return model_admin.ask(request, action)

    ask.__name__ = "delete_selected" if action.name == "delete" else action.name
    return admin.action(ask, permissions=[action.permission], description=f"{action.label} …")


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
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
        page_data = {**_page_data(request), "liveUrl": reverse("admin:jobs_job_live", current_app=self.admin_site.name)}
        context = {"title": "Jobs", "page_data": page_data, "counts": counts()}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def live_view(self, request: HttpRequest) -> HttpResponse:
        """Return the counts, and how the jobs of a page are now."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        ids = [job_id for job_id in request.GET.getlist("id") if is_job_id(job_id)][: self.list_per_page]
        rows = Job.objects.filter(pk__in=ids).order_by()
        names = ("pk", "state", "progress", "step", "attempt")
        jobs = [dict(zip(("jobId", *names[1:]), row, strict=True)) for row in rows.values_list(*names)]
        response = JsonResponse({"counts": counts(), "jobs": jobs})
        response["Cache-Control"] = "no-store"
        return response

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """Return what the filters match as CSV."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        filters = request.GET.urlencode()
        content, count = as_csv(self._matching(request, filters))
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
        return self._respond(
            request, "admin/jobs/job/dashboard.html", {"title": "Dashboard", "counts": counts(), **dashboard.describe(span)}
        )

    # One job

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a job. Nothing of it is a form: what can be done are the actions."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        job = Job.objects.select_related("owner", "worker").filter(pk=unquote(object_id).replace("\0", "")).first()
        if job is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        context = {"title": title_of(job), "page_data": _page_data(request), "actions": _actions_for(job, request), **describe(job)}
        return self._respond(request, "admin/jobs/job/page.html", {**context, **(extra_context or {})})

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask whether the job is to be deleted."""
        return self._ask(request, ACTIONS["delete"], [unquote(object_id)], filters="")

    # What is done to them

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of actions."""
        view = self.admin_site.admin_view
        return [
            path("dashboard/", view(self.dashboard_view), name="jobs_job_dashboard"),
            path("export/", view(self.export_view), name="jobs_job_export"),
            path("live/", view(self.live_view), name="jobs_job_live"),
            path("bulk/", view(self.bulk_view), name="jobs_job_bulk"),
            path("<path:object_id>/do/<slug:action>/", view(self.action_view), name="jobs_job_action"),
            *super().get_urls(),
        ]

    def action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Do something to one job; what brings nothing back is asked about first."""
        staff_action = allowed(request.user).get(action)
        if staff_action is None:
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if staff_action.asks:
            return self._ask(request, staff_action, [unquote(object_id)], filters="")
        run = bulk.begin(staff_action, self.get_queryset(request), ids=[unquote(object_id)], filters="")
        bulk.advance(run, self.get_queryset(request), actor=request.user)
        self._tell(request, run)
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[object_id], current_app=self.admin_site.name))

    def ask(self, request: HttpRequest, action: StaffAction) -> HttpResponse:
        """Ask about an action on the selection, or on all that the filters match."""
        is_for_all = request.POST.get("select_across") == "1"
        ids = None if is_for_all else request.POST.getlist("_selected_action")
        return self._ask(request, action, ids, filters=request.GET.urlencode())

    def bulk_view(self, request: HttpRequest) -> HttpResponse:
        """Do the next batch of a run, which its page asks for until all is done."""
        if request.method != "POST":
            return HttpResponseRedirect(self._list_url(""))
        try:
            run = bulk.from_token(request.POST.get("token", ""), request.user)
        except BadSignature:
            messages.error(request, "That page is too old. Nothing more was done.")
            return self._go(request, self._list_url(""))
        if run.action not in allowed(request.user):
            raise PermissionDenied
        priority = _priority(request)
        if priority is None:
            return self._show(request, run, problem=f"A priority is a whole number from {-PRIORITY_LIMIT} to {PRIORITY_LIMIT}.")
        if bulk.advance(run, self._matching(request, run.filters), actor=request.user, priority=priority):
            return self._show(request, run, priority=priority)
        self._tell(request, run)
        return self._go(request, self._list_url(run.filters))

    def _ask(self, request: HttpRequest, action: StaffAction, ids: list[str] | None, *, filters: str) -> HttpResponse:
        if action.name not in allowed(request.user):
            raise PermissionDenied
        run = bulk.begin(action, self._matching(request, filters), ids=ids, filters=filters)
        return self._show(request, run)

    def _show(self, request: HttpRequest, run: bulk.BulkRun, *, priority: int = 0, problem: str = "") -> HttpResponse:
        """Show where the run is: about to begin, or under way."""
        if _wants_json(request):
            return JsonResponse({"done": run.done, "total": run.total, "token": run.token(request.user), "problem": problem})
        rows = self._matching(request, run.filters)
        jobs = bulk.shown(run, rows) if not run.done else []
        left_out = Job.objects.filter(pk__in=run.ids).exclude(state__in=sorted(run.staff_action.starts_from)).count() if run.ids else 0
        context = {
            "title": f"{run.staff_action.label}: are you sure?",
            "run": run,
            "token": run.token(request.user),
            "jobs": [(job, title_of(job)) for job in jobs],
            "left_out": left_out,
            "fitting": run.total - left_out,
            "not_shown": run.total - left_out - len(jobs),
            "problem": problem,
            "priority": priority,
            "priority_limit": PRIORITY_LIMIT,
            "back": self._list_url(run.filters),
        }
        return self._respond(request, "admin/jobs/job/bulk.html", context)

    def _matching(self, request: HttpRequest, filters: str) -> QuerySet[Job]:
        """Return the jobs that the list shows with these filters, on all its pages."""
        request.GET = QueryDict(filters)  # the list reads its filters from there
        matching: QuerySet[Job] = self.get_changelist_instance(request).queryset
        return matching

    def _tell(self, request: HttpRequest, run: bulk.BulkRun) -> None:
        changed, refused = bulk.said(run)
        if changed:
            messages.success(request, changed)
        if refused:
            messages.warning(request, refused)
        if not run.done:
            messages.info(request, f"There was no job that could be {run.staff_action.participle}.")

    def _list_url(self, filters: str) -> str:
        url = reverse("admin:jobs_job_changelist", current_app=self.admin_site.name)
        return f"{url}?{filters}" if filters else url

    def _go(self, request: HttpRequest, url: str) -> HttpResponse:
        return JsonResponse({"next": url}) if _wants_json(request) else HttpResponseRedirect(url)

    def _respond(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context})


def _actions_for(job: Job, request: HttpRequest) -> list[StaffAction]:
    return [action for action in allowed(request.user).values() if job.state in action.starts_from]


def _page_data(request: HttpRequest) -> dict[str, Any]:
    """Return what the page's script needs to sign in with the session."""
    return {"csrfToken": get_token(request), "user": request.user.get_username()}


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"


def _priority(request: HttpRequest) -> int | None:
    """Return the priority that was asked for, 0 where none was; None for what is none."""
    try:
        priority = int(request.POST.get("priority", "0"))
    except ValueError:
        return None
    return priority if abs(priority) <= PRIORITY_LIMIT else None
