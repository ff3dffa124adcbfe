# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deleting executions: what is deleted, what stays, and what is told of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, cursor_below
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Row, at, delete_params, row
from ansible_collections.flowops.n8n.tests.unit.strategies import histories
from hypothesis import given
from hypothesis import strategies as st


def clear(n8n: FakeN8n, check_mode: bool = False, concurrency: int = 1, **options: t.Any) -> Result:
    return delete.carry_out(n8n.client(concurrency), delete.parse(delete_params(**options), NOW), check_mode)


def deletions(n8n: FakeN8n) -> list[str]:
    """The ids that n8n was asked to delete, in that order."""
    return [call.split("/")[2] for call in n8n.log if call.startswith("DELETE")]


def writes(n8n: FakeN8n) -> list[str]:
    return [call for call in n8n.log if not call.startswith("GET")]


LIVE_ROWS = [row(1), row(2, "running"), row(3, "waiting"), row(4, "new"), row(5, "error")]


@pytest.mark.parametrize(
    "options, said",
    [
        ({}, "all=true"),
        ({"limit": 5}, "all=true"),
        ({"all": True, "limit": 0}, "limit"),
        ({"execution_id": ["abc"]}, "execution_id"),
        ({"execution_id": ["1?x=1"]}, "execution_id"),
        ({"execution_id": ["5"], "status": ["error"]}, "execution_id"),
        ({"older_than": "30"}, "older_than"),
        ({"older_than": "30d", "started_before": at(0)}, "older_than"),
        ({"status": []}, "status"),
        ({"all": True, "abort_above": -1}, "abort_above"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        delete.parse(delete_params(**options), NOW)


def test_what_is_selected_is_deleted_and_counted() -> None:
    n8n = FakeN8n(row(1), row(2, "error", workflow="w2"), row(3, "crashed"), row(4, start=20, stop=23))
    result = clear(n8n, older_than="6h")
    assert sorted(n8n.rows) == [4]
    assert n8n.log == [
        "GET /executions",
        "DELETE /executions/1",
        "DELETE /executions/2",
        "DELETE /executions/3",
    ]
    rate = result.values.pop("rate")
    assert rate > 0
    assert result.values == {
        "matched": 3,
        "deleted": 3,
        "deleted_ids": ["1", "2", "3"],
        "stopped": 0,
        "by_status": {"crashed": 1, "error": 1, "success": 1},
        "by_workflow": {"w1": 2, "w2": 1},
        "kept": 0,
        "kept_by_status": {},
        "kept_last": 0,
        "kept_tagged": 0,
        "archived": 0,
        "archive_path": None,
        "not_found": [],
        "more_remaining": False,
        "errors": [],
        "msg": "Deleted 3 executions.",
    }
    assert (result.changed, result.failure) == (True, None)


def test_the_diff_shows_what_goes() -> None:
    result = clear(FakeN8n(row(1)), all=True)
    assert result.diff is not None
    assert result.diff["before"] == (
        "execution 1: success, workflow w1, started 2026-11-01T01:00:00.000Z, ended 2026-11-01T02:00:00.000Z\n"
    )
    assert result.diff["after"] == ""


def test_lists_in_the_result_end_at_a_thousand_and_counts_do_not() -> None:
    result = clear(FakeN8n(*(row(number) for number in range(1, 1004))), check_mode=True, all=True)
    assert (result.values["deleted"], len(result.values["deleted_ids"])) == (1003, 1000)
    assert result.diff is not None
    assert result.diff["before"].splitlines()[-1] == "... and 3 more"


def test_check_mode_writes_nothing() -> None:
    n8n = FakeN8n(*LIVE_ROWS)
    result = clear(n8n, check_mode=True, all=True, live="stop")
    assert writes(n8n) == []
    assert (result.changed, result.values["deleted"], result.values["rate"]) == (True, 5, None)
    assert result.values["msg"] == "Would delete 5 executions."


@given(
    histories(),
    st.sampled_from(["skip", "delete", "stop"]),
    st.none() | st.integers(1, 4),
    st.sampled_from([{"all": True}, {"older_than": "12h"}, {"status": ["error", "waiting"]}, {"workflow": ["w1"]}]),
    st.sampled_from(["exact", "ignored"]),
    st.integers(1, 4),
)
def test_check_mode_tells_what_the_run_then_does_and_a_second_run_does_nothing(
    rows: list[Row], live: str, limit: int | None, options: dict[str, t.Any], kind: str, page: int
) -> None:
    n8n = FakeN8n(*rows, statuses=kind, page=page)
    n8n.workflows = {"w1": {"id": "w1", "name": "one"}}
    before = set(n8n.rows)
    told = clear(n8n, check_mode=True, live=live, limit=limit, **options)
    assert set(n8n.rows) == before
    done = clear(n8n, live=live, limit=limit, **options)
    assert sorted(map(str, before - set(n8n.rows))) == sorted(told.values["deleted_ids"])
    for fact in ("matched", "deleted", "deleted_ids", "by_status", "by_workflow", "kept", "kept_by_status", "more_remaining"):
        assert done.values[fact] == told.values[fact], fact
    assert (done.changed, done.failure, done.diff) == (told.changed, None, told.diff)
    if limit is None:
        again = clear(n8n, live=live, **options)
        assert (again.changed, again.values["deleted"], again.values["matched"]) == (False, 0, again.values["kept"])


@pytest.mark.parametrize(
    "live, left, kept, calls",
    [
        ("skip", [2, 3, 4], {"new": 1, "running": 1, "waiting": 1}, ["DELETE 1", "DELETE 5"]),
        ("delete", [2], {"running": 1}, ["DELETE 1", "DELETE 3", "DELETE 4", "DELETE 5"]),
        (
            "stop",
            [],
            {},
            ["DELETE 1", "POST 2 stop", "DELETE 2", "POST 3 stop", "DELETE 3", "POST 4 stop", "DELETE 4", "DELETE 5"],
        ),
    ],
)
def test_live_executions_meet_the_fate_that_was_chosen(
    live: str, left: list[int], kept: dict[str, int], calls: list[str]
) -> None:
    n8n = FakeN8n(*LIVE_ROWS)
    result = clear(n8n, all=True, live=live)
    assert [call.replace("/executions/", "").replace("/", " ") for call in writes(n8n)] == calls
    assert sorted(n8n.rows) == left
    assert (result.values["kept_by_status"], result.values["matched"]) == (kept, 5)
    assert result.values["stopped"] == (3 if live == "stop" else 0)
    assert result.failure is None


def test_a_single_live_execution_may_forbid_the_whole() -> None:
    n8n = FakeN8n(*LIVE_ROWS)
    result = clear(n8n, all=True, live="fail")
    assert writes(n8n) == []
    assert result.changed is False
    assert result.failure is not None
    assert result.failure.startswith("Nothing was deleted: execution 4 of workflow w1 is new")


def test_a_live_execution_among_ids_forbids_the_whole_too() -> None:
    n8n = FakeN8n(*LIVE_ROWS)
    result = clear(n8n, execution_id=["1", "3"], live="fail")
    assert writes(n8n) == []
    assert result.failure is not None
    assert "execution 3" in result.failure


def test_without_a_live_one_nothing_is_forbidden() -> None:
    n8n = FakeN8n(row(1), row(2, "waiting", workflow="w2"))
    n8n.workflows = {"w1": {"id": "w1", "name": "one"}}
    assert clear(n8n, workflow=["w1"], live="fail").values["deleted"] == 1


def test_one_that_began_to_run_meanwhile_is_left_alone() -> None:
    n8n = FakeN8n(row(1, "waiting"), row(2, "waiting"))
    n8n.script("DELETE /executions/2", lambda _call: n8n.rows[2].update(status="running"))
    result = clear(n8n, status=["waiting"], live="delete")
    assert (result.values["deleted"], result.values["kept_by_status"], result.failure) == (1, {"running": 1}, None)


@pytest.mark.parametrize("most, done", [(2, False), (3, True)])
def test_suspiciously_many_are_not_begun(most: int, done: bool) -> None:
    n8n = FakeN8n(row(1), row(2), row(3), row(4, "running"))
    result = clear(n8n, all=True, abort_above=most)
    assert len(writes(n8n)) == (3 if done else 0)
    assert (result.failure is None, result.changed) == (done, done)
    if result.failure is not None:
        assert result.failure.startswith("Nothing was deleted: more than 2 executions match")
        assert result.values["deleted"] == 0


def test_suspiciously_many_count_before_the_limit_and_by_ids_too() -> None:
    n8n = FakeN8n(row(1), row(2), row(3))
    assert clear(n8n, all=True, abort_above=2, limit=1).failure is not None
    assert clear(n8n, execution_id=["1", "2", "3"], abort_above=2).failure is not None
    assert clear(n8n, all=True, abort_above=0).failure is not None
    assert writes(n8n) == []


def test_the_limit_takes_the_oldest_and_tells_that_more_remain() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 8)), row(8, "running"), page=3)
    result = clear(n8n, all=True, limit=2)
    assert deletions(n8n) == ["1", "2"]
    assert (result.values["more_remaining"], result.values["deleted_ids"]) == (True, ["1", "2"])
    assert result.values["msg"] == "Deleted 2 executions; more remain."


