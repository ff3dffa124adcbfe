"""What was measured of each case, kept in the checkout beside the code, as docs/performance.md is made from it.

So a run on another day or another machine is held against those before, and where a part of the plan is measured anew the rest of
the page stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmark.peers import CLEANUP, COLLECTION
from tests.benchmark.scenarios import PLAN, Case

Record = dict[str, Any]

RESULTS = Path(__file__).with_name("results.json")
# What has become quicker since is forgotten in the end.
SITTINGS = 3
_FIGURES = ("wall", "request_phase", "requests", "connections", "memory", "lists_before", "seeking")


def load() -> Record:
    """The walls of a playbook that does nothing, and the sittings of each case in the plan that was measured, last first."""
    if not RESULTS.exists():
        return {"start": [], "cases": {}}
    results: Record = json.loads(RESULTS.read_text(encoding="utf-8"))
    return results


def keep_start(walls: Sequence[float]) -> None:
    _save([round(wall, 3) for wall in walls], load()["cases"])


def keep(case: Case, sitting: Record) -> None:
    """Add what was measured of a case."""
    results = load()
    before = results["cases"].get(case.key, [])
    _save(results["start"], {**results["cases"], case.key: [sitting, *before][:SITTINGS]})


def _save(start: list[float], cases: Mapping[str, list[Record]]) -> None:
    """What the plan does not hold any more goes. One line for each sitting, so that a change shows which are new."""
    kept = []
    for key in (case.key for case in PLAN if case.key in cases):
        sittings = ",\n".join(f"   {json.dumps(sitting)}" for sitting in cases[key])
        kept.append(f"  {json.dumps(key)}: [\n{sittings}\n  ]")
    everything = ",\n".join(kept)
    RESULTS.write_text(f'{{\n "start": {json.dumps(start)},\n "cases": {{\n{everything}\n }}\n}}\n', encoding="utf-8")


def summary(case: Case, facts: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> Record:
    """One sitting of a case: for each tool the medians of its runs, and for each peer the ratios of its pairs.

    Each of ``runs`` says its ``peer``, its ``round`` and what was measured. A ratio is [least, median, greatest].
    """
    tools = {}
    for name in (COLLECTION, *case.peers):
        its = [run for run in runs if run["peer"] == name]
        tools[name] = {figure: round(median(run[figure] for run in its), 3) for figure in _FIGURES}
        if all(run["deleted"] for run in its):
            tools[name]["rate"] = round(median(run["deleted"] / run["deleting"] for run in its), 3)
        if name != COLLECTION:
            tools[name]["ratios"] = {figure: _ratio(runs, name, figure) for figure in ratios_of(case.scenario)}
    return {**facts, "rounds": len({run["round"] for run in runs}), "tools": tools}


def ratios_of(scenario: str) -> tuple[str, ...]:
    """Of which figures ratios are taken, the peer's divided by the collection's."""
    return ("wall", "request_phase", "lists_before", "seeking") if scenario == CLEANUP else ("wall", "request_phase")


def _ratio(runs: Sequence[Mapping[str, Any]], peer: str, figure: str) -> list[float]:
    """Over each pair that a run of this peer and one of the collection in the same round make, as the page states it."""
    ours, theirs = ([run for run in runs if run["peer"] == tool] for tool in (COLLECTION, peer))
    ratios = [their[figure] / our[figure] for their in theirs for our in ours if their["round"] == our["round"]]
    return [_stated(ratio) for ratio in (min(ratios), median(ratios), max(ratios))]


def _stated(value: float) -> float:
    """To three digits, as more would say more than was measured."""
    return float(f"{value:.0f}" if value >= 100 else f"{value:.3g}")
