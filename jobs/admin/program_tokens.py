"""Tokens of programs in the admin: made and revoked, never read again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from jobs import service_tokens
from jobs.admin.columns import ago
from jobs.admin.shown_once import Secret, ShownOnceAdmin
from jobs.models import ServiceToken, WorkerToken
from jobs.remote import tokens as worker_tokens


class ProgramTokenAdmin(ShownOnceAdmin):
    """The tokens, newest first. Who may make them may revoke them."""

    ordering = ("-created_at",)
    search_fields = ("name",)
    list_per_page = 50
    actions = ("revoke",)
    change_list_template = "admin/jobs/list.html"
    new_form: type[forms.ModelForm]  # type: ignore[type-arg]  # generic in the stubs alone

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Ask for what a new token needs; an old one is only shown."""
        return self.new_form if obj is None else super().get_form(request, obj, change, **options)

    @admin.display(description="Condition")
    def condition(self, row: Any) -> SafeString:
        """Show whether it is worth something."""
        if row.revoked_at is None:
            return format_html('<span class="worker-condition" data-condition="{}">{}</span>', "alive", "Good")
        revoked = '<span class="worker-condition" data-condition="{}">{}</span><span class="token-end">{} ago</span>'
        return format_html(revoked, "stopped", "Revoked", ago(row.revoked_at))

    @admin.display(description="Made")
    def made(self, row: Any) -> SafeString:
        """Show when it was made."""
        return ago(row.created_at)

    @admin.display(description="Used", empty_value="never")
    def used(self, row: Any) -> SafeString | None:
        """Show when it was used last, to the minute."""
        return ago(row.used_at) if row.used_at else None

    @admin.action(description="Revoke the selected tokens", permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """End what the tokens are worth, at once."""
        rows = list(queryset.filter(revoked_at=None))
        for row in rows:
            self.end(row)
            self.log_change(request, row, "Revoked.")
        names = ", ".join(row.name for row in rows)
        messages.success(request, f"Revoked: {names}.") if names else messages.info(request, "All are revoked already.")

    def end(self, row: Any) -> None:
        """End what a token is worth."""
        raise NotImplementedError

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: what a revoked token has done stays known."""
        return False


class NewWorkerTokenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Asks for the name and the types."""

    types = forms.CharField(help_text="Comma-separated types of jobs that the worker may take, as: search, export")

    class Meta:
        model = WorkerToken
        fields = ("name", "types")

    def clean_types(self) -> list[str]:
        """Return the types, without those that nobody could ask for."""
        types = sorted({part.strip() for part in self.cleaned_data["types"].split(",") if part.strip()})
        if not types or any(len(part) > worker_tokens.TYPE_LIMIT for part in types):
            raise forms.ValidationError(f"One type at least, each of 1 to {worker_tokens.TYPE_LIMIT} characters.")
        return types


@admin.register(WorkerToken)
class WorkerTokenAdmin(ProgramTokenAdmin):
    """With one a remote worker takes jobs."""

    list_display = ("name", "of_types", "condition", "made", "used")
    new_form = NewWorkerTokenForm

    @admin.display(description="Types")
    def of_types(self, row: WorkerToken) -> SafeString:
        """Show what it may take."""
        return format_html_join(" ", '<code class="worker-type">{}</code>', ((name,) for name in row.types))

    def issue(self, request: HttpRequest, row: WorkerToken, form: Any) -> tuple[WorkerToken, Secret]:
        """Make the token."""
        made, token = worker_tokens.issue(row.name, row.types)
        usage = (
            "The worker sends it with every call, as Authorization: Bearer. Nobody can read it again: lost, it is replaced by a new one."
        )
        return made, Secret(title=f"Worker token {made.name}", value=token, usage=usage)

    def end(self, row: WorkerToken) -> None:
        """Refuse the worker's next call; what it runs goes back when the lease is over."""
        worker_tokens.revoke(row)


class NewServiceTokenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Asks for the name."""

    class Meta:
        model = ServiceToken
        fields = ("name",)
        help_texts = {"name": "What the program is called in the logs"}


@admin.register(ServiceToken)
class ServiceTokenAdmin(ProgramTokenAdmin):
    """With one a program acts for users who are not staff."""

    list_display = ("name", "condition", "made", "used")
    new_form = NewServiceTokenForm

    def issue(self, request: HttpRequest, row: ServiceToken, form: Any) -> tuple[ServiceToken, Secret]:
        """Make the token."""
        token = service_tokens.issue(row.name)
        usage = (
            "The program sends it as Authorization: Bearer, and in On-Behalf-Of the user for whom it acts. "
            "Nobody can read it again: lost, it is replaced by a new one."
        )
        return ServiceToken.objects.get(name=row.name), Secret(title=f"Service token {row.name}", value=token, usage=usage)

    def end(self, row: ServiceToken) -> None:
        """Refuse the program's next request."""
        service_tokens.revoke(row.name)
