"""From ranked passages to an answer: whole sentences, in paragraphs, each paragraph with the number of its source."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from jobs.handlers.search.index import matcher
from jobs.handlers.search.passages import Passage
from jobs.handlers.search.ranking import Ranked

ANSWER_LIMIT = 6_000
"""After so many characters no further source is begun: the whole has to fit into what is kept of a run."""
SENTENCE_LIMIT = 600
"""A longer sentence is a listing that was taken for one: it is left out."""
EXCERPT_LIMIT = 600
FIRST_SENTENCES, OTHER_SENTENCES = 5, 3
"""Most sentences from the best passage, and from each other one …"""
LIST_SENTENCES = 6
"""… and so many more where they announce a list: it is told to its end or not at all."""

_SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*(?:\s+(?=[\"“‘(]*[A-Z0-9_])|$)|(?<=[.!?][\"”’)])\s+(?=[A-Z\"“(])|(?<=[。！？])")
_ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|al|approx|Mr|Mrs|Dr|St|No|resp|incl)\.|^\d+\.|\b[A-Z]\.)$")
_LEANS_BACK = re.compile(
    r"^(?:This|That|These|Those|It|They|He|She|However|Otherwise|Therefore|Thus|Hence|Also|But|And|Or|So|Then|Again|Moreover"
    r"|Furthermore|Instead|In this|In that|If so|If not|Such|See|For example|For instance|Note that|Here|The following|The above"
    r"|Both|Likewise|Similarly|Finally|Second|As such|Its|Their)\b"
)
_POINTS_AWAY = re.compile(
    r"^(?:See |Refer to |For more |For (?:further|full) |More (?:information|details))"
    r""
    r"|\b(?:the (?:following|above|below)|this|in the) table\b"
    r"|\b(?:example|code|table|section|list) (?:above|below)\b|\bfollowing (?:example|code|table)\b"
)
_ITEM = re.compile(r"^(?:-|\d{1,3}\.) ")
_ENDS = (".", "!", "?", "。", "！", "？", ":", "…", '."', ".)", ".”", "!)", "?)", "；", ";")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a passage; `opens` says what stands before it: "" in a paragraph, "\\n" an item, "\\n\\n" a paragraph."""

    text: str
    opens: str
    in_item: bool = False


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of a passage's text."""
    found: list[Sentence] = []
    for paragraph in text.split("\n\n"):
        for number, line in enumerate(paragraph.strip().split("\n")):
            in_item = bool(number or _ITEM.match(line))
            opens = "\n" if in_item else "\n\n"
            for sentence in _split(line.strip()):
                found.append(Sentence(sentence, opens, in_item))
                opens = ""
    return found


def _split(line: str) -> list[str]:
    parts: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(line):
        if not _ABBREVIATION.search(line[start : match.start()]):
            parts.append(line[start : match.end()].strip())
            start = match.end()
    parts.append(line[start:].strip())
    return [part for part in parts if part]


@dataclass(frozen=True)
class Answer:
    """What is written, piece by piece, and the sources that it names. The text is the pieces one after another."""

    pieces: tuple[str, ...]
    sources: tuple[dict[str, object], ...]


def compose(selected: Sequence[Ranked], weight: Mapping[str, float]) -> Answer:
    """Return an answer from the passages; each that gives no sentence is no source."""
    pieces: list[str] = []
    sources: list[dict[str, object]] = []
    for ranked in selected:
        passage = ranked.passage
        if sum(map(len, pieces)) > ANSWER_LIMIT:
            break
        window = best_window(passage, weight, most=OTHER_SENTENCES if sources else FIRST_SENTENCES)
        if not window:
            continue
        number = len(sources) + 1
        said = [_closed(sentence.text) for sentence in window]
        said[0] = said[0].removeprefix("- ")
        if passage.subject:
            said[0] = f"{passage.subject}: {said[0]}"
        said[-1] = f"{said[-1]} [{number}]"
        for index, text in enumerate(said):
            in_list = index > 0 and "\n" in (window[index].opens, window[index - 1].opens) and window[index].opens != ""
            before = "\n\n" if index == 0 else "\n" if in_list else " "
            pieces.append((before if pieces else "") + text)
        sources.append({"title": passage.title, "path": passage.path, "score": ranked.score, "passage": excerpt(passage.text)})
    if sources:
        pieces.append("\n\nSources:")
        pieces += [f"\n[{number}] {source['title']} ({source['path']})" for number, source in enumerate(sources, 1)]
    return Answer(tuple(pieces), tuple(sources))


def best_window(passage: Passage, weight: Mapping[str, float], *, most: int) -> Sequence[Sentence]:
    """Return the run of at most `most` sentences that says most about the terms and can be read alone."""
    found = sentences(passage.text)
    title, *terms = matcher(list(weight))([passage.title, *(sentence.text for sentence in found)])
    if passage.part == 0:
        terms[0] |= title  # a section begins with what its title names
    values = [sum(weight[term] for term in each) for each in terms]
    best, best_value = (0, 0), 0.0
    for start in range(len(found)):
        opening = 1.25 if start == passage.part == 0 else 0.5 if _LEANS_BACK.match(found[start].text) else 1.0
        if found[start].in_item and start and (not found[start].opens or found[start].text[0].isdigit()):
            opening *= 0.4  # the rest of an item, or one with a number, leans on those before it
        if _ITEM.sub("", found[start].text)[:1].islower() and not passage.subject:
            continue  # the end of something
        for end in range(start + 1, min(len(found), start + most + LIST_SENTENCES) + 1):
            window = found[start:end]
            announced = any(sentence.text.endswith(":") for sentence in window)
            goes_on = announced and end < len(found) and found[end].opens == "\n"
            if goes_on or (end > start + most and not announced) or not _is_readable(window):
                continue
            value = opening * sum(values[start:end]) / (end - start) ** 0.4
            if value > best_value:
                best, best_value = (start, end), value
    start, end = best
    while 0 < end < min(len(found), start + most) and _goes_on(found[end]) and _is_readable(found[start : end + 1]):
        end += 1
    return found[start:end]


def _goes_on(sentence: Sentence) -> bool:
    """Return whether the sentence says more about what the one before it says."""
    return not sentence.opens and bool(_LEANS_BACK.match(sentence.text))


def _is_readable(window: Sequence[Sentence]) -> bool:
    """Return whether nothing is announced that does not come, and nothing is too long to be a sentence."""
    first, last = window[0], window[-1]
    if last.text.endswith((":", "：")) or (first.opens == "\n" and not first.text.endswith(_ENDS)):
        return False
    for sentence, following in pairwise(window):
        if sentence.text.endswith(":") and following.opens != "\n":
            return False
    return all(len(sentence.text) <= SENTENCE_LIMIT and not _POINTS_AWAY.search(sentence.text) for sentence in window)


def _closed(text: str) -> str:
    text = re.sub(r"(?:[,;]|[,;]? (?:and|or))$", "", text)
    return text if text.endswith(_ENDS) else f"{text}."


def excerpt(text: str) -> str:
    """Return the beginning of a passage, cut between words."""
    if len(text) <= EXCERPT_LIMIT:
        return text
    return text[:EXCERPT_LIMIT].rsplit(None, 1)[0].rstrip(" ,;:") + " …"
