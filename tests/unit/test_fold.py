"""`fold` and `judge` pass the cases that the browser's twins pass."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.events import Damaged, fold
from realtime.position import Position, judge

CASES = json.loads((Path(__file__).parent.parent / "fold_cases.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_fold_case(case: dict[str, Any]) -> None:
    job, verdicts = case["job"], []
    try:
        for event in case["events"]:
            verdicts.append(judge(Position.parse(job["position"]), event).value)
            if verdicts[-1] == "follows":
                job = fold(job, event)
    except Damaged:
        assert case.get("error") == "damaged"
    else:
        assert job == case["expect"]
    assert verdicts == case["verdicts"]
