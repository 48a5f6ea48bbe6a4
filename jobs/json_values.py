"""What handlers hand over to be kept: results, checkpoints, answers. Only what JSON, every database and every browser can hold."""

from typing import Any

from jobs.errors import JobFailed
from jobs.events import encode
from realtime import strict_json


def kept(value: Any, *, name: str, limit_bytes: int) -> Any:
    """Return `value` as JSON gives it back: tuples are lists then, and it shares nothing with what the handler holds.

    Raises JobFailed with `bad_<name>` for what JSON cannot hold and `<name>_too_large` past the limit: trying again would not help.
    """
    try:
        text = encode(value)
        size = len(text.encode())
        plain = strict_json.loads(text)
    except RecursionError:
        raise JobFailed(f"bad_{name}", f"The {name} contains itself or has too many levels.") from None
    except (TypeError, ValueError) as error:
        raise JobFailed(f"bad_{name}", f"The {name} is not what JSON can hold: {error}") from error
    if size > limit_bytes:
        raise JobFailed(f"{name}_too_large", f"The {name} has {size} bytes; {limit_bytes} are allowed.")
    return plain
