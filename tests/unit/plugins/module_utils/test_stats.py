# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counting over a window: what of it was counted is always said."""

from __future__ import annotations

import typing as t

from ansible_collections.flowops.n8n.plugins.module_utils._operations import stats
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, at, row, stats_params
from ansible_collections.flowops.n8n.tests.unit.strategies import histories
from hypothesis import given
from hypothesis import strategies as st


def count(n8n: FakeN8n, check_mode: bool = False, **options: t.Any) -> Result:
    return stats.carry_out(n8n.client(), stats.parse(stats_params(**options), NOW), check_mode)


def test_the_window_is_that_which_was_asked_for() -> None:
    n8n = FakeN8n(row(1), row(2, "error", start=5, stop=6), row(3, start=9, stop=10))
    result = count(n8n, started_after=at(4), started_before=at(8))
    assert (result.changed, result.failure, result.diff) == (False, None, None)
    assert result.values["statistics"]["by_status"] == {"error": 1}
    assert result.values["window"] == {
        "started_after": at(4),
        "started_before": at(8),
        "ended_before": None,
        "read_at": "2026-11-02T00:00:00.000Z",
        "complete": True,
        "source": "executions",
    }
    assert result.values["msg"] == "Counted 1 execution."
    assert {call.split()[0] for call in n8n.log} == {"GET"}


@given(histories(), st.none() | st.integers(1, 20), st.integers(1, 4))
def test_complete_means_that_nothing_was_left_out(rows: list[t.Any], limit: int | None, page: int) -> None:
    result = count(FakeN8n(*rows, page=page), limit=limit)
    total = result.values["statistics"]["total"]
    assert total == min(len(rows), limit or len(rows))
    assert result.values["window"]["complete"] is (total == len(rows))
    assert ("there are more" in result.values["msg"]) is (total < len(rows))


def test_the_granularity_is_that_of_the_buckets() -> None:
    n8n = FakeN8n(row(1, start=1), row(2, start=5, stop=6))
    assert len(count(n8n, granularity="hour").values["statistics"]["buckets"]) == 2
    assert len(count(n8n).values["statistics"]["buckets"]) == 1


def test_check_mode_counts_as_well() -> None:
    assert count(FakeN8n(row(1)), check_mode=True).values == count(FakeN8n(row(1))).values


def test_those_that_are_named_are_counted_and_those_not_there_told() -> None:
    result = count(FakeN8n(row(1), row(2, "error")), execution_id=["2", "9"])
    assert result.values["statistics"]["by_status"] == {"error": 1}
    assert result.values["not_found"] == ["9"]
    assert result.failure is None


def test_one_that_cannot_be_read_makes_the_count_incomplete() -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.refuse("GET /executions/1", 400, "broken")
    result = count(n8n, execution_id=["1", "2"])
    assert result.failure is not None
    assert [error["id"] for error in result.values["errors"]] == ["1"]
    assert result.values["statistics"]["total"] == 1
    assert result.values["window"]["complete"] is False


def test_an_end_in_the_middle_tells_what_was_counted_until_then() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 13)), page=2)
    n8n.script("GET /executions", lambda _call: None, times=4)
    n8n.refuse("GET /executions", 403, "Forbidden")
    result = count(n8n)
    total = result.values["statistics"]["total"]
    assert 0 < total < 12
    assert result.failure is not None
    assert f"So far: Counted {total} execution" in result.failure
    assert result.values["status"] == 403
    assert result.values["window"]["complete"] is False


def test_an_old_server_that_hides_what_waits_is_warned_of() -> None:
    assert count(FakeN8n(row(1), statuses="refused"), status=["waiting"]).warnings != []
    assert count(FakeN8n(row(1), statuses="refused"), status=["error"]).warnings == []
    assert count(FakeN8n(row(1)), status=["waiting"]).warnings == []
