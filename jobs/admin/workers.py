"""Workers in the admin: which are alive, what each runs, and having one stop or give back its jobs."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs import transitions
from jobs.admin.actions import write_log
from jobs.admin.columns import ago, state, title_of
from jobs.admin.shown import ShownModelAdmin, asks_for_part, key_of, page_data
from jobs.conf import settings
from jobs.lifecycle import State
from jobs.models import Job, Worker
from jobs.transitions.announce import announce_work

FRESH_SECONDS = 5
"""So often a page that somebody looks at asks anew."""
SHOWN_TYPES = 2
SHOWN_JOBS = 100
TAKE_BACK_BATCH = 50
TAKE_BACK_ROUNDS = 100
"""After so many batches there are rows that somebody holds locked: they are told of, not waited for."""

ALIVE, LATE, LOST, STOPPED = "alive", "late", "lost", "stopped"


def condition_of(worker: Worker) -> str:
    """Tell whether the worker was heard lately: within half a lease, within a lease, not any more; or has stopped as it should."""
    if worker.stopped_at:
        return STOPPED
    silent = timezone.now() - worker.heartbeat_at
    if silent > timedelta(seconds=settings.lease_seconds):
        return LOST
    return LATE if silent > timedelta(seconds=settings.lease_seconds / 2) else ALIVE


class ConditionFilter(admin.SimpleListFilter):
    """By whether it is there. At first those are shown that have not stopped."""

    title = "condition"
    parameter_name = "condition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the conditions."""
        return [("here", "Alive or late"), (LOST, "Lost"), (STOPPED, "Stopped"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Yield the conditions, without Django's "All": the one that is chosen at first is another."""
        choices = super().choices(changelist)
        first = next(choices)
        yield {**first, "display": "Not stopped"}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Worker]) -> QuerySet[Worker] | None:
        """Narrow the list."""
        heard = Q(heartbeat_at__gte=timezone.now() - timedelta(seconds=settings.lease_seconds))
        if self.value() == STOPPED:
            return queryset.exclude(stopped_at=None)
        if self.value() == "all":
            return None
        present = queryset.filter(stopped_at=None)
        if self.value() == "here":
            return present.filter(heard)
        return present.exclude(heard) if self.value() == LOST else present


