"""The only writer of a job's state: each change is one guarded write in one transaction, published after the commit."""

from jobs.transitions.checkpoint import checkpoint, save_answer
from jobs.transitions.claim import claim, claim_one
from jobs.transitions.close import complete, fail
from jobs.transitions.commands import ACTIONS, command
from jobs.transitions.complete_all import Completion, complete_all
from jobs.transitions.create import HANDLER_DEFAULTS, NewJob, create
from jobs.transitions.delete import delete
from jobs.transitions.edit import edit
from jobs.transitions.flush import Flush, FlushResult, flush
from jobs.transitions.report import Reported, TextTooLong, report
from jobs.transitions.requeue import interrupt, lose_worker, release, rescue, retry_later, take_back
from jobs.transitions.restore import skip_lost_attempts

__all__ = [
    "ACTIONS",
    "HANDLER_DEFAULTS",
    "Completion",
    "Flush",
    "FlushResult",
    "NewJob",
    "Reported",
    "TextTooLong",
    "checkpoint",
    "claim",
    "claim_one",
    "command",
    "complete",
    "complete_all",
    "create",
    "delete",
    "edit",
    "fail",
    "flush",
    "interrupt",
    "lose_worker",
    "release",
    "report",
    "rescue",
    "retry_later",
    "save_answer",
    "skip_lost_attempts",
    "take_back",
]
