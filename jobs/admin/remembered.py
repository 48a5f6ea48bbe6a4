"""What many ask and nobody needs fresh to the second: read once for all who ask this process."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

_values: dict[Hashable, tuple[float, Any]] = {}
_locks: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)


def remembered(key: Hashable, seconds: float, read: Callable[[], T]) -> T:
    """Return what `read` returned less than `seconds` ago; else have it read, by one thread while the others wait for it."""
    with _locks[key]:
        at, value = _values.get(key, (float("-inf"), None))
        if time.monotonic() - at >= seconds:
            value = read()
            _values[key] = time.monotonic(), value
    return value  # type: ignore[no-any-return]  # each key has the values of its own `read`


def forget() -> None:
    """Have everything read again."""
    _values.clear()
