"""The dashboard: what the statistics are drawn and said as."""

from collections import Counter
from datetime import timedelta
from typing import Any

from jobs.admin.charts import Chart, lines, stacked
from jobs.admin.job_page import duration_words
from jobs.admin.statistics import SHOWN_CODES, SPANS, Statistics, percentile, statistics
from jobs.lifecycle import State

FRESH_SECONDS = 5
"""So often a page asks anew, of a longer span a third as often: its numbers hardly change."""
ENDS = (State.COMPLETED, State.FAILED, State.CANCELLED)


def describe(span: str) -> dict[str, Any]:
    """Return what the template needs. Raises KeyError for a span that there is not."""
    found = statistics(span)
    labels = [piece.begins.strftime(found.span.format) for piece in found.pieces]
    return {
        "spans": SPANS.values(),
        "span": found.span,
        "every_seconds": FRESH_SECONDS if found.span.good_for_seconds <= FRESH_SECONDS else 3 * FRESH_SECONDS,
        "is_sample": found.is_sample,
        "totals": [(state, sum(piece.ended[state] for piece in found.pieces)) for state in ENDS],
        "sections": [_throughput(found, labels), _waited(found, labels), _failures(found, labels)],
        "run_times": _run_times(found),
        "codes": sum((piece.codes for piece in found.pieces), Counter()).most_common(SHOWN_CODES),
        "waiting": [(row.type, row.count, duration_words(timedelta(seconds=row.oldest_seconds))) for row in found.waiting],
        "is_waiting_cut": found.is_waiting_cut,
    }


def _section(chart: Chart, heads: list[str], labels: list[str], columns: list[list[str]]) -> dict[str, Any]:
    rows = list(zip(labels, zip(*columns, strict=True), strict=True))
    return {"chart": chart, "heads": heads, "rows": rows[::-1]}


def _throughput(found: Statistics, labels: list[str]) -> dict[str, Any]:
    series = [(state.value, [piece.ended[state] for piece in found.pieces]) for state in ENDS]
    chart = stacked("Throughput", f"Jobs that ended in {found.span.words}, by how they ended", unit="jobs", labels=labels, series=series)
    return _section(chart, [name.capitalize() for name, _ in series], labels, [[f"{count:,}" for count in counts] for _, counts in series])


def _waited(found: Statistics, labels: list[str]) -> dict[str, Any]:
    series = [(f"p{percent}", [percentile(piece.waited, percent) for piece in found.pieces]) for percent in (50, 95)]
    what = f"How long jobs that ended in {found.span.words} had waited for a worker: half of them at most p50, 95 % at most p95"
    chart = lines("Waiting time", what, unit="s", labels=labels, series=series, show="{:.2g}")
    columns = [["–" if value is None else duration_words(timedelta(seconds=value)) for value in values] for _, values in series]
    return _section(chart, [name for name, _ in series], labels, columns)


def _failures(found: Statistics, labels: list[str]) -> dict[str, Any]:
    failed = [piece.ended[State.FAILED] for piece in found.pieces]
    chart = stacked("Failures", f"Jobs that failed in {found.span.words}", unit="jobs", labels=labels, series=[("failed", failed)])
    totals = [piece.ended.total() for piece in found.pieces]
    shares = [f"{100 * count / total:.1f} %" if total else "–" for count, total in zip(failed, totals, strict=True)]
    return _section(chart, ["Failed", "Share"], labels, [[f"{count:,}" for count in failed], shares])


def _run_times(found: Statistics) -> list[dict[str, Any]]:
    """Return the run times by type, the slowest first, with the lengths of their bars in percent."""
    by_type: dict[str, list[float]] = {}
    for piece in found.pieces:
        for name, seconds in piece.ran:
            by_type.setdefault(name, []).append(seconds)
    rows = [(name, percentile(times, 50) or 0.0, percentile(times, 95) or 0.0, len(times)) for name, times in by_type.items()]
    rows.sort(key=lambda row: -row[2])
    longest = max((p95 for _, _, p95, _ in rows), default=0) or 1
    return [
        {
            "type": name,
            "p50": duration_words(timedelta(seconds=p50)),
            "p95": duration_words(timedelta(seconds=p95)),
            "p50_percent": round(100 * p50 / longest, 1),
            "p95_percent": round(100 * p95 / longest, 1),
            "count": f"{count:,}",
        }
        for name, p50, p95, count in rows
    ]
