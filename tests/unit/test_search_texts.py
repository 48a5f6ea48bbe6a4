"""From files to passages: sentences stay, code, tables, grammar and markup go."""

from collections.abc import Iterable

import pytest

from jobs.handlers.search.html import html_blocks
from jobs.handlers.search.markdown import markdown_blocks
from jobs.handlers.search.passages import PASSAGE_LENGTH, Block, passages
from jobs.handlers.search.prose import blocks, clean

TOPIC = """
The "with" statement
********************

The "with" statement wraps the execution of a block with methods
defined by a *context manager* (see section With Statement).

   with_stmt ::= "with" with_item ":" suite

It proceeds as follows:

1. The context expression is evaluated to obtain a context manager.

2. The context manager’s "__enter__()" is invoked. [1]

The following code:

   with EXPRESSION as TARGET:
       SUITE

is semantically equivalent to:

   manager = (EXPRESSION)

object.__enter__(self)

   Enter the runtime context related to this object.

+-----+-----+
| a   | b   |
+-----+-----+

Changed in version 3.1: Support for multiple context expressions.

-[ Footnotes ]-

[1] A footnote is not told.
"""


def said(found: Iterable[Block]) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in found]


def test_of_a_reference_page_the_sentences_stay() -> None:
    assert said(blocks(TOPIC)) == [
        ("heading", 'The "with" statement'),
        ("prose", 'The "with" statement wraps the execution of a block with methods defined by a context manager.'),
        ("prose", "It proceeds as follows:"),
        ("item", "1. The context expression is evaluated to obtain a context manager."),
        ("item", '2. The context manager’s "__enter__()" is invoked.'),
        ("name", "object.__enter__(self)"),
        ("prose", "Enter the runtime context related to this object."),
    ]


def test_the_terms_that_a_text_introduces_are_noted() -> None:
    (block,) = blocks("A *context manager* is an object that is entered and left.")

    assert block.defines == "context manager"


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        (":class:`~asyncio.Task` is *not* ``done``.", '"asyncio.Task" is not "done".'),
        ("See `the docs <https://example.org>`_ and **this**.", "See the docs and this."),
        ("Takes *args and **kwargs, 2 * 3 * 4.", "Takes *args and **kwargs, 2 * 3 * 4."),
        ("A line\n  and   another.", "A line and another."),
    ],
)
def test_markup_goes_and_the_words_stay(marked: str, plain: str) -> None:
    assert clean(marked) == plain


def test_no_text_takes_long_and_no_word_of_a_long_paragraph_is_lost() -> None:
    gap = "A word" + " " * 200_000 + "and another after the gap."
    line = " ".join(f"word{number}" for number in range(50_000))

    assert said(blocks(gap)) == [("prose", "A word and another after the gap.")]
    assert " ".join(each.text for each in passages([Block("prose", line)], path="p", title="t")) == line


def test_a_list_of_arguments_and_an_example_are_no_sentences() -> None:
    text = "Return the sum.\n\nstart: where it begins\nstop: where it ends\n\n>>> add(1, 2)\n3\n\n    total = add(1, 2)\n"

    assert said(blocks(text)) == [("prose", "Return the sum.")]


def test_markdown_is_told_without_code_and_tables() -> None:
    text = (
        "---\ntitle: x\n---\n# Guide\n\nRun `make` **now**, see [the page](https://example.org).\n\n```sh\nrm -rf /\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\nTitle\n-----\n\n1. First.\n2. Second\n   with more.\n\n- A dash.\n"
    )

    assert said(markdown_blocks(text)) == [
        ("heading", "Guide"),
        ("prose", 'Run "make" now, see the page.'),
        ("heading", "Title"),
        ("item", "1. First."),
        ("item", "2. Second with more."),
        ("item", "- A dash."),
    ]


def test_html_is_told_without_scripts_and_navigation() -> None:
    text = (
        "<!doctype html><title>t</title><nav><a>Home</a></nav><h1>Guide ¶</h1><p>One &amp; <b>two</b> <code>x</code>."
        "<script>alert('no')</script><pre>code()</pre><ul><li>First.<li>Second.</ul><p>Unclosed <i>end"
    )

    assert said(html_blocks(text)) == [
        ("heading", "Guide"),
        ("prose", 'One & two "x".'),
        ("item", "- First."),
        ("item", "- Second."),
        ("prose", "Unclosed end"),
    ]


def test_passages_stand_under_their_headings_and_are_not_long() -> None:
    sentence = "A sentence about the matter. " * 10
    given = [Block("heading", "Guide", 1), Block("prose", "Short."), Block("heading", "Setup", 2)]
    given += [Block("prose", sentence.strip()) for _ in range(8)]

    found = list(passages(given, path="guide.md", title="guide"))

    assert [(passage.title, passage.part) for passage in found[:3]] == [("Guide", 0), ("Guide › Setup", 0), ("Guide › Setup", 1)]
    assert all(len(passage.text) <= PASSAGE_LENGTH for passage in found)
    assert "\n\n".join(passage.text for passage in found[1:]) == "\n\n".join([sentence.strip()] * 8)
