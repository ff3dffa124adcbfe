"""docs/performance.md says what was measured: its ratios, their spread over the sittings, and whether they held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.benchmark import report, results
from tests.benchmark.peers import COLLECTION, CURL, DELETE
from tests.benchmark.scenarios import PLAN, Case

CASE = next(case for case in PLAN if case.scenario == DELETE and case.peers == (CURL,))
FACTS = {"commit": "0123456", "machine": "2 cores", "version": "simulator of n8n 2.41", "load": 0.1}


def run(number: int, peer: str, wall: float, request_phase: float) -> dict[str, Any]:
    counted = {"requests": 2000, "connections": 8, "memory": 14_000, "lists_before": 0, "deleted": 2000}
    times = {"wall": wall, "request_phase": request_phase, "seeking": 0.0, "deleting": request_phase}
    return {"round": number, "peer": peer, **counted, **times}


def sitting(*walls: float) -> dict[str, Any]:
    """One in which the collection took ten seconds in each round, and curl so many."""
    runs = [one for number, wall in enumerate(walls) for one in (run(number, COLLECTION, 10, 8), run(number, CURL, wall, 8))]
    return results.summary(CASE, FACTS, runs)


def page(*sittings: dict[str, Any], case: Case = CASE) -> str:
    return report.page({"start": [1.9, 1.7, 1.8], "cases": {case.key: list(sittings)}})


@pytest.fixture
def _kept_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")


def test_the_page_is_made_from_the_results_beside_it() -> None:
    assert Path("docs", "performance.md").read_text(encoding="utf-8") == report.page(results.load())


def test_a_ratio_is_of_a_pair_in_a_round() -> None:
    # Each by itself: of the medians it would be 9 / 11, of all with all 6 / 12 would be the least.
    runs = [run(0, COLLECTION, 10, 8), run(0, CURL, 6, 4), run(1, COLLECTION, 12, 8), run(1, CURL, 12, 16)]
    ratios = results.summary(CASE, FACTS, runs)["tools"][CURL]["ratios"]
    assert ratios == {"wall": [0.6, 0.8, 1.0], "request_phase": [0.5, 1.25, 2.0]}


def test_each_run_of_the_collection_makes_a_pair_with_the_peer_of_its_round() -> None:
    runs = [run(0, COLLECTION, 10, 8), run(0, COLLECTION, 20, 8), run(0, COLLECTION, 40, 8), run(0, CURL, 40, 8)]
    assert results.summary(CASE, FACTS, runs)["tools"][CURL]["ratios"]["wall"] == [1.0, 2.0, 4.0]


def test_the_median_is_of_the_last_sitting_and_the_spread_of_all() -> None:
    text = page(sitting(8, 9, 8.5), sitting(7, 8, 9.5))
    assert "| curl | 8.50 s | 0.85 (0.7 to 0.95) | 8.00 s | 1 (1 to 1) | 1 | 8 | 14 MB | 250 |" in text
    assert "(3 rounds at 0123456; in the spread also 3 rounds at 0123456)" in text


def test_what_was_measured_once_is_held_against_nothing() -> None:
    assert "Measured again" not in page(sitting(8, 9))


def test_ratios_that_held_are_counted() -> None:
    text = page(sitting(9.5), sitting(7, 8), sitting(9, 9.5))
    assert "of their 2 ratios 2 lie within the spread that they had until then." in " ".join(text.split())


def test_a_ratio_outside_the_spread_before_is_told() -> None:
    text = page(sitting(9.6, 9.8), sitting(7, 8), sitting(9, 9.5))
    assert "of their 2 ratios 1 lie within the spread that they had until then, these do not." in " ".join(text.split())
    assert "| curl | whole task | 0.75 (0.7 to 0.95) | 0.97 (0.96 to 0.98) |" in text


@pytest.mark.usefixtures("_kept_elsewhere")
def test_the_last_sittings_are_kept_beside_what_was_not_measured_anew() -> None:
    other = next(case for case in PLAN if case != CASE)
    results.keep_start([1.7, 1.8])
    results.keep(other, sitting(5))
    for wall in (6, 7, 8, 9):
        results.keep(CASE, sitting(wall))
    kept = results.load()
    assert kept["start"] == [1.7, 1.8]
    assert kept["cases"] == {CASE.key: [sitting(9), sitting(8), sitting(7)], other.key: [sitting(5)]}


@pytest.mark.usefixtures("_kept_elsewhere")
def test_what_the_plan_holds_no_more_is_not_kept() -> None:
    results.RESULTS.write_text('{"start": [], "cases": {"a case of before": []}}', encoding="utf-8")
    results.keep(CASE, sitting(9))
    assert list(results.load()["cases"]) == [CASE.key]
