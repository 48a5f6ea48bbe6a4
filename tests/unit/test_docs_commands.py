"""The commands that the pages name are there, with the options that they have."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

from tests.pages import PAGES, ROOT, blocks, rows

SHELLS = ("bash", "sh")
DEPLOYED = [path for path in sorted((ROOT / "deploy").rglob("*")) if path.is_file()]
MANAGE = re.compile(r"manage\.py ([a-z_]+)((?: +(?:--?[\w-]+(?:[ =][\w.,:/]+)?|[A-Z_]+|\w+))*)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def options_of(command: str) -> set[str]:
    parser = load_command_class(get_commands()[command], command).create_parser("manage.py", command)
    return {option for action in parser._actions for option in action.option_strings}


@pytest.mark.parametrize("page", [*PAGES, *DEPLOYED], ids=named)
def test_commands_of_manage_py(page: Path) -> None:
    for command, rest in MANAGE.findall(page.read_text()):
        assert command in get_commands(), command
        assert set(re.findall(r"--[a-z-]+", rest)) <= options_of(command), f"{command}{rest}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_targets_of_make(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"(?:^|`| )make ([a-z][a-z-]+)(?=[` ]|$)", commands_in(page), re.MULTILINE)) <= targets


def commands_in(page: Path) -> str:
    """Return what stands in backticks and in shell blocks."""
    inline = re.findall(r"`([^`\n]+)`", page.read_text())
    return "\n".join([*inline, *(block.code for block in blocks(page) if block.language in SHELLS)])


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_block_for_a_shell_is_one_and_says_whether_it_is_run(page: Path) -> None:
    for block in blocks(page):
        if block.language in SHELLS:
            shlex.split(block.code, comments=True)
            assert {"run", "context"} & set(block.words), f"line {block.line}"


def test_every_own_command_and_option_has_its_words() -> None:
    told = {row["command"].strip("`"): row for row in rows(ROOT / "docs" / "commands.md") if "command" in row}
    own = {name for name, app in get_commands().items() if app in ("jobs", "omnibrowser")}
    everywhere = options_of_all() | {"--server", "--url", "--token", "--user", "--descriptor"}

    assert set(told) == own
    ours = own - {"runserver"}  # daphne's, with options of its own
    untold = {name: {option for option in options_of(name) - everywhere if f"`{option}`" not in told[name]["options"]} for name in ours}
    assert {name: options for name, options in untold.items() if options} == {}
    assert "`--server`" in told["serve"]["options"]


def options_of_all() -> set[str]:
    """Return the options that every command of Django has."""
    return {option for action in BaseCommand().create_parser("manage.py", "")._actions for option in action.option_strings}
