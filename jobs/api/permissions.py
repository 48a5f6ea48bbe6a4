"""Who may do what, beyond being signed in."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from realtime.viewer import SharedViewer


class NoMoreThanShared(BasePermission):
    """With a share token one may use the actions that a view names in `open_to_shares`, and no others."""

    message = "With a share token one may watch this one job, and do nothing."

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the caller may use the view."""
        caller: Any = request.user
        return not isinstance(caller, SharedViewer) or getattr(view, "action", None) in getattr(view, "open_to_shares", ())
