"""Worker tokens in the Django admin: made and revoked, never read again."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from jobs.models import WorkerToken
from jobs.remote import tokens


class NewTokenForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """Asks for the name and the types."""

    types = forms.CharField(help_text="Comma-separated types of jobs that the worker may take, as: search, export")

    class Meta:
        model = WorkerToken
        fields = ("name", "types")

    def clean_types(self) -> list[str]:
        """Return the types, without those that nobody could ask for."""
        types = sorted({part.strip() for part in self.cleaned_data["types"].split(",") if part.strip()})
        if not types or any(len(part) > tokens.TYPE_LIMIT for part in types):
            raise forms.ValidationError(f"One type at least, each of 1 to {tokens.TYPE_LIMIT} characters.")
        return types


@admin.register(WorkerToken)
class WorkerTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """The tokens, newest first."""

    list_display = ("name", "types", "created_at", "used_at", "revoked_at")
    ordering = ("-created_at",)
    search_fields = ("name",)
    actions = ("revoke",)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """Ask for what a new token needs; an old one is only shown."""
        return NewTokenForm if obj is None else super().get_form(request, obj, change, **options)

    def save_model(self, request: HttpRequest, obj: WorkerToken, form: Any, change: bool) -> None:
        """Make the token and show it this once."""
        row, token = tokens.issue(obj.name, obj.types)
        obj.pk, obj.digest, obj.created_at = row.pk, row.digest, row.created_at
        messages.warning(request, f"The token of {row.name}, which cannot be shown again: {token}")

    @admin.action(description="Revoke the selected tokens", permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[WorkerToken]) -> None:
        """End what the tokens are worth, at once."""
        for row in queryset:
            tokens.revoke(row)
            self.log_change(request, row, "Revoked.")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: a token is made or revoked, never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: what a revoked token has done stays known."""
        return False
