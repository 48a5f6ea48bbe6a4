"""The handlers of docs/handlers.md and of the README do what the pages say."""

import ast
import inspect
import sys
from types import ModuleType
from typing import Any

import pytest

from jobs.errors import JobExists, UnknownType
from jobs.handlers import registry
from jobs.models import Job
from jobs.run import JobRun
from jobs.submit import submit
from tests import runs
from tests.pages import ROOT, blocks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]

PAGE = ROOT / "docs" / "handlers.md"


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Register the page's handlers, all blocks being one module; afterwards they are gone again."""
    registry.discover()
    monkeypatch.setattr(registry, "_handlers", dict(registry._handlers))
    module = ModuleType("documented_handlers")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in blocks(PAGE):
        if "handlers" in block.words:
            exec(compile("\n" * block.line + block.code, str(PAGE), "exec"), module.__dict__)
    return module


def ended(owner: Any, type: str, **values: Any) -> Job:
    with runs.worker():
        return runs.ended(runs.create(owner, type, **values).pk)


@pytest.mark.usefixtures("handlers")
def test_the_first_one_writes_chapter_by_chapter(ann: Any) -> None:
    job = ended(ann, "summary", query="a book")

    assert (job.state, job.result, job.text) == ("completed", {"chapters": 3}, "A beginning. A middle. An end.")
    assert [(step["name"], step["state"]) for step in job.steps] == [("Reading", "done"), ("Writing", "done")]


def test_it_goes_on_at_its_checkpoint(ann: Any, handlers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    class BreaksOnce(list[str]):
        broken = False

        def __getitem__(self, key: Any) -> Any:
            for text in super().__getitem__(key):
                if text.startswith("An end") and not self.broken:
                    self.broken = True
                    raise RuntimeError("once")
                yield text

    monkeypatch.setattr(handlers, "CHAPTERS", BreaksOnce(handlers.CHAPTERS))

    job = ended(ann, "summary")

    assert (job.attempt, job.failures, job.text) == (2, 1, "A beginning. A middle. An end.")


@pytest.mark.usefixtures("handlers")
def test_a_plain_function_runs_and_the_division_fails_at_once(ann: Any) -> None:
    assert ended(ann, "primes", input={"below": 20}).result == [2, 3, 5, 7, 11, 13, 17, 19]
    assert ended(ann, "division", input={"number": 9, "by": 3}).result == 3
    job = ended(ann, "division", input={"number": 9, "by": 0})
    assert (job.state, job.failures, job.error) == ("failed", 0, {"code": "by_zero", "message": "Nothing can be divided by zero."})


def test_what_is_done_once_has_the_same_answer_in_every_attempt(ann: Any, handlers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    throws = iter([3, 5])
    monkeypatch.setattr(handlers, "throw_dice", lambda: next(throws))

    assert ended(ann, "dice").result == {"first": 3, "attempts": 2}


@pytest.mark.usefixtures("handlers")
def test_code_deep_inside_reports(ann: Any) -> None:
    job = ended(ann, "pages", input={"owner": ann.pk})

    assert (job.state, job.progress, [step["name"] for step in job.steps]) == ("completed", 100, ["Rendering"])


def test_a_script_runs_a_job(ann: Any) -> None:
    (script,) = (block for block in blocks(PAGE) if "script" in block.words)
    job = runs.create(ann, "elsewhere")

    exec(compile(script.code, str(PAGE), "exec"), {"job_id": job.pk})

    job.refresh_from_db()
    assert (job.state, job.text, job.result) == ("completed", "line 1\nline 2\nline 3\n", {"lines": 3})


def test_submit_creates_as_the_api_does(ann: Any) -> None:
    job = submit(ann, "wordcount", "three little words", job_id="j")

    assert (job.max_attempts, job.timeout_seconds, len(job.steps)) == (3, 60, 2)
    assert submit(ann, "wordcount", "three little words", job_id="j") == job
    with pytest.raises(JobExists):
        submit(ann, "wordcount", "other words", job_id="j")
    with pytest.raises(UnknownType, match="wordcount"):
        submit(ann, "nothing")


def test_the_readmes_handler_is_one(handlers: ModuleType) -> None:
    (readme,) = (block for block in blocks(ROOT / "README.md") if block.language == "python")
    tree = ast.parse(readme.code)

    assert "summary" in registry.types()
    assert [node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef)] == ["summary"]
    registry._handlers.pop("summary")
    exec(compile(tree, "README.md", "exec"), {"__name__": "readme", "chapters": lambda query: [query]})
    assert "summary" in registry.types()


def test_every_argument_of_the_decorator_and_every_name_of_a_run_is_told() -> None:
    told = PAGE.read_text()
    arguments = set(inspect.signature(registry.job_handler).parameters)
    names = {"job_id", "query", "input", "attempt", "deadline"} | {name for name in vars(JobRun) if not name.startswith("_")}

    assert {name for name in arguments if f"| `{name}` |" not in told} == set()
    assert {name for name in names if f"`run.{name}" not in told} == set()


def test_every_code_that_a_job_fails_with_is_told() -> None:
    told = PAGE.read_text()
    modules = ("outcomes", "executor", "recorder", "checkpoints", "json_values", "transitions/requeue", "transitions/close")
    calls = [
        node for name in modules for node in ast.walk(ast.parse((ROOT / "jobs" / f"{name}.py").read_text())) if isinstance(node, ast.Call)
    ]
    codes = set()
    for call in calls:
        match call:
            case ast.Call(func=ast.Name(id="Failed" | "JobFailed"), args=[ast.Constant(value=str(code)), *_]):
                codes.add(code)
            case ast.Call(func=ast.Name(id="kept")):
                (kept,) = (ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "name")
                codes |= {f"{kept}_too_large", *({f"bad_{kept}"} if kept != "answers" else ())}

    assert codes >= {"handler_error", "timeout", "text_too_long", "bad_result"}
    assert {code for code in codes if f"`{code}`" not in told} == set()
