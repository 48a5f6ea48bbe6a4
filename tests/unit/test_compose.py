"""compose.yaml and the Dockerfile say what is true: variables and commands that are there, and the parts that are promised."""

import re
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from tests.pages import ROOT, rows
from tests.unit.test_docs_commands import options_of

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "omnibrowser-jobs"}
VARIABLES = {row["name"].strip("`") for row in rows(ROOT / "docs" / "settings.md")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def test_there_are_two_servers_two_workers_and_what_they_need() -> None:
    commands = [service["command"][0] for service in OURS.values()]

    assert sorted(commands) == ["migrate", "serve", "serve", "worker", "worker"]
    assert set(SERVICES) - set(OURS) == {"proxy", "postgres", "valkey"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_runs_a_command_that_is_there_with_variables_that_are_read(name: str) -> None:
    service = OURS[name]
    command, *options = service["command"]

    assert command in get_commands()
    assert {option for option in options if option.startswith("--")} <= options_of(command)
    assert set(service["environment"]) <= VARIABLES
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert set(service["depends_on"]) <= set(SERVICES)
    assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])


def test_what_has_to_be_set_is_asked_for_and_what_is_mounted_is_there() -> None:
    text = (ROOT / "compose.yaml").read_text()
    told = set(re.findall(r"\b[A-Z_]{4,}\b", text.split("\n\n")[0]))

    assert set(re.findall(r"\$\{(\w+):\?", text)) == {"SECRET_KEY", "JWT_SECRET", "POSTGRES_PASSWORD"} <= told
    for path in re.findall(r"\./([\w/.-]+):", text):
        assert (ROOT / path).is_file(), path


def test_only_the_proxy_is_believed_and_only_it_can_be_reached() -> None:
    address = SERVICES["proxy"]["networks"]["default"]["ipv4_address"]

    assert {service["environment"]["FORWARDED_ALLOW_IPS"] for service in OURS.values()} == {address}
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_the_proxy_does_what_the_one_with_tls_does() -> None:
    ours, with_tls = ((ROOT / "deploy" / "nginx" / f"{name}.conf").read_text() for name in ("compose", "omnibrowser"))
    names = {name for name, service in OURS.items() if service["command"] == ["serve"]}

    assert set(re.findall(r"server ([\w-]+):3000", ours)) == names
    assert {line.split("#")[0].strip() for line in re.findall(r"^ +proxy_.*", ours, re.MULTILINE)} == {
        line.split("#")[0].strip() for line in re.findall(r"^ +proxy_.*", with_tls, re.MULTILINE)
    }


def test_the_image_belongs_to_nobody_who_could_change_it() -> None:
    variables = set(re.findall(r"^(?:ENV| ) +([A-Z_]+)=", DOCKERFILE, re.MULTILINE))

    assert re.search(r"^USER \d+:\d+$", DOCKERFILE, re.MULTILINE)
    assert "HEALTHCHECK" in DOCKERFILE
    assert "COPY --from=build --chown" not in DOCKERFILE
    assert variables - {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"} <= VARIABLES
