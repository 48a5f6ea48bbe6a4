"""What a question asks for, and that nothing in it is syntax."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.handlers.search.index import matcher
from jobs.handlers.search.terms import TERM_LIMIT, analyze, match_expression, searchable


@pytest.mark.parametrize(
    ("query", "terms"),
    [
        ("What is a context manager?", ["context", "manager"]),
        ("difference between list and tuple", ["list", "tuple"]),
        ("how does the with statement work", ["kwwith", "statement"]),
        ("for", ["kwfor"]),
        ("async with", ["kwwith", "async"]),
        ("how to use", ["use"]),
        ("Ｃaché  __init__", ["caché", "init"]),
        ("日本語", ["日本語"]),
        ("", []),
        ("the of and", []),
        ("🎉 … !?", []),
        ('"foo* OR NEAR(', ["foo", "near"]),
    ],
)
def test_the_words_that_tell_something_are_the_terms(query: str, terms: list[str]) -> None:
    assert analyze(query) == terms


def test_a_long_text_is_searched_by_the_words_that_it_repeats() -> None:
    text = " ".join(f"once{number}" for number in range(900)) + " often" * 3

    terms = analyze(text)

    assert len(terms) == TERM_LIMIT
    assert "often" in terms


def test_a_script_without_spaces_is_found_by_a_part_of_a_run() -> None:
    matches = matcher(["日本語", "語", "本", "猫"])(["これは日本語です。", "nothing"])

    assert matches == [frozenset({"日本語", "語", "本"}), frozenset()]


def test_a_quoted_keyword_is_a_term_and_a_spoken_one_is_not() -> None:
    matches = matcher(["kwwith"])(['The "with" statement', "`with` it", "with it"])

    assert matches == [frozenset({"kwwith"}), frozenset({"kwwith"}), frozenset()]


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_query_and_no_text_is_syntax(query: str, text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE given USING fts5(text)")
    connection.execute("INSERT INTO given VALUES (?)", (searchable(text).encode("utf-8", "replace").decode(),))
    for term in analyze(query):
        connection.execute("SELECT rowid FROM given WHERE given MATCH ?", (match_expression(term),)).fetchall()
    connection.close()
