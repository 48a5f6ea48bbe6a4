"""The answer: which passages, which of their sentences, and how they are put together."""

from collections.abc import Sequence

from jobs.handlers.search.answer import ANSWER_LIMIT, EXCERPT_LIMIT, best_window, compose, excerpt, sentences
from jobs.handlers.search.index import Candidate, Hits
from jobs.handlers.search.passages import Passage
from jobs.handlers.search.ranking import SOURCES, Ranked, rank, select, weights

KRAKEN = Passage(title="Krakens", path="sea.md", text="A kraken is a large animal. It sleeps in the sea. Ships avoid it.")


def hits(*passages: Passage, terms: Sequence[str]) -> list[Hits]:
    candidates = [Candidate(passage=passage, bm25=5.0 - number) for number, passage in enumerate(passages)]
    return [Hits(candidates=candidates, frequencies=dict.fromkeys(terms, len(passages)), passages=100)]


def ranked(*passages: Passage, terms: Sequence[str]) -> list[Ranked]:
    found = hits(*passages, terms=terms)
    return rank(weights(terms, found), found)


def test_sentences_end_where_a_reader_ends_them() -> None:
    text = 'Use it, e.g. for "a.b" (i.e. dots). Is it so? Yes!\n- Version 3.11 is out. Good\n1. One. Two'

    assert [(sentence.text, sentence.opens) for sentence in sentences(text)] == [
        ('Use it, e.g. for "a.b" (i.e. dots).', "\n\n"),
        ("Is it so?", ""),
        ("Yes!", ""),
        ("- Version 3.11 is out.", "\n"),
        ("Good", ""),
        ("1. One.", "\n"),
        ("Two", ""),
    ]


def test_sentences_of_a_script_without_spaces_end_at_its_full_stops() -> None:
    assert [sentence.text for sentence in sentences("猫は寝る。犬は走る。")] == ["猫は寝る。", "犬は走る。"]


def test_a_text_about_the_matter_comes_before_one_that_mentions_it() -> None:
    mention = Passage(title="Ships", path="ships.md", text="Ships are built of wood. " * 10 + "Some were sunk by a kraken.")

    assert [each.passage for each in ranked(mention, KRAKEN, terms=["kraken"])] == [KRAKEN, mention]


def test_the_same_again_is_no_source() -> None:
    again = Passage(title="Copy", path="copy.md", text=KRAKEN.text + " Mostly.")
    other = Passage(title="Kraken lore", path="lore.md", text="Sailors told of the kraken in every port of the north.")
    terms = ["kraken"]
    found = hits(KRAKEN, again, other, terms=terms)

    chosen = select(rank(weights(terms, found), found), weights(terms, found))

    assert [each.passage for each in chosen] == [KRAKEN, other]


def test_each_side_of_a_comparison_is_told() -> None:
    lists = [Passage(title="Lists", path=f"{n}.md", text=f"Lists are mutable, says author {n} of {'abcd'[n] * 9}.") for n in range(4)]
    tuples = Passage(title="Tuples", path="tuples.md", text="Tuples are immutable and hold values of several types.")
    terms = ["list", "tuple"]
    found = hits(*lists, tuples, terms=terms)

    chosen = select(rank(weights(terms, found), found), weights(terms, found))

    assert tuples in [each.passage for each in chosen[:2]]


def test_the_best_sentences_can_be_read_alone() -> None:
    passage = Passage(
        title="Animals", path="a.md", text="The sea is deep.\n\nMany animals live there. This one is a kraken. It sleeps.", part=1
    )

    window = best_window(passage, {"kraken": 1.0}, most=3)

    assert [sentence.text for sentence in window][:2] == ["Many animals live there.", "This one is a kraken."]


def test_a_list_is_told_to_its_end_or_not_at_all() -> None:
    whole = Passage(title="Krakens", path="a.md", text="A kraken does this:\n- it sleeps\n- it wakes\n\nAfter that it eats.")
    torn = Passage(title="Krakens", path="a.md", text="A kraken does this:")

    answer = compose(ranked(whole, terms=["kraken"]), {"kraken": 1.0})

    assert "".join(answer.pieces).startswith("A kraken does this:\n- it sleeps.\n- it wakes.")
    assert compose(ranked(torn, terms=["kraken"]), {"kraken": 1.0}).sources == ()


def test_paragraphs_name_their_sources_by_number() -> None:
    method = Passage(title="sea.Kraken.wake", path="sea.py", text="Wake the kraken up", subject="sea.Kraken.wake")

    answer = compose(ranked(KRAKEN, method, terms=["kraken"]), {"kraken": 1.0})

    assert "".join(answer.pieces) == (
        "A kraken is a large animal. It sleeps in the sea. [1]\n\nsea.Kraken.wake: Wake the kraken up. [2]\n\n"
        "Sources:\n[1] Krakens (sea.md)\n[2] sea.Kraken.wake (sea.py)"
    )
    assert [(source["title"], source["path"], source["passage"]) for source in answer.sources] == [
        ("Krakens", "sea.md", KRAKEN.text),
        ("sea.Kraken.wake", "sea.py", "Wake the kraken up"),
    ]
    assert all(0 < float(str(source["score"])) <= 1 for source in answer.sources)


def test_an_answer_is_bounded_whatever_the_texts_are() -> None:
    long = [
        Passage(title=f"T{n}", path=f"{n}.md", text=" ".join(f"The kraken of page {n} {'x' * 500} {m}." for m in range(40)))
        for n in range(9)
    ]

    answer = compose(ranked(*long, terms=["kraken"]), {"kraken": 1.0})

    assert 0 < len(answer.sources) <= max(SOURCES, len(long))
    assert len("".join(answer.pieces)) < ANSWER_LIMIT + 5 * 600 + 2000


def test_an_excerpt_is_cut_between_words() -> None:
    assert excerpt("short") == "short"
    assert len(excerpt("word " * 500)) <= EXCERPT_LIMIT + 2
    assert excerpt("word " * 500).endswith("word …")
