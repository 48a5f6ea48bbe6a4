"""The handler to copy: `wordcount` counts the words of a text and tells what it finds."""

import re
from collections import Counter
from typing import Any

from jobs.errors import JobFailed
from jobs.handlers import job_handler
from jobs.run import JobRun


@job_handler("wordcount", steps=("Counting", "Reporting"), max_attempts=3, timeout_seconds=60)
async def wordcount(run: JobRun) -> dict[str, Any]:
    """Count the words of `input.text`, or of the query, line by line."""
    text = run.input.get("text", run.query)
    if not isinstance(text, str) or not text.strip():
        raise JobFailed("bad_input", "There is no text: give it as input.text or as the query.")  # no retry would help
    lines = text.splitlines()
    saved = run.checkpoint_data or {"line": 0, "counts": {}}  # what an attempt before this one has done
    counts = Counter(saved["counts"])
    await run.progress(step="Counting", message=f"{len(lines)} lines")
    for number, line in enumerate(lines[saved["line"] :], saved["line"] + 1):
        words = re.findall(r"\w+", line.casefold())
        counts.update(words)
        await run.write(f"{number}: {len(words)} words\n")  # people see it at once; raises JobStopped when cancelled
        await run.progress(90 * number / len(lines))
        if number % 100 == 0:
            await run.checkpoint({"line": number, "counts": counts})  # text and data in one: the next attempt goes on here
    await run.log(f"{len(counts)} different words")
    await run.progress(95, step="Reporting")
    most = counts.most_common(10)
    await run.write("".join(f"{word}: {count}\n" for word, count in most))
    return {"words": counts.total(), "different": len(counts), "most": dict(most)}