@admin.register(Worker)
class WorkerAdmin(ShownModelAdmin):
    """The processes that run jobs, those that began last first: an order that stays while they are watched."""

    list_display = ("named", "condition", "runs", "of_types", "killed", "version", "started", "heard")
    list_filter = (ConditionFilter,)
    list_per_page = 50
    search_fields = ("name", "id")
    ordering = ("-started_at", "id")
    sortable_by = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/jobs/worker/list.html"
    actions = ("stop_taking", "take_again", "release_now")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Workers add themselves."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Old ones are pruned."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        """Return the workers with how many jobs each runs."""
        return Worker.objects.annotate(running=Count("jobs", filter=Q(jobs__state=State.RUNNING)))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, or the part of it that keeps itself fresh."""
        response = super().changelist_view(request, {"every_seconds": FRESH_SECONDS, **(extra_context or {})})
        if asks_for_part(request) and isinstance(response, TemplateResponse):
            response.template_name = "admin/jobs/worker/list_part.html"
        return response

    # Columns

    @admin.display(description="Worker")
    def named(self, worker: Worker) -> SafeString:
        """Show the name."""
        return format_html('<span data-key="{}">{}</span>', worker.pk, worker.name)

    @admin.display(description="Condition")
    def condition(self, worker: Worker) -> SafeString:
        """Show whether it is there, and whether it takes jobs."""
        note = "" if worker.takes_jobs else "takes no jobs"
        condition = condition_of(worker)
        return format_html(
            '<span class="worker-condition" data-condition="{}">{}</span><span class="worker-note">{}</span>',
            condition, condition.capitalize(), note,
        )  # fmt: skip

    @admin.display(description="Runs")
    def runs(self, worker: Any) -> SafeString:
        """Show how many jobs it runs of how many it can, and where they are listed."""
        url = f"{reverse('admin:jobs_job_changelist', current_app=self.admin_site.name)}?worker={worker.pk}&state=running"
        return format_html('<a href="{}">{} of {}</a>', url, worker.running, worker.concurrency)

    @admin.display(description="Types")
    def of_types(self, worker: Worker) -> SafeString:
        """Show what it takes."""
        more = len(worker.types) - SHOWN_TYPES
        names = [*worker.types[:SHOWN_TYPES], *([f"and {more} more"] if more > 0 else [])]
        return format_html_join(" ", '<code class="worker-type">{}</code>', ((name,) for name in names))

    @admin.display(description="Kills")
    def killed(self, worker: Worker) -> int:
        """Show how many jobs lost it."""
        return worker.kills

    @admin.display(description="Started")
    def started(self, worker: Worker) -> SafeString:
        """Show since when it works."""
        return ago(worker.started_at)

    @admin.display(description="Heard")
    def heard(self, worker: Worker) -> SafeString:
        """Show when it was heard last."""
        return ago(worker.heartbeat_at)

    # What can be done

    @admin.action(description="Stop taking jobs", permissions=["change"])
    def stop_taking(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Have them finish what they run, and claim nothing more."""
        self._say(request, _set_taking(queryset, False, request.user), "stopped taking jobs")

    @admin.action(description="Take jobs again", permissions=["change"])
    def take_again(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Have them claim again."""
        self._say(request, _set_taking(queryset, True, request.user), "take jobs again")

    @admin.action(description="Release now: stop, and put back what they run", permissions=["change"])
    def release_now(self, request: HttpRequest, queryset: QuerySet[Worker]) -> None:
        """Have them claim nothing more, and put what they run back at once: it goes on elsewhere from its last checkpoint."""
        self._say(request, _set_taking(queryset, False, request.user), "stopped taking jobs")
        for worker in queryset:
            count, left = _take_back(worker, request.user)
            messages.success(request, f"{count} job{'' if count == 1 else 's'} of {worker.name} put back in the queue.")
            if left:
                messages.warning(request, f"{left} of {worker.name} could not be put back yet: try again.")

    def _say(self, request: HttpRequest, workers: list[Worker], words: str) -> None:
        names = ", ".join(worker.name for worker in workers)
        messages.success(request, f"{names}: {words}.") if names else messages.info(request, f"All {words} already.")

    # The page of one

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons of a worker's page."""
        do = path("<path:object_id>/do/<slug:action>/", self.admin_site.admin_view(self.action_view), name="jobs_worker_action")
        return [do, *super().get_urls()]

    def action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Do something to one worker."""
        if not self.has_change_permission(request) or action not in ("stop_taking", "take_again", "release_now"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        getattr(self, action)(request, self.get_queryset(request).filter(pk=key_of(object_id)))
        return HttpResponseRedirect(reverse("admin:jobs_worker_change", args=[object_id], current_app=self.admin_site.name))

    page_template = "admin/jobs/worker/page.html"
    part_template = "admin/jobs/worker/page_part.html"

    def describe(self, request: HttpRequest, row: Worker) -> dict[str, Any]:
        """Return what a worker's page shows: how it is and what it runs."""
        jobs = row.jobs.select_related("owner").only("id", "type", "query", "state", "progress", "step", "started_at", "owner")
        running = jobs.filter(state=State.RUNNING).order_by("started_at")[:SHOWN_JOBS]
        return {
            "title": row.name,
            "worker": row,
            "condition": condition_of(row),
            "jobs": [(job, title_of(job), state(job)) for job in running],
            "may_change": self.has_change_permission(request),
            "every_seconds": FRESH_SECONDS,
            "page_data": page_data(request),
        }


def _set_taking(workers: QuerySet[Worker], takes_jobs: bool, actor: Any) -> list[Worker]:
    """Have those of the workers that do otherwise take jobs, or not; return them."""
    changed = list(workers.exclude(takes_jobs=takes_jobs))
    Worker.objects.filter(pk__in=[worker.pk for worker in changed]).update(takes_jobs=takes_jobs)
    write_log(changed, "Takes jobs again." if takes_jobs else "Stopped taking jobs.", actor=actor)
    if takes_jobs and changed:
        announce_work()
    return changed


def _take_back(worker: Worker, actor: Any) -> tuple[int, int]:
    """Put back what the worker runs; return how many that were, and how many somebody held locked."""
    count = 0
    for _ in range(TAKE_BACK_ROUNDS):
        done = len(transitions.take_back(worker.pk, limit=TAKE_BACK_BATCH, actor=actor))
        count += done
        if not done:
            break
    write_log([worker], f"Released: {count} jobs put back.", actor=actor)
    return count, Job.objects.filter(worker=worker, state=State.RUNNING).count()