def test_what_is_passed_over_does_not_count_for_the_limit() -> None:
    n8n = FakeN8n(row(1, "waiting"), row(2), row(3), row(4))
    assert clear(n8n, all=True, limit=3).values["more_remaining"] is False
    assert sorted(n8n.rows) == [1]


def test_ids_are_never_cut_by_the_limit() -> None:
    n8n = FakeN8n(row(1), row(2), row(3))
    result = clear(n8n, execution_id=["3", "1"], limit=1)
    assert n8n.log == ["GET /executions/3", "GET /executions/1", "DELETE /executions/1", "DELETE /executions/3"]
    assert result.values["more_remaining"] is False


def test_what_is_not_there_needs_no_deletion() -> None:
    n8n = FakeN8n(row(1))
    result = clear(n8n, execution_id=["7"])
    assert (result.changed, result.failure, result.values["not_found"]) == (False, None, ["7"])
    assert writes(n8n) == []
    assert result.values["msg"] == "Deleted 0 executions, 1 not there or not visible to this key."


def test_no_ids_delete_nothing() -> None:
    n8n = FakeN8n(row(1))
    assert clear(n8n, execution_id=[]).changed is False
    assert n8n.log == []


def test_deletions_go_on_page_by_page_while_the_history_is_walked_over() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 6)), page=2)
    clear(n8n, status=["success"])
    assert n8n.rows == {}
    # The rows below 1 + 2 go before those below 3 + 2 are asked for.
    assert n8n.log.index("DELETE /executions/1") < n8n.log.index(f"GET /executions?{cursor_below(5)}&status=success")


@pytest.mark.parametrize("concurrency", [4, 32])
def test_many_at_once_delete_each_once(concurrency: int) -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 200)), page=20)
    assert clear(n8n, concurrency=concurrency, all=True).values["deleted"] == 199
    assert sorted(map(int, deletions(n8n))) == list(range(1, 200))


@pytest.mark.parametrize(
    "live, status, action",
    [
        ("skip", "running", "keep"),
        ("skip", "error", "delete"),
        ("delete", "running", "keep"),
        ("delete", "waiting", "delete"),
        ("delete", "new", "delete"),
        ("stop", "running", "stop and delete"),
        ("stop", "success", "delete"),
        ("fail", "new", "keep"),
        ("skip", "unknown", "delete"),
    ],
)
def test_each_execution_becomes_a_decision(live: str, status: str, action: str) -> None:
    rule = delete.parse(delete_params(all=True, live=live), NOW)
    assert rule.decide(Execution("1", "w1", status)).action == action
