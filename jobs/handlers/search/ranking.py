"""Which passages answer best: candidates of all indexes on one scale, without those that say the same again."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from jobs.handlers.search.index import Hits, matcher
from jobs.handlers.search.passages import Passage

SOURCES = 5
"""Most passages that an answer is made of."""
SOURCES_OF_ONE_PATH = 3
"""Most passages of one document."""

_LEAST_SCORE = 0.3
_LEAST_SHARE = 0.68
"""A passage with a smaller share of the best one's score is no source."""
_LEAD_LENGTH = 240
_SHORT_LENGTH = 100
_SAME = 0.6
_OF_API = 0.82
"""What describes one function weighs less than a text about the matter …"""
_OF_LEVEL = 0.95
"""… and the less, the deeper in its package it is."""
_LATER_PART = 0.96
_BEGINNING_SHARE = 0.8
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A passage with how well it fits (0 to 1) and which of the question's terms it has."""

    passage: Passage
    score: float
    terms: frozenset[str]
    title_terms: frozenset[str]
    """Those that the last part of the title has."""


def weights(terms: Sequence[str], hits: Sequence[Hits]) -> dict[str, float]:
    """Return how much each term tells, over all indexes: the rarer it is, the more."""
    total = sum(each.passages for each in hits)
    known = {term: sum(each.frequencies[term] for each in hits) for term in terms}
    return {term: math.log(1 + (total - count + 0.5) / (count + 0.5)) for term, count in known.items()}


def rank(weight: Mapping[str, float], hits: Sequence[Hits]) -> list[Ranked]:
    """Return the candidates of all indexes, best first."""
    candidates = [(candidate, candidate.bm25 / max(found.candidates[0].bm25, 1e-9)) for found in hits for candidate in found.candidates]
    if not candidates:
        return []
    matches = matcher(list(weight))
    titles = matches([f"{candidate.passage.title} {candidate.passage.defines}" for candidate, _ in candidates])
    leads = matches([candidate.passage.text[:_LEAD_LENGTH] for candidate, _ in candidates])
    texts = matches([candidate.passage.text for candidate, _ in candidates])
    names = matches([_name(candidate.passage) for candidate, _ in candidates])
    total = sum(weight.values())
    ranked = []
    for (candidate, share), title, name, lead, text in zip(candidates, titles, names, leads, texts, strict=True):
        passage = candidate.passage
        precision = min(1, len(name) / max(1, len(_WORD.findall(_name(passage).replace("_", " ")))))
        score = (
            0.40 * sum(weight[term] for term in title | text) / total
            + 0.20 * sum(weight[term] for term in title | lead) / total
            + 0.15 * sum(weight[term] for term in (name if _is_api(passage) else title)) / total
            + 0.10 * precision
            + 0.15 * share
        ) * _standing(passage)
        ranked.append(Ranked(passage=passage, score=round(score, 3), terms=title | text, title_terms=name))
    return sorted(ranked, key=lambda each: -each.score)


def _is_api(passage: Passage) -> bool:
    """Return whether the passage describes one class, function or method of a module."""
    return passage.subject == passage.title and "." in passage.title


def _name(passage: Passage) -> str:
    """Return what the passage itself is called: the last part of its title."""
    return ".".join(passage.title.split(".")[-2:]) if _is_api(passage) else passage.title.rpartition(" › ")[2]


def _standing(passage: Passage) -> float:
    """Return what the passage is worth before its words are looked at."""
    worth = 1.0
    if _is_api(passage):
        worth = _OF_API * _OF_LEVEL ** (passage.title.count(".") - 1)
    if passage.part:
        worth *= _LATER_PART
    return worth * (0.9 if len(passage.text) < _SHORT_LENGTH else 1.0)


def select(ranked: Sequence[Ranked], weight: Mapping[str, float]) -> list[Ranked]:
    """Return the passages to answer from: good enough, each new, together with as many of the terms as can be had."""
    if not ranked:
        return []
    least = max(_LEAST_SCORE, _LEAST_SHARE * ranked[0].score)
    chosen: list[Ranked] = []
    rest = [each for each in ranked if each.score >= least] or [ranked[0]]
    while rest and len(chosen) < SOURCES:
        best = max(rest, key=lambda each: each.score + _news(each, chosen, weight))
        best = _beginning(best, rest)
        rest.remove(best)
        if _is_new(best, chosen):
            chosen.append(best)
    return chosen


def _beginning(ranked: Ranked, rest: Sequence[Ranked]) -> Ranked:
    """Return the beginning of the passage's section when that is nearly as good: it says what the matter is."""
    for each in rest:
        same = each.passage.path == ranked.passage.path and each.passage.title == ranked.passage.title
        if same and each.passage.part == 0 and each.score >= _BEGINNING_SHARE * ranked.score:
            return each
    return ranked


def _news(ranked: Ranked, chosen: Sequence[Ranked], weight: Mapping[str, float]) -> float:
    """Return what the passage adds to those chosen: terms that none of them has, and that none of them is about."""
    if not chosen:
        return 0.0
    told = frozenset[str]().union(*(each.terms for each in chosen))
    treated = frozenset[str]().union(*(each.title_terms for each in chosen))
    new = sum(weight[term] for term in ranked.terms - told) + sum(weight[term] for term in ranked.title_terms - treated)
    return 0.2 * new / sum(weight.values())


def _is_new(ranked: Ranked, chosen: Sequence[Ranked]) -> bool:
    passage = ranked.passage
    same_path = [each for each in chosen if each.passage.path == passage.path]
    if len(same_path) >= SOURCES_OF_ONE_PATH or any(each.passage.title == passage.title for each in same_path):
        return False
    own = set(_shingles(passage.text))
    for each in chosen:
        other = set(_shingles(each.passage.text))
        if len(own & other) >= _SAME * min(len(own), len(other)):
            return False
    return True


def _shingles(text: str) -> Iterator[tuple[str, ...]]:
    """Return each run of three words: texts that share most of them are the same text."""
    words = _WORD.findall(text.casefold())
    return zip(*(words[start:] for start in range(min(3, len(words)) or 1)), strict=False)
