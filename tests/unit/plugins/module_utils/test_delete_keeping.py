# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of what is selected: the newest, the tagged, and what there is no time for."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput, NoAnswer, ServerFault
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Clock, Row, delete_params, row
from ansible_collections.flowops.n8n.tests.unit.strategies import histories
from hypothesis import given
from hypothesis import strategies as st


def clear(n8n: FakeN8n, check_mode: bool = False, **options: t.Any) -> Result:
    return delete.carry_out(n8n.client(), delete.parse(delete_params(**options), NOW), check_mode)


def gone(n8n: FakeN8n, before: set[int]) -> set[int]:
    return before - set(n8n.rows)


@given(histories(), st.integers(1, 3), st.sampled_from([{}, {"status": ["success", "error"]}, {"workflow": ["w1"]}]))
def test_the_newest_of_each_workflow_stay_by_all_filters_but_time(rows: list[Row], keep: int, filters: dict[str, t.Any]) -> None:
    n8n = FakeN8n(*rows)
    n8n.workflows = {"w1": {"id": "w1", "name": "w1"}}
    before = set(n8n.rows)
    client = n8n.client()
    every = [client.get(one["id"]) for one in n8n.newest_first()]
    plain = delete.parse(delete_params(all=True, **filters), NOW).selection
    timed = delete.parse(delete_params(older_than="12h", **filters), NOW).selection
    counted: dict[str | None, int] = {}
    expected = set()
    for execution in every:
        if execution.is_live or not plain.matches(execution):
            continue
        counted[execution.workflow_id] = counted.get(execution.workflow_id, 0) + 1
        if counted[execution.workflow_id] > keep and timed.matches(execution):
            expected.add(execution.order)
    result = clear(n8n, older_than="12h", keep_last=keep, **filters)
    assert gone(n8n, before) == expected
    assert result.values["matched"] == len([one for one in every if timed.matches(one)])
    assert result.values["kept_last"] == result.values["matched"] - len(expected)


def test_the_newest_are_counted_before_the_limit_and_live_ones_not_at_all() -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 7)], row(7, "running"))
    result = clear(n8n, all=True, keep_last=2, limit=2)
    assert sorted(n8n.rows) == [3, 4, 5, 6, 7]
    # What comes after the limit is not looked at.
    assert (result.values["kept_last"], result.values["kept"], result.values["more_remaining"]) == (0, 0, True)
    result = clear(n8n, all=True, keep_last=2, limit=9)
    assert sorted(n8n.rows) == [5, 6, 7]
    assert (result.values["kept_last"], result.values["kept"], result.values["more_remaining"]) == (2, 1, False)
    assert "kept 2 as the newest" in result.values["msg"]


def test_how_many_of_a_workflow_stay_is_asked_for_where_the_walk_first_meets_it() -> None:
    rows = [row(number, workflow=f"w{number % 3}", start=number / 100, stop=number / 100) for number in range(1, 1001)]
    n8n = FakeN8n(*rows)
    result = clear(n8n, older_than="20h", keep_last=5)
    assert (result.values["deleted"], result.values["kept_last"]) == (400, 0)
    assert [call for call in n8n.log if "workflowId" in call] == [f"GET /executions?workflowId=w{number}" for number in (1, 2, 0)]
    assert sum(call.startswith("GET") for call in n8n.log) <= 12


@pytest.mark.parametrize("options", [{"keep_last": 0, "all": True}, {"keep_last": 1, "execution_id": ["1"]}])
def test_a_keep_last_that_cannot_be_meant_is_refused(options: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidInput, match="keep_last"):
        delete.parse(delete_params(**options), NOW)


@pytest.mark.parametrize("check_mode", [False, True])
def test_what_has_tags_stays(check_mode: bool) -> None:
    n8n = FakeN8n(row(1), row(2), row(3, "waiting"))
    n8n.tags[1] = ["t1"]
    result = clear(n8n, check_mode, all=True, keep_tagged=True)
    assert (result.values["deleted_ids"], result.values["kept_tagged"]) == (["2"], 1)
    # What stays anyway is not asked for its tags.
    assert [call for call in n8n.log if "/tags" in call] == ["GET /executions/1/tags", "GET /executions/2/tags"]
    assert sorted(n8n.rows) == ([1, 2, 3] if check_mode else [1, 3])


def test_the_tagged_count_neither_for_the_limit_nor_for_the_most() -> None:
    n8n = FakeN8n(row(1), row(2), row(3))
    n8n.tags[1] = ["t1"]
    result = clear(n8n, all=True, keep_tagged=True, limit=1, abort_above=2)
    assert result.values["deleted_ids"] == ["2"]


def test_one_whose_tags_cannot_be_read_stays() -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.refuse("GET /executions/1/tags", 500, "Internal server error")
    result = clear(n8n, all=True, keep_tagged=True)
    assert sorted(n8n.rows) == [1]
    assert result.values["errors"][0]["id"] == "1"


def test_an_old_server_cannot_tell_what_has_tags_so_nothing_is_deleted() -> None:
    n8n = FakeN8n(row(1), row(2), statuses="refused")
    result = clear(n8n, all=True, keep_tagged=True)
    assert sorted(n8n.rows) == [1, 2]
    assert "2.10" in str(result.failure)
    assert not result.changed


def takes(clock: Clock, seconds: float) -> t.Callable[[Call], Answer | None]:
    def turn(_call: Call) -> None:
        clock.sleep(seconds)

    return turn


def test_a_run_ends_when_its_time_is_used_up_and_the_next_goes_on(clock: Clock) -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 6)])
    for number in range(1, 6):
        n8n.script(f"DELETE /executions/{number}", takes(clock, 30))
    first = clear(n8n, all=True, time_budget=60.0)
    assert (first.values["deleted"], first.values["more_remaining"], first.failure) == (2, True, None)
    assert "time budget is used up" in first.values["msg"]
    second = clear(n8n, all=True, time_budget=600.0)
    assert (second.values["deleted"], second.values["more_remaining"]) == (3, False)


@pytest.mark.parametrize("options", [{"limit": 1}, {"abort_above": 100}])
def test_what_is_oldest_or_how_many_there_are_is_not_guessed(clock: Clock, options: dict[str, t.Any]) -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.script("GET /executions", takes(clock, 120))
    result = clear(n8n, all=True, time_budget=60.0, **options)
    assert sorted(n8n.rows) == [1, 2]
    assert (result.values["more_remaining"], result.failure) == (True, None)


def test_check_mode_takes_the_time_it_needs(clock: Clock) -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.script("GET /executions", takes(clock, 120))
    assert clear(n8n, check_mode=True, all=True, time_budget=60.0).values["deleted"] == 2


def test_a_deletion_of_unknown_fate_is_told_as_that() -> None:
    n8n = FakeN8n(row(1))

    def lost(_call: Call) -> Answer:
        raise NoAnswer("the answer to the deletion was lost")

    def down(_call: Call) -> Answer:
        raise ServerFault("the look failed")

    n8n.script("DELETE /executions/1", lost)
    n8n.script("GET /executions/1", down)
    result = clear(n8n, all=True)
    assert "the answer to the deletion was lost" in result.values["errors"][0]["msg"]
