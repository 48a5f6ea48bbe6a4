"""What drill jobs write, and the account of it: which pieces are missing, which are there twice. Knows no framework."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PIECE = re.compile(r"Piece (\d+), attempt \d+\.\n")


@dataclass(frozen=True)
class Start:
    """From this piece on, this attempt wrote."""

    attempt: int
    index: int


@dataclass(frozen=True)
class Account:
    """How many pieces of a text are missing, and how many are there once more than they should be."""

    lost: int
    doubled: int


def piece(index: int, attempt: int) -> str:
    """Return the piece with this number as this attempt writes it: whoever writes a piece is known by it."""
    return f"Piece {index}, attempt {attempt}.\n"


def whole_text(starts: Sequence[Start], pieces: int) -> str:
    """Return the text of a job whose attempts began where they say; of two that began at the same piece, the later one wrote it."""
    attempts = dict[int, int]()
    for start in starts:
        attempts.update(dict.fromkeys(range(start.index, pieces), start.attempt))
    return "".join(piece(index, attempts[index]) for index in sorted(attempts))


def account(text: str, pieces: int) -> Account:
    """Count what is wrong with a text."""
    found = [int(number) for number in _PIECE.findall(text)]
    return Account(lost=len(set(range(pieces)) - set(found)), doubled=len(found) - len(set(found)))
