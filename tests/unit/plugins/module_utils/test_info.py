# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at executions."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import Forbidden, InvalidInput, NoAnswer
from ansible_collections.flowops.n8n.plugins.module_utils._operations import info
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Row, at, info_params, row


def look(n8n: FakeN8n, check_mode: bool = False, **options: t.Any) -> Result:
    return info.carry_out(n8n.client(), info.parse(info_params(**options), NOW), check_mode)


def ids(result: Result) -> list[str]:
    return [record["id"] for record in result.values["executions"]]


def history(count: int) -> list[Row]:
    return [row(number) for number in range(1, count + 1)]


@pytest.mark.parametrize("check_mode", [True, False])
def test_nothing_is_changed(check_mode: bool) -> None:
    n8n = FakeN8n(*history(3))
    result = look(n8n, check_mode)
    assert (result.changed, result.failure, result.warnings, ids(result)) == (False, None, [], ["3", "2", "1"])
    assert {call.split()[0] for call in n8n.log} == {"GET"}


def test_the_newest_come_first_up_to_the_limit_and_no_page_more_is_read() -> None:
    n8n = FakeN8n(*history(30), page=5)
    result = look(n8n, status=["success"], limit=3)
    assert ids(result) == ["30", "29", "28"]
    assert (result.values["count"], result.values["truncated"]) == (3, True)
    assert n8n.log == ["GET /executions?status=success"]


def test_as_many_as_the_limit_are_not_cut() -> None:
    result = look(FakeN8n(*history(4)), limit=4)
    assert (result.values["count"], result.values["truncated"]) == (4, False)


@pytest.mark.parametrize("limit, most", [(0, 10_000), (20_000, 10_000), (10_000, 10_000), (5, 5)])
def test_no_limit_is_the_most_that_ansible_bears(limit: int, most: int) -> None:
    assert info.parse(info_params(limit=limit), NOW).selection.limit == most


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(InvalidInput, match="limit"):
        info.parse(info_params(limit=-1), NOW)


ROWS = [
    row(1, "success", start=3, stop=9),
    row(2, "error", start=1, stop=2),
    row(3, "running", start=5),
    row(4, "new"),
    row(5, "error", start=4, stop=5),
]


@pytest.mark.parametrize(
    "sort_by, order, expected",
    [
        ("id", "desc", ["5", "4", "3", "2", "1"]),
        ("id", "asc", ["1", "2", "3", "4", "5"]),
        ("started_at", "desc", ["3", "5", "1", "2", "4"]),
        ("started_at", "asc", ["4", "2", "1", "5", "3"]),
        ("duration", "desc", ["1", "5", "2", "4", "3"]),
        ("duration", "asc", ["3", "4", "2", "5", "1"]),
        ("status", "asc", ["2", "5", "4", "3", "1"]),
    ],
)
@pytest.mark.parametrize("limit", [2, 5])
def test_the_order_applies_before_the_limit(sort_by: str, order: str, expected: list[str], limit: int) -> None:
    result = look(FakeN8n(*ROWS, page=2), sort_by=sort_by, order=order, limit=limit)
    assert ids(result) == expected[:limit]
    assert result.values["truncated"] is (limit < 5)


def test_ids_are_read_one_by_one_in_the_order_asked_for_and_never_cut() -> None:
    n8n = FakeN8n(*history(5))
    result = look(n8n, execution_id=["2", "4", "3"], limit=1)
    assert (ids(result), result.values["truncated"]) == (["4", "3", "2"], False)
    assert n8n.log == ["GET /executions/2", "GET /executions/4", "GET /executions/3"]


def test_what_is_not_there_is_named_and_no_failure() -> None:
    n8n = FakeN8n(*history(2))
    result = look(n8n, execution_id=["10", "1", "9"])
    assert (ids(result), result.values["not_found"], result.failure) == (["1"], ["9", "10"], None)


def test_no_ids_ask_for_nothing() -> None:
    n8n = FakeN8n(*history(2))
    assert ids(look(n8n, execution_id=[])) == []
    assert n8n.log == []


def test_data_is_read_for_each_execution_by_itself() -> None:
    n8n = FakeN8n(row(1), row(2), row(3, "error"))
    n8n.without_data = {1}
    result = look(n8n, status=["success"], include_data=True)
    assert [record.get("data") for record in result.values["executions"]] == [{"of": "2"}, None]
    assert n8n.log == [
        "GET /executions?status=success",
        "GET /executions/2?includeData=true",
        "GET /executions/1?includeData=true",
        "GET /executions/1",
    ]


