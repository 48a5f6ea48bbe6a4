"""Secrets that the admin makes: shown on the page that answers, kept as hashes, and never read again."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


@dataclass(frozen=True, kw_only=True)
class Secret:
    """What is shown once."""

    title: str
    value: str
    usage: str
    """What is done with it."""


class ShownOnceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """The admin of rows that are made with a secret and never changed."""

    show_full_result_count = False
    sortable_by = ()

    def issue(self, request: HttpRequest, row: Any, form: Any) -> tuple[Any, Secret]:
        """Make the row that the form asks for; return it, and what is shown of it this once."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Make the row, and keep its secret for the answer."""
        made, secret = self.issue(request, obj, form)
        obj.__dict__.update({field.attname: getattr(made, field.attname) for field in made._meta.concrete_fields})
        obj.shown_once = secret

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret in the answer itself: a message would travel in a cookie."""
        request.current_app = self.admin_site.name
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": obj.shown_once.title, "secret": obj.shown_once}
        return TemplateResponse(request, "admin/jobs/shown_once.html", context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form with one button: what was made is shown, whatever comes next."""
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**one_button, **(extra_context or {})})

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: such a row is made or ended, never changed."""
        return False
