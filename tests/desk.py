"""A member of staff at the admin: what she does, and what she sees."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

LIST = "/admin/jobs/job/"


def member(name: str, *permissions: str) -> Any:
    """Return a member of staff who may do what is named, as `view_job`."""
    user = get_user_model().objects.create_user(name, password="a-long-password", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


class Desk:
    """A member of staff at the admin."""

    def __init__(self, user: Any) -> None:
        self.client = Client(enforce_csrf_checks=False)
        self.client.force_login(user)

    def get(self, path: str = LIST, **query: str) -> str:
        response = self.client.get(path, query)
        assert response.status_code == 200, response
        return response.content.decode()

    def page(self, job_id: str) -> str:
        return self.get(f"{LIST}{job_id}/change/")

    def ids(self, **query: str) -> list[str]:
        """Return the ids in the list, in order."""
        response = self.client.get(LIST, query)
        return [job.pk for job in response.context["cl"].result_list]

    def ask(self, action: str, *job_ids: str, filters: str = "", across: bool = False) -> Any:
        """Choose an action in the list; returns the page that asks."""
        action = "delete_selected" if action == "delete" else action
        data = {"action": action, "_selected_action": list(job_ids), "select_across": "1" if across else "0", "index": "0"}
        return self.client.post(f"{LIST}?{filters}", data)

    def do(self, action: str, *job_ids: str, filters: str = "", across: bool = False, **fields: str) -> list[str]:
        """Choose an action, say yes, and return what was said at the end."""
        response = self.ask(action, *job_ids, filters=filters, across=across)
        while response.status_code == 200 and "token" in (response.context or {}):
            response = self.client.post(f"{LIST}bulk/", {"token": response.context["token"], **fields})
        assert response.status_code == 302, response
        return [str(message) for message in self.client.get(response["Location"]).context["messages"]]

    def press(self, job_id: str, action: str) -> Any:
        """Press a button on a job's page."""
        return self.client.post(f"{LIST}{job_id}/do/{action}/", follow=True)
