"""The account of what a drill job wrote."""

from jobs.drill.pieces import Account, Start, account, piece, whole_text

STARTS = [Start(1, 0), Start(2, 2), Start(3, 2)]


def test_each_piece_is_of_the_last_attempt_that_began_before_it() -> None:
    assert whole_text(STARTS, 4) == "".join([piece(0, 1), piece(1, 1), piece(2, 3), piece(3, 3)])


def test_what_is_whole_has_nothing_lost_and_nothing_doubled() -> None:
    assert account(whole_text(STARTS, 40), 40) == Account(lost=0, doubled=0)


def test_what_is_missing_and_what_is_there_twice_is_counted() -> None:
    assert account(piece(0, 1) + piece(2, 1) + piece(2, 2) + piece(2, 2), 4) == Account(lost=2, doubled=2)
    assert account("", 3) == Account(lost=3, doubled=0)
