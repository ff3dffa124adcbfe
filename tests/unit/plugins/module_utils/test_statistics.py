# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures of a stream of executions, held against what plain arithmetic over all of them says."""

from __future__ import annotations

import math
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, parse_time
from ansible_collections.flowops.n8n.plugins.module_utils._operations import stats
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._statistics import ACCURACY, Durations, Statistics
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, at, row, stats_params
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 11, 4, 12, 30, tzinfo=timezone.utc)
SECONDS = st.floats(0.001, 10 * 86400.0)


def execution(number: int, status: str = "success", seconds: float = 1.0, **more: t.Any) -> Execution:
    started = more.pop("started_at", START)
    return Execution(
        str(number),
        more.pop("workflow_id", "w1"),
        status,
        started_at=started,
        stopped_at=started + timedelta(seconds=seconds),
        **more,
    )


def count(n8n: FakeN8n, **options: t.Any) -> Result:
    return stats.carry_out(n8n.client(), stats.parse(stats_params(**options), NOW), False)


@given(st.lists(SECONDS, min_size=1, max_size=300), st.sampled_from([0.5, 0.95, 0.99]))
def test_percentiles_are_right_to_within_a_hundredth(seconds: list[float], part: float) -> None:
    durations = Durations()
    for one in seconds:
        durations.add(one)
    exact = sorted(seconds)[math.ceil(part * len(seconds)) - 1]
    told = durations.percentile(part)
    assert told is not None
    # A figure is told in milliseconds.
    assert abs(told - exact) <= ACCURACY * exact + 0.0011
    assert durations.summary()["max"] == round(max(seconds), 3)
    assert durations.mean == pytest.approx(sum(seconds) / len(seconds), abs=0.001)


def test_the_memory_for_durations_is_bounded() -> None:
    durations = Durations()
    for number in range(100_000):
        durations.add(0.001 * 1.0002**number)
    assert len(durations._classes) < 1200


def test_nothing_has_no_figures() -> None:
    summary = Statistics().summary()
    assert summary["total"] == 0
    assert summary["success_rate"] is None
    assert summary["duration"] == {"count": 0, "mean": None, "p50": None, "p95": None, "p99": None, "max": None}


@given(st.lists(st.sampled_from(["success", "error", "crashed", "canceled", "waiting"])), st.randoms(use_true_random=False))
def test_totals_add_up_in_any_order(statuses: list[str], random: t.Any) -> None:
    all_of_them = [execution(number, status, workflow_id=f"w{number % 3}") for number, status in enumerate(statuses, start=1)]
    summaries = []
    for _turn in range(2):
        statistics = Statistics("hour")
        for one in all_of_them:
            statistics.add(one)
        summaries.append(statistics.summary())
        random.shuffle(all_of_them)
    assert summaries[0] == summaries[1]
    summary = summaries[0]
    assert summary["total"] == sum(summary["by_status"].values()) == sum(one["total"] for one in summary["workflows"])
    assert summary["succeeded"] == statuses.count("success") == sum(one["succeeded"] for one in summary["buckets"])
    assert summary["failed"] == sum(one["failed"] for one in summary["workflows"])


def test_canceled_and_live_ones_are_neither_success_nor_failure() -> None:
    statistics = Statistics()
    for number, status in enumerate(["success", "success", "success", "error", "canceled", "waiting"]):
        statistics.add(execution(number, status))
    summary = statistics.summary()
    assert summary["success_rate"] == 0.75
    # What waits is not over, so it has no duration.
    assert summary["duration"]["count"] == 5


@pytest.mark.parametrize(
    "granularity, start",
    [("hour", "2026-11-04T12:00:00.000Z"), ("day", "2026-11-04T00:00:00.000Z"), ("week", "2026-11-02T00:00:00.000Z")],
)
def test_spans_of_time_are_those_of_utc(granularity: str, start: str) -> None:
    statistics = Statistics(granularity)
    statistics.add(execution(1, started_at=parse_time("2026-11-05T02:30:00+14:00")))
    assert [bucket["start"] for bucket in statistics.summary()["buckets"]] == [start]


def test_the_workflow_that_fails_most_comes_first_with_its_last_failure() -> None:
    statistics = Statistics()
    rows = [("a", "error"), ("b", "error"), ("b", "crashed"), ("c", "success"), ("b", "success")]
    for number, (workflow, status) in enumerate(rows, start=1):
        statistics.add(execution(number, status, workflow_id=workflow, seconds=number))
    first, second, third = statistics.summary({"b": "Nightly import"})["workflows"]
    assert (first["workflow_id"], first["workflow_name"], first["failed"], first["last_failed_id"]) == (
        "b",
        "Nightly import",
        2,
        "3",
    )
    assert (first["slowest"], first["success_rate"]) == (5.0, 0.3333)
    assert [second["workflow_id"], third["workflow_id"]] == ["a", "c"]


def test_a_window_is_stated_and_whole() -> None:
    n8n = FakeN8n(row(1, "error"), row(2), row(3, start=20, stop=21))
    result = count(n8n, started_before=at(5))
    assert result.values["statistics"]["total"] == 2
    assert result.values["window"] == {
        "started_after": None,
        "started_before": at(5),
        "ended_before": None,
        "read_at": at(24),
        "complete": True,
        "source": "executions",
    }
    assert (result.changed, result.failure) == (False, None)


def test_a_limit_leaves_the_window_not_whole() -> None:
    result = count(FakeN8n(row(1, "error"), row(2)), limit=1)
    assert (result.values["statistics"]["by_status"], result.values["window"]["complete"]) == ({"success": 1}, False)
    assert "there are more" in result.values["msg"]


def test_an_error_on_the_way_is_a_failure_and_the_window_not_whole() -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 5)], page=2)
    n8n.refuse("GET /executions?cursor=eyJsYXN0SWQiOiAiMyIsICJsaW1pdCI6IDJ9", 500, "Internal server error")
    result = count(n8n)
    assert result.failure is not None
    assert not result.values["window"]["complete"]
    assert "So far: Counted" in result.failure


def test_single_executions_can_be_counted_with_the_size_of_their_data() -> None:
    result = count(FakeN8n(row(1, jsonSizeBytes=100), row(2, jsonSizeBytes=50)), execution_id=["1", "2", "9"])
    assert (result.values["statistics"]["data_bytes"], result.values["not_found"]) == (150, ["9"])


def test_an_old_server_is_warned_of() -> None:
    assert "older than 2.13" in count(FakeN8n(row(1), statuses="refused")).warnings[0]
