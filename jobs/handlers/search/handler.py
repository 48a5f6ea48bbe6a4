"""The job `search`: answers a question from texts that are at hand, with their passages as sources."""

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from jobs.conf import settings
from jobs.handlers import job_handler
from jobs.handlers.search import builds
from jobs.handlers.search.answer import Answer, compose
from jobs.handlers.search.corpora import corpora
from jobs.handlers.search.corpus import Corpus
from jobs.handlers.search.index import Hits
from jobs.handlers.search.ranking import Ranked, rank, select, weights
from jobs.handlers.search.terms import analyze, shown
from jobs.handlers.search.writing import Pace, words, words_per_second
from jobs.run import JobRun

STEPS = ("Analyzing", "Searching", "Processing", "Generating", "Finalizing")
CHECKPOINT_SECONDS = 0.5
"""A sentence that ends so long after the last checkpoint is followed by the next one."""
QUESTION_SHOWN = 120
_SEARCHING, _PROCESSING, _GENERATING, _FINALIZING = 5, 40, 50, 95
"""Percent at which these steps begin."""


@job_handler("search", steps=STEPS, max_attempts=3, timeout_seconds=600)
async def search(run: JobRun) -> dict[str, Any]:
    """Answer `query`; `input.wordsPerSecond` paces the writing. The result is `{answer, sources: [{title, path, score, passage}]}`.

    What is to be written is decided once and kept, so that a later attempt goes on with the next sentence of the same answer.
    """
    pace = Pace(words_per_second(run.input))
    plan = await run.once("plan", _plan, run)
    await _write(run, plan["pieces"], pace)
    await run.progress(_FINALIZING, step="Finalizing")
    return {"answer": "".join(plan["pieces"]), "sources": plan["sources"]}


async def _plan(run: JobRun) -> dict[str, Any]:
    """Return the pieces of text that are to be written, and the sources."""
    await run.progress(0, step="Analyzing")
    terms = analyze(run.query)
    if not terms:
        return {"pieces": ["The question has no word to search for. ", "Name the matter, as in “context managers”."], "sources": []}
    await run.log(f"Terms: {', '.join(map(shown, terms))}")
    await run.progress(_SEARCHING, step="Searching")
    searched = corpora()
    share = (_PROCESSING - _SEARCHING) / len(searched)
    hits = [
        await _search(run, corpus, terms, begin=_SEARCHING + index * share, end=_SEARCHING + (index + 1) * share)
        for index, corpus in enumerate(searched)
    ]
    await run.progress(_PROCESSING, step="Processing")
    weight, ranked, selected = await asyncio.to_thread(_process, terms, hits)
    await run.log(f"Ranked {len(ranked)} passages, {len(selected)} are sources")
    answer = await asyncio.to_thread(compose, selected, weight)
    await run.progress(_GENERATING)
    known = {term for each in hits for term, count in each.frequencies.items() if count}
    return {"pieces": _opening(run.query, terms, known, searched, answer) + list(answer.pieces), "sources": list(answer.sources)}


async def _search(run: JobRun, corpus: Corpus, terms: Sequence[str], *, begin: float, end: float) -> Hits:
    async def tell(done: int, total: int) -> None:
        await run.progress(begin + (end - begin) * done / max(total, 1), message=f"Reading {corpus.name}: {done} of {total} files")

    found = await builds.hits(corpus, terms, folder=settings.state_dir / "search", tell=tell, warn=partial(run.log, level="warning"))
    await run.progress(end, message=f"Searched {found.passages} passages of {corpus.name}")
    return found


def _process(terms: Sequence[str], hits: Sequence[Hits]) -> tuple[dict[str, float], list[Ranked], list[Ranked]]:
    weight = weights(terms, hits)
    ranked = rank(weight, hits)
    return weight, ranked, select(ranked, weight)


def _opening(query: str, terms: Sequence[str], known: set[str], searched: Sequence[Corpus], answer: Answer) -> list[str]:
    """Return what has to be said before the answer: that there is none, or that it leaves something out."""
    if not answer.sources:
        question = " ".join(query.split())
        question = question if len(question) <= QUESTION_SHOWN else question[:QUESTION_SHOWN] + "…"
        places = [corpus.name for corpus in searched]
        return [f"Nothing about “{question}” was found in {' or '.join(filter(None, (', '.join(places[:-1]), places[-1])))}."]
    missing = [f"“{shown(term)}”" for term in terms if term not in known]
    if not missing:
        return []
    return [f"No text has {' or '.join(missing[:5])}; this is the closest to the rest of the question.\n\n"]


async def _write(run: JobRun, pieces: Sequence[str], pace: Pace) -> None:
    """Write what the checkpoint lacks, sentence by sentence."""
    begin = run.checkpoint_data["pieces"] if run.checkpoint_data else 0
    await run.progress(step="Generating", message=None if begin else "Writing the answer")
    saved_at = time.monotonic()
    for number, piece in enumerate(pieces[begin:], begin + 1):
        for part in (piece,) if pace.is_at_once else words(piece):
            await run.write(part)
            await pace.wait()
        await run.progress(_GENERATING + (_FINALIZING - _GENERATING) * number / len(pieces))
        if time.monotonic() - saved_at >= CHECKPOINT_SECONDS:
            await run.checkpoint({"pieces": number})
            saved_at = time.monotonic()
