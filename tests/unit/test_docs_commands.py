"""The commands that the pages name are there, with the options that they have."""

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.pages import PAGES, ROOT, blocks

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
