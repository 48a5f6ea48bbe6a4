"""Worker tokens: made at the terminal and in the admin, shown once, revoked."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from jobs.models import WorkerToken
from jobs.remote import tokens

pytestmark = pytest.mark.django_db


def made(*arguments: str) -> str:
    out = StringIO()
    call_command("worker_token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_command_prints_a_token_once_and_keeps_its_hash() -> None:
    token = made("crawler", "--types", "search, export")
    row = tokens.find(token)
    assert row is not None
    assert (row.types, token in str(vars(row))) == (["export", "search"], False)
    assert tokens.listed_types() == {"search", "export"}
    made("crawler", "--revoke")
    assert tokens.find(token) is None
    assert tokens.listed_types() == frozenset()


@pytest.mark.parametrize("arguments", [("crawler",), ("", "--types", "a"), ("x" * 101, "--types", "a"), ("nobody", "--revoke")])
def test_what_makes_no_sense_is_said(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        made(*arguments)


def test_a_name_is_there_once() -> None:
    made("crawler", "--types", "a")
    with pytest.raises(CommandError, match="already"):
        made("crawler", "--types", "a")


def test_the_admin_makes_and_revokes_tokens(staff: Any) -> None:
    client = Client()
    client.force_login(staff)
    page = client.post("/admin/jobs/workertoken/add/", {"name": "crawler", "types": "search"}, follow=True)
    (message,) = [str(message) for message in page.context["messages"] if tokens.PREFIX in str(message)]
    token = message.rpartition(" ")[2]
    assert tokens.find(token) is not None
    row = WorkerToken.objects.get()
    client.post("/admin/jobs/workertoken/", {"action": "revoke", "_selected_action": [row.pk]})
    assert tokens.find(token) is None
    assert token not in client.get(f"/admin/jobs/workertoken/{row.pk}/change/").content.decode()
