"""Links with which anybody may watch a job, in the admin: made, shown once, taken back."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.columns import age_words, ago
from jobs.admin.shown_once import Secret, ShownOnceAdmin
from jobs.models import Job
from jobs.shared_page import link_to_shared
from realtime.models import Share, digest_of
from realtime.shares import issue_share

DAYS_LIMIT = 30
HOURS = {1: "1 hour", 24: "1 day", 7 * 24: "7 days", DAYS_LIMIT * 24: f"{DAYS_LIMIT} days"}


class NewShareForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Asks for the job, and how long the link is good."""

    job_id = forms.CharField(max_length=64, label="Job", help_text="Its id", widget=forms.TextInput({"size": 40}))
    hours = forms.TypedChoiceField(coerce=int, choices=list(HOURS.items()), initial=24, label="Good for")

    class Meta:
        model = Share
        fields = ("job_id",)

    def clean_job_id(self) -> str:
        """Return the id of a job that there is."""
        job_id: str = self.cleaned_data["job_id"]
        if not Job.objects.filter(pk=job_id).exists():
            raise forms.ValidationError("There is no such job.")
        return job_id


class EndFilter(admin.SimpleListFilter):
    """By whether one may still watch with it. At first those are shown with which one may."""

    title = "end"
    parameter_name = "end"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices beside the first."""
        return [("all", "All")]

    def choices(self, changelist: Any) -> Any:
        """Yield the choices, with another first one than Django's "All"."""
        choices = super().choices(changelist)
        yield {**next(choices), "display": "Good"}
        yield from choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Share]) -> QuerySet[Share] | None:
        """Narrow the list."""
        return None if self.value() == "all" else queryset.filter(expires_at__gt=timezone.now(), user__is_active=True)


@admin.register(Share)
class ShareAdmin(ShownOnceAdmin):
    """The links, newest first. Deleting one takes it back: whoever watches with it is sent away within seconds."""

    list_display = ("of_job", "by", "made", "good_for")
    list_display_links = None
    list_filter = (EndFilter,)
    list_select_related = ("user",)
    search_fields = ("job_id__startswith",)
    search_help_text = "A job's id, or its beginning"
    ordering = ("-created_at",)
    actions = ("delete_selected",)
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    change_list_template = "admin/jobs/list.html"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Ask for what a new link needs; an old one is only shown."""
        return NewShareForm if obj is None else super().get_form(request, obj, change, **options)

    def issue(self, request: HttpRequest, row: Share, form: Any) -> tuple[Share, Secret]:
        """Make the link, in the name of who asks for it."""
        job = Job.objects.get(pk=row.job_id)
        token, _ = issue_share(request.user, job.pk, seconds=form.cleaned_data["hours"] * 3600)
        usage = "Whoever has this link may watch the job, without an account, and do nothing to it. Nobody can read it again."
        secret = Secret(title=f"Link to job {job.pk}", value=link_to_shared(request, job.pk, token), usage=usage)
        return Share.objects.get(pk=digest_of(token)), secret

    @admin.action(description="Take back the selected links", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Share]) -> HttpResponse | None:
        """Ask, as Django does, and end them."""
        return delete_selected(self, request, queryset)

    @admin.display(description="Job")
    def of_job(self, share: Share) -> SafeString:
        """Show which job may be watched."""
        url = reverse("admin:jobs_job_change", args=[share.job_id], current_app=self.admin_site.name)
        return format_html('<a href="{}"><code>{}</code></a>', url, share.job_id)

    @admin.display(description="Shared by")
    def by(self, share: Share) -> str:
        """Show who shared it."""
        return share.user.get_username()

    @admin.display(description="Made")
    def made(self, share: Share) -> SafeString:
        """Show when."""
        return ago(share.created_at)

    @admin.display(description="Good for")
    def good_for(self, share: Share) -> str:
        """Show how long one may still watch with it."""
        left = (share.expires_at - timezone.now()).total_seconds()
        return age_words(left) if left > 0 and share.user.is_active else "over"
