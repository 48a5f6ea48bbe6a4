"""The mechanisms by name."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

MECHANISMS: dict[str, Callable[[], None]] = {}


def mechanism(take_out: Callable[[], None]) -> Callable[[], None]:
    """Register what takes out the mechanism of this name."""
    MECHANISMS[take_out.__name__] = take_out
    return take_out


def put(where: Any, **values: Any) -> None:
    """Put values in the place of what a class, or the module of this name, has under their names."""
    owner = import_module(where) if isinstance(where, str) else where
    for name, value in values.items():
        setattr(owner, name, value)
