"""The pages of actions on jobs: of one, of a selection, of all that the filters match."""

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse, QueryDict
from django.urls import URLPattern, path, reverse

from jobs.admin import bulk
from jobs.admin.actions import StaffAction, allowed
from jobs.admin.columns import title_of
from jobs.admin.shown import ShownModelAdmin
from jobs.models import Job

PRIORITY_LIMIT = 32767


class BulkPages(ShownModelAdmin):
    """What is done to jobs in the admin: asked about first, then done batch by batch."""

    def get_urls(self) -> list[URLPattern]:
        """Add the pages of actions."""
        view = self.admin_site.admin_view
        return [
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
            return self.ask_about(request, staff_action, [unquote(object_id)], filters="")
        run = bulk.begin(staff_action, self.get_queryset(request), ids=[unquote(object_id)], filters="")
        bulk.advance(run, self.get_queryset(request), actor=request.user)
        self._tell(request, run)
        return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[object_id], current_app=self.admin_site.name))

    def ask(self, request: HttpRequest, action: StaffAction) -> HttpResponse:
        """Ask about an action on the selection, or on all that the filters match."""
        is_for_all = request.POST.get("select_across") == "1"
        ids = None if is_for_all else request.POST.getlist("_selected_action")
        return self.ask_about(request, action, ids, filters=request.GET.urlencode())

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
        if bulk.advance(run, self._rows(request, run), actor=request.user, priority=priority):
            return self._show(request, run, priority=priority)
        self._tell(request, run)
        return self._go(request, self._list_url(run.filters))

    def ask_about(self, request: HttpRequest, action: StaffAction, ids: list[str] | None, *, filters: str) -> HttpResponse:
        """Ask about an action on these jobs, or on all that the filters match."""
        if action.name not in allowed(request.user):
            raise PermissionDenied
        rows = self.matching(request, filters if ids is None else "")
        run = bulk.begin(action, rows, ids=ids, filters=filters)
        return self._show(request, run)

    def _show(self, request: HttpRequest, run: bulk.BulkRun, *, priority: int = 0, problem: str = "") -> HttpResponse:
        """Show where the run is: about to begin, or under way."""
        if _wants_json(request):
            return JsonResponse({"done": run.done, "total": run.total, "token": run.token(request.user), "problem": problem})
        rows = self._rows(request, run)
        jobs = bulk.shown(run, rows) if not run.done else []
        left_out = Job.objects.filter(pk__in=run.ids).exclude(state__in=sorted(run.staff_action.starts_from)).count() if run.ids else 0
        fitting = run.total - left_out
        context = {
            "title": f"{run.staff_action.label}: are you sure?" if fitting else run.staff_action.label,
            "run": run,
            "token": run.token(request.user),
            "jobs": [(job, title_of(job)) for job in jobs],
            "left_out": left_out,
            "fitting": fitting,
            "not_shown": fitting - len(jobs),
            "asks_priority": run.action == "priority" and (fitting or run.done),
            "problem": problem,
            "priority": priority,
            "priority_limit": PRIORITY_LIMIT,
            "back": self._list_url(run.filters),
        }
        return self.respond(request, "admin/jobs/job/bulk.html", context)

    def matching(self, request: HttpRequest, filters: str) -> QuerySet[Job]:
        """Return the jobs that the list shows with these filters, on all its pages."""
        request.GET = QueryDict(filters)  # the list reads its filters from there
        try:
            matching: QuerySet[Job] = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise Http404 from error
        return matching

    def _rows(self, request: HttpRequest, run: bulk.BulkRun) -> QuerySet[Job]:
        """Return among which jobs the run is; a selected job is meant though it may have left what the filters match."""
        return self.matching(request, run.filters if run.is_for_all else "")

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


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "") == "application/json"


def _priority(request: HttpRequest) -> int | None:
    """Return the priority that was asked for, 0 where none was; None for what is none."""
    try:
        priority = int(request.POST.get("priority", "0"))
    except ValueError:
        return None
    return priority if abs(priority) <= PRIORITY_LIMIT else None