def test_what_vanished_between_the_list_and_its_data_is_not_there_any_more() -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.script("GET /executions/2", lambda _call: n8n.forget(2))
    result = look(n8n, status=["success"], include_data=True)
    assert (ids(result), result.values["not_found"], result.failure) == (["1"], [], None)


def test_one_bad_execution_does_not_hide_the_others_but_fails_the_run() -> None:
    n8n = FakeN8n(*history(3))
    n8n.refuse("GET /executions/2", 500, "Internal server error")
    result = look(n8n, execution_id=["1", "2", "3"])
    assert ids(result) == ["3", "1"]
    assert [(error["id"], error["status"]) for error in result.values["errors"]] == [("2", 500)]
    assert (result.values["status"], result.values["retryable"]) == (500, True)
    assert result.failure is not None
    assert result.failure.startswith("Read 2 executions. 1 execution failed, the first being 2:")


def test_a_missing_scope_ends_the_reading_at_once_and_says_so() -> None:
    n8n = FakeN8n(*history(3))
    n8n.scopes_missing = {"execution:read"}
    result = look(n8n, execution_id=["1", "2", "3"])
    assert n8n.log == ["GET /executions/1"]
    assert result.failure is not None
    assert "execution:read" in result.failure


def test_a_list_that_cannot_be_read_is_an_error() -> None:
    n8n = FakeN8n(*history(3))
    n8n.scopes_missing = {"execution:list"}
    with pytest.raises(Forbidden, match="execution:list"):
        look(n8n)


def test_names_of_workflows_are_told_where_they_were_looked_up() -> None:
    n8n = FakeN8n(row(1, workflow="w1"), row(2, workflow="w2"))
    n8n.workflows = {"w1": {"id": "w1", "name": "Nightly import"}}
    result = look(n8n, workflow=["Nightly import"], status=["success"])
    assert [(record["id"], record["workflow_name"]) for record in result.values["executions"]] == [("1", "Nightly import")]
    assert n8n.log == [
        "GET /workflows?name=Nightly+import&excludePinnedData=true",
        "GET /executions?status=success&workflowId=w1",
    ]


def test_workflows_are_left_out_by_name_too() -> None:
    n8n = FakeN8n(row(1, workflow="w1"), row(2, workflow="w2"))
    n8n.workflows = {"w1": {"id": "w1", "name": "Nightly"}}
    assert ids(look(n8n, exclude_workflow=["Nightly"], status=["success"])) == ["2"]


def test_an_unknown_workflow_is_an_error_before_any_list_of_executions() -> None:
    n8n = FakeN8n(row(1))
    with pytest.raises(InvalidInput, match="workflow"):
        look(n8n, workflow=["no such name"])
    assert n8n.log == ["GET /workflows?name=no+such+name&excludePinnedData=true"]


@pytest.mark.parametrize("kind, warned", [("exact", 0), ("ignored", 0), ("refused", 1)])
def test_what_1_x_cannot_list_is_warned_of(kind: str, warned: int) -> None:
    result = look(FakeN8n(row(1, "waiting"), statuses=kind), status=["waiting"])
    assert (ids(result), len(result.warnings)) == (["1"], warned)


def test_a_reading_that_was_ended_tells_what_was_read_without_asking_further() -> None:
    n8n = FakeN8n(row(1, "waiting"), row(2, "waiting"), statuses="refused")
    n8n.refuse("GET /executions/1", 503, "Database is not ready!")
    result = look(n8n, status=["waiting"], include_data=True)
    assert ids(result) == ["2"]
    assert result.failure is not None
    assert n8n.log[-1] == "GET /executions/1?includeData=true"


def test_times_select_by_the_fields_of_each_row() -> None:
    n8n = FakeN8n(row(1, start=1, stop=2), row(2, start=3, stop=20), row(3, start=19, stop=23))
    assert ids(look(n8n, older_than="3h")) == ["2", "1"]
    assert ids(look(n8n, newer_than="6h")) == ["3"]
    assert ids(look(n8n, started_after=at(3), started_before=at(19))) == ["3", "2"]
    assert ids(look(n8n, min_duration="4h")) == ["3", "2"]


def test_a_lost_answer_of_one_read_is_an_error_of_that_execution() -> None:
    def lose(_call: t.Any) -> t.Any:
        raise NoAnswer("lost")

    n8n = FakeN8n(*history(2))
    n8n.script("GET /executions/2", lose)
    result = look(n8n, execution_id=["2", "1"])
    assert (ids(result), result.values["errors"]) == (["1"], [{"id": "2", "msg": "lost", "retryable": True}])
