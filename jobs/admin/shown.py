"""Rows that the admin shows and that no form changes."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse


class ShownModelAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """The admin of rows that have a page each, and actions instead of a form."""

    page_template: str
    part_template = ""
    """What of a row's page keeps itself fresh; none where that is empty."""

    def rows_to_show(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that have a page, with what their pages need."""
        return self.get_queryset(request)

    def describe(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return what a row's page shows."""
        return {"title": str(row)}

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a row."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        row: Model | None = self.rows_to_show(request).filter(pk=key_of(object_id)).first()
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        return self.respond(request, self.page_template, {**self.describe(request, row), **(extra_context or {})}, part=self.part_template)

    def respond(self, request: HttpRequest, template: str, context: dict[str, Any], *, part: str = "") -> HttpResponse:
        """Return a page of the admin, or what is asked for by a page that keeps itself fresh: that part of it."""
        request.current_app = self.admin_site.name
        if part and asks_for_part(request):
            return TemplateResponse(request, part, {"opts": self.opts, **context})
        return TemplateResponse(request, template, {**self.admin_site.each_context(request), "opts": self.opts, **context})


def asks_for_part(request: HttpRequest) -> bool:
    """Tell whether a page asks that keeps itself fresh."""
    return "X-Live-Part" in request.headers


def key_of(object_id: str) -> str:
    """Return the primary key that an address of the admin names; no key has a NUL, which databases refuse."""
    return unquote(object_id).replace("\0", "")


def page_data(request: HttpRequest) -> dict[str, Any]:
    """Return what a page's script needs to sign in with the session."""
    return {"csrfToken": get_token(request), "user": request.user.get_username()}
