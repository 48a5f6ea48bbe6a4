"""A worker that runs suspects beside others, for the twin of a test. Named in JOB_HANDLERS."""

from typing import Any

from jobs import transitions

_claim = transitions.claim


def claim(*arguments: Any, suspects: bool | None = None, **options: Any) -> Any:
    """Take what is due, suspected or not."""
    return _claim(*arguments, **options)


transitions.claim = claim
