"""What states a job can be in, and how it gets from one to another."""

from enum import StrEnum


class State(StrEnum):
    """The condition of a job."""

    CREATED = "created"
    """Waits for a worker."""
    RUNNING = "running"
    """A worker holds its lease and runs the handler."""
    PAUSED = "paused"
    """Stopped by a person, to be resumed."""
    COMPLETED = "completed"
    """The handler returned; the result is there."""
    FAILED = "failed"
    """Ended by an error, or after its last attempt."""
    CANCELLED = "cancelled"
    """Stopped by a person, for good."""


class Reason(StrEnum):
    """Why a job changed its state, where the state alone does not say it."""

    WORKER_LOST = "worker_lost"
    INTERRUPTED = "interrupted"
    ERROR = "error"
    TIMEOUT = "timeout"
    POISON = "poison"
    RESUME = "resume"
    RETRY = "retry"
    USER = "user"
    STAFF = "staff"


TERMINAL = frozenset({State.COMPLETED, State.FAILED, State.CANCELLED})
"""States that only `retry` leaves."""

CLOSING = TERMINAL | {State.PAUSED}
"""States that end an attempt: their event has the seq CLOSED."""

ARROWS: dict[State, frozenset[State]] = {
    State.CREATED: frozenset({State.RUNNING, State.PAUSED, State.CANCELLED}),
    State.RUNNING: frozenset({State.CREATED, State.PAUSED, State.COMPLETED, State.FAILED, State.CANCELLED}),
    State.PAUSED: frozenset({State.CREATED, State.CANCELLED}),
    State.COMPLETED: frozenset(),
    State.FAILED: frozenset({State.CREATED}),
    State.CANCELLED: frozenset({State.CREATED}),
}
"""From each state, the states that may come next."""


KILLS_LIMIT = 3
"""So many lost workers without a new checkpoint between them, and the job is held to be what kills them."""
SUSPECT_KILLS = KILLS_LIMIT - 1
"""From so many lost workers on a job is suspected: it runs alone in its process, so that it takes no other with it."""


def may_become(state: State, target: State) -> bool:
    """Tell whether a job in `state` may become `target`."""
    return target in ARROWS[state]
