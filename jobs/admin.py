"""Jobs in the Django admin: to look at, not to change."""

from django.contrib import admin
from django.http import HttpRequest

from jobs.models import Job


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs alone
    """All jobs, newest first."""

    list_display = ("id", "type", "state", "progress", "owner", "attempt", "created_at")
    list_filter = ("state", "type")
    search_fields = ("id", "query", "owner__username")
    ordering = ("-created_at", "-id")
    list_select_related = ("owner",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs are created through the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        """State is changed by transitions alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        """Rows are deleted by the pruner."""
        return False
