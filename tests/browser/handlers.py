"""Jobs to watch in a browser. Registered through JOB_HANDLERS."""

import asyncio
import re
from typing import Any

from jobs.errors import JobFailed
from jobs.handlers import job_handler
from jobs.run import JobRun

STEPS = ("Analyzing", "Searching", "Processing", "Generating", "Finalizing")
SENTENCES = (
    "A context manager is an object that defines what is set up before a block of code runs and what is cleaned up after it [1].",
    "The with statement calls its __enter__() method first and binds what that returns to the target, if there is one [1].",
    "Whatever happens inside the block, an exception included, __exit__() is called at the end [2].",
    "If it returns a true value, the exception is swallowed; otherwise it goes on once __exit__() has returned [2].",
    "With more than one item, the context managers are entered from left to right and left in the reverse order [1].",
    "contextlib.contextmanager() turns a generator with a single yield into such an object, which is often the shortest way [3].",
)
WORDS = re.findall(r"\S+\s*", " ".join(SENTENCES) + "\n\n")
SOURCES = [
    {"title": "The with statement", "path": "reference/compound_stmts", "score": 9.1, "passage": "The with statement is used to wrap …"},
    {
        "title": "With Statement Context Managers",
        "path": "reference/datamodel",
        "score": 7.4,
        "passage": "A context manager is an object …",
    },
    {"title": "contextlib.contextmanager", "path": "library/contextlib", "score": 5.2, "passage": "This function is a decorator …"},
]


@job_handler("test.answer", steps=STEPS)
async def answer(run: JobRun) -> dict[str, Any]:
    """Answer in five steps, a word each `seconds`; `rounds` times the same sentences, or the input's `chunks` as they are."""
    pause = run.input.get("seconds", 0.005)
    chunks = run.input.get("chunks") or WORDS * run.input.get("rounds", 1)
    for percent, step, message in ((2, "Analyzing", run.query), (10, "Searching", "2 passages found"), (30, "Processing", None)):
        await run.progress(percent, step=step, message=message)
        await run.log(run.input.get("log", f"{step}: done"))
        await asyncio.sleep(pause)
    for index, chunk in enumerate(chunks):
        await run.write(chunk)
        await run.progress(40 + 55 * (index + 1) / len(chunks), step="Generating", message=f"{index + 1} of {len(chunks)} words")
        await asyncio.sleep(pause)
    await run.progress(98, step="Finalizing", message=None)
    if run.input.get("fail"):
        raise JobFailed("corpus_missing", run.input["fail"])
    return {"answer": "".join(chunks), "sources": run.input.get("sources", SOURCES)}


@job_handler("test.flood")
async def flood(run: JobRun) -> None:
    """Write slowly, `before` times; then write and log `lines` times at once, more than a log holds; then slowly again."""
    for index in range(run.input["before"]):
        await run.write(f"before {index} ")
        await asyncio.sleep(0.05)
    for index in range(run.input["lines"]):
        await run.write(f"{index} ")
        await run.log(f"line {index}")
    for index in range(run.input["more"]):
        await run.write(f"more {index} ")
        await asyncio.sleep(0.02)
