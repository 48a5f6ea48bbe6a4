"""docs/protocol.md has every frame, code and route that the code has, and its examples are what they say."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLResolver, get_resolver

from jobs import events, transitions
from jobs.lifecycle import ARROWS, Reason, State
from jobs.models import folded
from jobs.representation import represent, summarize
from realtime import protocol
from tests import runs
from tests.pages import ROOT, blocks, rows

PAGE = ROOT / "docs" / "protocol.md"
TEXT = PAGE.read_text()
OF_THE_FRAMEWORKS = {
    "not_authenticated",
    "method_not_allowed",
    "not_acceptable",
    "unsupported_media_type",
}
TOLD_BY_ANOTHER_NAME = {"api/auth/token/refresh"}


def trees(*folders: str) -> list[ast.Module]:
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if "management" not in path.parts]
    return [ast.parse(Path(path).read_text()) for path in paths]


def nodes(*folders: str) -> list[ast.AST]:
    return [node for tree in trees(*folders) for node in ast.walk(tree)]


def example(word: str) -> Any:
    (block,) = (block for block in blocks(PAGE) if word in block.words)
    return json.loads(block.code)


def column(name: str) -> set[str]:
    """Return what stands in backticks, or as a number, in a column."""
    return {code for row in rows(PAGE) if name in row for code in re.findall(r"\w+", row[name])}


def test_close_codes() -> None:
    codes = {*protocol.CLOSE_CODES, protocol.FRAME_TOO_BIG, protocol.RESTARTING, protocol.TRY_LATER}

    assert column("close code") == set(map(str, codes))


def test_error_codes_of_the_socket() -> None:
    codes = set()
    for node in nodes("jobs", "realtime"):
        match node:
            case ast.Call(func=ast.Name(id="RequestRefused"), args=[ast.Constant(value=code), *_]):
                codes.add(code)
            case ast.Call(func=ast.Attribute(attr="error_frame"), args=[_, ast.Constant(value=code), *_]):
                codes.add(code)

    assert column("error code") == codes


def test_codes_of_problems() -> None:
    codes = set(OF_THE_FRAMEWORKS)
    for node in nodes("jobs/api", "omnibrowser", "realtime"):
        match node:
            case ast.Tuple(elts=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_]) if 400 <= status < 600:
                codes.add(code)
            case ast.Call(args=[ast.Constant(value=int(status)), ast.Constant(value=str(code)), *_]) if 400 <= status < 600:
                codes.add(code)
            case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                codes.add(code)
            case ast.Assign(targets=[ast.Name(id="default_code")], value=ast.Constant(value=str(code))):
                codes.add(code)

    assert column("code") == codes


def test_frames() -> None:
    told = set(re.findall(r'`\{"type": "(\w+)"', TEXT))
    sent = set()
    for node in nodes("realtime"):
        match node:
            case ast.Dict(keys=[ast.Constant(value="type"), *_], values=[ast.Constant(value=str(kind)), *_]) if "." not in kind:
                sent.add(kind)
            case ast.Constant(value=str(text)) if found := re.match(r'\{"type":"(\w+)"', text):
                sent.add(found[1])
    (parser,) = (node for node in nodes("realtime") if isinstance(node, ast.FunctionDef) and node.name == "_message")
    cases = [case.pattern for case in ast.walk(parser) if isinstance(case, ast.match_case)]
    taken = {ast.literal_eval(pattern.value) for pattern in cases if isinstance(pattern, ast.MatchValue)}

    assert told == sent - {"about:blank"} | taken


def test_the_examples_of_frames_are_json_that_the_server_takes() -> None:
    frames = re.findall(r'^\| `(\{"type": .*?\})` \|', TEXT, re.MULTILINE)
    assert len(frames) > 10
    taken = [
        protocol.parse(frame)[0] for frame in frames if json.loads(frame)["type"] in ("auth", "subscribe", "unsubscribe", "command", "ping")
    ]
    assert len(taken) == 5
    assert None not in taken


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("redis")
def test_a_job_has_these_fields_and_a_summary_those(ann: Any) -> None:
    job = runs.create(ann)

    assert set(example("job")) == set(represent(job, folded(job)))
    assert set(example("job")) - set(summarize(job)) == {"streamingText", "input", "result"}


def test_states_reasons_and_where_they_lead() -> None:
    told = {row["state"].strip("`"): set(re.findall(r"`(\w+)`", row["goes on to"])) for row in rows(PAGE) if "goes on to" in row}

    assert told == {str(state): set(map(str, targets)) for state, targets in ARROWS.items()}
    assert {reason for reason in Reason if f"`{reason}`" not in TEXT} == set()
    assert len(told) == len(State)


def test_the_example_of_an_event_can_be_folded() -> None:
    event = example("event")
    job = events.fold({**example("job"), "streamingText": "x" * event["data"]["offset"]}, event)

    assert job["streamingText"].endswith("xand so on")


def paths(resolver: URLResolver, before: str = "") -> list[str]:
    """Return the paths below a resolver, with `{id}` where they have an argument."""
    found = []
    for pattern in resolver.url_patterns:
        path = before + re.sub(r"\(\?P<\w+>[^)]*\)|<\w+:\w+>", "{id}", str(pattern.pattern)).strip("^$").replace("\\Z", "")
        found += paths(pattern, path) if isinstance(pattern, URLResolver) else [path]
    return found


def test_every_route_of_the_api_is_told() -> None:
    routes = {route for route in paths(get_resolver()) if route.startswith(("api/", "health"))} - TOLD_BY_ANOTHER_NAME
    assert "api/jobs/{id}/events" in routes
    commands = {f"api/jobs/{{id}}/{action}" for action in transitions.ACTIONS}

    assert commands < routes
    assert {action for action in transitions.ACTIONS if f"/{action}`" not in TEXT} == set()
    assert {route for route in routes - commands if f"/{route}`" not in TEXT and f"/{route} " not in TEXT} == set()
