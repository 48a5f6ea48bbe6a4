"""docs/metrics.md, the dashboard and the alerts speak of what /metrics has."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser
import pytest
import yaml
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from jobs import figures
from tests.pages import ROOT, blocks, rows
from tests.promtool import promtool
from tests.runs import create, ended, worker

PAGE = ROOT / "docs" / "metrics.md"
ALERTS = ROOT / "docs" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "docs" / "grafana" / "omnibrowser.json"
PARTS = {"histogram": ("_bucket", "_sum", "_count")}
OF_PROMETHEUS = {"instance", "job", "le"}

ROWS = {row["metric"].strip("`"): row for row in rows(PAGE) if "metric" in row}


def names_in(words: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", words))


LABELS = {name + part: names_in(row["labels"]) for name, row in ROWS.items() for part in PARTS.get(row["kind"], ("",))}


def queries() -> Iterator[tuple[str, str]]:
    """Yield every query, and where it stands."""
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")
    for block in blocks(PAGE):
        for query in re.findall(r"(?:query|metricsQuery): (.+)", block.code):
            yield "scaling", query


@dataclass
class Asked:
    """What a query asks for."""

    names: set[str]
    labels: dict[str, set[str]]
    """By name, the labels of its selector."""
    by: set[str]


def asked(query: str) -> Asked:
    """Read a query; raises ValueError for what is none."""
    found = Asked(set(), {}, set())

    def visit(node: promql_parser.Expr) -> None:
        selector = node.vector_selector if isinstance(node, promql_parser.MatrixSelector) else node
        if isinstance(selector, promql_parser.VectorSelector):
            assert selector.name, query
            found.names.add(selector.name)
            found.labels.setdefault(selector.name, set()).update(matcher.name for matcher in selector.matchers.matchers)
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            found.by.update(node.modifier.labels)

    promql_parser.walk(promql_parser.parse(query), visit)
    return found


@pytest.mark.parametrize(("where", "query"), list(queries()))
def test_a_query_asks_for_what_there_is(where: str, query: str) -> None:
    found = asked(query)
    assert found.names
    assert found.names <= set(LABELS)
    for name, labels in found.labels.items():
        assert labels <= LABELS[name]
    assert found.by <= set.union(OF_PROMETHEUS, *(LABELS[name] for name in found.names))


@pytest.mark.django_db(transaction=True)
async def test_the_page_has_every_metric_of_a_real_answer_and_no_other(redis: Any, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_latest", None)
    job = await sync_to_async(create)(ann, "test.echo")
    waiting = await sync_to_async(create)(ann, "test.nobody")
    with worker():
        await sync_to_async(ended)(job.pk)
    response = await AsyncClient().get("/metrics")
    families = [family for family in text_string_to_metric_families(response.content.decode()) if family.name.startswith(OURS)]
    found = {family.name + ("_total" if family.type == "counter" else ""): family for family in families}
    assert set(found) == set(ROWS)
    for name, family in found.items():
        assert family.type == ROWS[name]["kind"], name
        assert family.documentation.endswith("."), name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == names_in(ROWS[name]["labels"]), name
    assert waiting.pk


OURS = ("jobs_", "realtime_", "omnibrowser_")


def test_every_alert_says_what_to_do() -> None:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
            assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_blocks_of_yaml_are_such() -> None:
    for block in blocks(PAGE):
        if block.language == "yaml":
            assert list(yaml.safe_load_all(block.code))


def test_promtool_takes_the_alerts_and_sees_them_fire() -> None:
    tool = promtool()
    if tool is None:  # the queries were read above
        assert not os.environ.get("CI"), "There is no promtool here. Debian: apt-get install prometheus."
        return
    for words in (("check", "rules", ALERTS.name), ("test", "rules", "alerts_test.yml")):
        done = subprocess.run([tool, *words], cwd=ALERTS.parent, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
