"""Worker tokens: made at the terminal, shown once, revoked."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

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
