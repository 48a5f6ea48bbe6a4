"""What a question asks for: its words in the form that the index has them."""

import keyword
import re
import unicodedata
from collections import Counter

TERM_LIMIT = 24
"""Most terms of one question; of a longer text the words that it repeats most."""
WORD_LIMIT = 64

_WORD = re.compile(r"[^\W_]+")
_CJK_RUN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")

_EMPTY_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being both but by can could d did do does doing
    don each every few for from further had has have having he her here his how i if im in into is isn it its ll may me might more
    most must my no nor not of off on or other our out over own please re s same shall she should so some such t tell than that the
    their them then there these they this those through to too under until up ve very was we were what whats when where which while
    who whom why will with without would yes you your""".split()  # noqa: SIM905  words read better as text
)
_QUESTION_WORDS = frozenset(
    """best between compare compared describe difference differences different do explain explanation example examples find get give
    happen happens help know like make mean meaning means need show understand use used uses using versus vs want way work working
    works write""".split()  # noqa: SIM905
)
"""Words that say how something is asked; they count only when nothing else was said."""

_KEYWORDS = frozenset(keyword.kwlist) & _EMPTY_WORDS
_ANNOUNCED = re.compile(
    rf"\b({'|'.join(sorted(_KEYWORDS))})\b[\"'`]?\s+(?:statement|keyword|loop|block|clause|operator|expression)s?\b"
    rf"|[\"'`]({'|'.join(sorted(_KEYWORDS))})[\"'`]|\basync\s+(with|for)\b",
    re.IGNORECASE,
)
_QUOTED_KEYWORD = re.compile(rf"([\"`])({'|'.join(sorted(_KEYWORDS))})\1")


def analyze(query: str) -> list[str]:
    """Return the terms of a question: lower case, in their order, without the words that say nothing.

    `with`, `for` and the like are words of the language as well: they count where they are quoted, where the question calls
    them a statement or a loop, and where the question is nothing else.
    """
    text = unicodedata.normalize("NFKC", query).casefold()
    words = [word[:WORD_LIMIT] for word in _WORD.findall(text)]
    if len(words) == 1 and words[0] in _KEYWORDS:
        return [_marked(words[0])]
    named = [_marked(match[1] or match[2] or match[3]) for match in _ANNOUNCED.finditer(text)]
    spoken = [word for word in words if word not in _EMPTY_WORDS]
    telling = [word for word in spoken if word not in _QUESTION_WORDS]
    counts = Counter(named + (telling or spoken))
    chosen = {word for word, _ in counts.most_common(TERM_LIMIT)}
    return [word for word in counts if word in chosen]


def searchable(text: str) -> str:
    """Return `text` as it goes into an index: quoted keywords get a term of their own, and scripts without spaces are cut in pairs."""
    text = unicodedata.normalize("NFKC", text)
    text = _QUOTED_KEYWORD.sub(lambda match: f"{match[2]} {_marked(match[2])}", text)
    return _CJK_RUN.sub(lambda match: f" {_pairs(match[0])} {match[0][-1]} ", text)


def match_expression(term: str) -> str:
    """Return `term` as an FTS5 expression; nothing in it is syntax."""
    if len(term) == 1 and _CJK_RUN.fullmatch(term):
        return f'"{term}"*'
    return '"' + _CJK_RUN.sub(lambda match: f" {_pairs(match[0])} ", term).replace('"', "").strip() + '"'


def shown(term: str) -> str:
    """Return `term` as people read it."""
    return term.removeprefix("kw") if term.startswith("kw") and term[2:] in _KEYWORDS else term


def _marked(word: str) -> str:
    return f"kw{word.lower()}"


def _pairs(run: str) -> str:
    return " ".join(run[start : start + 2] for start in range(len(run) - 1)) or run
