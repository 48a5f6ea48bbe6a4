"""The texts that every Python installation carries: the language reference and the docstrings of the standard library."""

import ast
import hashlib
import importlib
import inspect
import os
import platform
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from jobs.handlers.search.corpus import Report, Warn
from jobs.handlers.search.passages import Passage, passages
from jobs.handlers.search.prose import blocks

SHORTEST_DOCSTRING = 30
"""Shorter ones say no more than the name does."""

_LEFT_OUT = frozenset(
    {
        "distutils", "encodings", "ensurepip", "idlelib", "lib-dynload", "lib2to3", "msilib", "pydoc_data", "site-packages",
        "dist-packages", "test", "tests", "this.py", "turtledemo",
    }
)  # fmt: skip
_WRITTEN_IN_C = (
    "builtins", "collections", "datetime", "decimal", "functools", "gc", "io", "itertools", "math", "operator", "re", "sqlite3",
    "struct", "sys", "threading", "time", "unicodedata", "weakref", "zlib",
)  # fmt: skip
"""Modules with parts that have no source in Python; what they hold is asked after the import."""


class LanguageCorpus:
    """The reference and the standard library of the Python that runs this."""

    name = "the Python reference"

    def __init__(self, library: Path | None = None) -> None:
        self._library = library or Path(os.__file__).parent

    @property
    def key(self) -> str:
        """The index belongs to one version of Python."""
        return f"python-{platform.python_implementation().lower()}-{platform.python_version()}"

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(self._walk(self._library))

    def _walk(self, folder: Path) -> Iterator[Path]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name in _LEFT_OUT or (entry.name.startswith("_") and entry.name != "__init__.py"):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    yield from self._walk(Path(entry.path))
                elif entry.name.endswith(".py"):
                    yield Path(entry.path)

    def fingerprint(self) -> str:
        """Return a hash over the version, and path and size of every module; a running Python does not change, so it is taken once."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        state = hashlib.sha256(sys.version.encode())
        for file in self._files:
            state.update(f"{file.relative_to(self._library)} {file.stat().st_size}\n".encode())
        return state.hexdigest()

    def read(self, *, report: Report, warn: Warn) -> Iterator[Passage]:
        """Return the passages of the reference, then of each module."""
        from pydoc_data.topics import topics  # half a megabyte, for the build alone

        total = len(topics) + len(self._files) + len(_WRITTEN_IN_C)
        done = 0
        for name, text in sorted(topics.items(), key=lambda topic: len(topic[1])):  # the special before the general: it keeps the passage
            yield from passages(blocks(text), path=f"reference/{name}", title=name)
            report(done := done + 1, total)
        public = _PublicNames()
        for file in self._files:
            path = file.relative_to(self._library).as_posix()
            try:
                module = ast.parse(file.read_bytes())
            except (OSError, SyntaxError, ValueError) as error:
                warn(f"{path} cannot be read: {error}")
            else:
                for name, text in _docstrings(module, public.of(path, module)):
                    yield from _described(name, text, path=path)
            report(done := done + 1, total)
        for module_name in _WRITTEN_IN_C:
            for name, text in _live_docstrings(module_name):
                yield from _described(name, text, path=module_name)
            report(done := done + 1, total)


def _described(name: str, docstring: str, *, path: str) -> Iterator[Passage]:
    for passage in passages((block for block in blocks(docstring) if block.kind in ("prose", "item")), path=path, title=name, subject=name):
        if len(passage.text) >= SHORTEST_DOCSTRING:
            yield passage


class _PublicNames:
    """Under which name people know what a module defines: `asyncio.Task`, not `asyncio.tasks.Task`."""

    def __init__(self) -> None:
        self._exports: dict[str, str] = {}

    def of(self, path: str, module: ast.Module) -> str:
        """Return the name of the module in the file `path`, and note which modules a package takes its names from."""
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if path.endswith("/__init__.py"):
            for node in module.body:
                if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
                    self._exports[f"{name}.{node.module}"] = name
        return self._exports.get(name, name)


def _docstrings(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
    """Return name and docstring of a module, its public classes and functions, and their public methods."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node)
        if text:
            yield name, text
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not child.name.startswith("_"):
                yield from _docstrings(child, f"{name}.{child.name}")
        elif isinstance(child, ast.If | ast.Try):
            yield from _docstrings(child, name)


def _live_docstrings(module_name: str) -> Iterator[tuple[str, str]]:
    """Return name and docstring of what the module holds and Python sources do not say."""
    module = importlib.import_module(module_name)
    prefix = "" if module_name == "builtins" else f"{module_name}."
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or not (inspect.isclass(value) or inspect.isbuiltin(value)):
            continue
        if getattr(value, "__module__", None) not in (module_name, f"_{module_name}"):
            continue
        yield prefix + name, inspect.cleandoc(value.__doc__ or "")
        for method, function in sorted(vars(value).items()) if inspect.isclass(value) else ():
            if not method.startswith("_") and inspect.isroutine(function):
                yield f"{prefix}{name}.{method}", inspect.cleandoc(function.__doc__ or "")
