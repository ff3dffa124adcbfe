# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user asked for, and whether an execution is meant by it."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._execution import LIVE, Execution
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, check_id, parse_selection
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, at, moment
from ansible_collections.flowops.n8n.tests.unit.strategies import executions, selections
from hypothesis import given


@pytest.mark.parametrize(
    "text",
    [
        *("abc", "0x9", "5.0", "1?x=1", "../workflows/1", "", " ", "-1", "0", "01", "1e1", "5,6", "1/retry", "1%00", "+5"),
        *("٣", "9" * 20, "exec", "exec_", "exec_a/b", "exec_..", "1\n2"),
    ],
)
def test_what_is_no_id_of_an_execution_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="execution_id"):
        check_id(text, DIALECTS["n8n"])


@pytest.mark.parametrize(
    "text, expected", [("1", "1"), (" 42\n", "42"), ("9" * 19, "9" * 19), ("exec_ab-1", "exec_ab-1"), ("exec-9", "exec-9")]
)
def test_plain_numbers_and_ids_of_gateways_are_taken_without_blanks(text: str, expected: str) -> None:
    assert check_id(text, DIALECTS["n8n"]) == expected


@pytest.mark.parametrize(
    "given_options, said",
    [
        ({"execution_id": ["5", "abc"]}, "execution_id"),
        ({"older_than": "30"}, "older_than.*unit"),
        ({"newer_than": "1 week"}, "newer_than.*unit"),
        ({"min_duration": ""}, "min_duration"),
        ({"older_than": ""}, "older_than"),
        ({"older_than": "999999w"}, "older_than"),
        ({"started_after": "yesterday"}, "started_after.*ISO 8601"),
        ({"started_before": "2026-11-01T00:00:00"}, "started_before.*zone"),
        ({"started_after": ""}, "started_after"),
        ({"older_than": "1d", "started_before": at(0)}, "older_than and started_before"),
        ({"newer_than": "1d", "started_after": at(0)}, "newer_than and started_after"),
        ({"newer_than": "1d", "older_than": "2d"}, "later than"),
        ({"started_after": at(2), "started_before": at(1)}, "later than"),
        ({"started_after": at(2), "older_than": "1d"}, "later than"),
        ({"workflow": []}, "workflow"),
        ({"workflow": ["a", " "]}, "workflow"),
        ({"exclude_workflow": [""]}, "exclude_workflow"),
        ({"project": " "}, "project"),
        ({"status": []}, "status"),
        ({"mode": []}, "mode"),
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"execution_id": ["5"], "status": ["error"]}, "execution_id"),
        ({"execution_id": ["5"], "workflow": ["w1"]}, "execution_id"),
        ({"execution_id": ["5"], "exclude_workflow": ["w1"]}, "execution_id"),
        ({"execution_id": ["5"], "project": "p1"}, "execution_id"),
        ({"execution_id": ["5"], "mode": ["cli"]}, "execution_id"),
        ({"execution_id": ["5"], "older_than": "1d"}, "execution_id"),
        ({"execution_id": ["5"], "newer_than": "1d"}, "execution_id"),
        ({"execution_id": ["5"], "min_duration": "1s"}, "execution_id"),
        ({"execution_id": [], "started_after": at(0)}, "execution_id"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_option(given_options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_selection(given_options, NOW)


def test_nothing_given_selects_everything_and_says_so() -> None:
    assert parse_selection({}, NOW) == Selection(now=NOW)
    assert Selection(now=NOW).is_empty


def test_a_limit_alone_selects_nothing_in_particular() -> None:
    assert parse_selection({"limit": 5}, NOW).is_empty


@pytest.mark.parametrize(
    "given_options",
    [
        {"execution_id": []},
        {"execution_id": ["5"]},
        {"workflow": ["w1"]},
        {"exclude_workflow": ["w1"]},
        {"project": "p1"},
        {"status": ["error"]},
        {"mode": ["cli"]},
        {"started_after": at(0)},
        {"started_before": at(0)},
        {"older_than": "1d"},
        {"newer_than": "1d"},
        {"min_duration": "1s"},
    ],
)
def test_every_option_of_the_selection_selects(given_options: dict[str, t.Any]) -> None:
    assert not parse_selection(given_options, NOW).is_empty


def test_an_empty_list_of_ids_means_none_and_never_all() -> None:
    selection = parse_selection({"execution_id": []}, NOW)
    assert selection.ids == ()
    assert not selection.matches(Execution("1", "w1", "success"))


def test_ids_and_names_are_taken_once_in_the_order_given() -> None:
    assert parse_selection({"execution_id": ["7", " 5", "7", "5"]}, NOW).ids == ("7", "5")
    assert parse_selection({"workflow": ["b ", "a", "b"]}, NOW).workflows == ("b", "a")


def test_older_than_goes_by_the_end_and_newer_than_by_the_start() -> None:
    selection = parse_selection({"older_than": "6h", "newer_than": "1d"}, NOW)
    assert selection.ended_before == NOW - timedelta(hours=6)
    assert selection.started_after == NOW - timedelta(days=1)
    assert selection.started_before is None


def test_what_started_long_ago_and_ended_today_is_not_old() -> None:
    old = parse_selection({"older_than": "12h"}, NOW)
    assert old.matches(Execution("1", "w1", "success", started_at=moment(0), stopped_at=moment(12)))
    assert not old.matches(Execution("1", "w1", "success", started_at=moment(0), stopped_at=moment(12.001)))


@pytest.mark.parametrize("status", sorted(LIVE))
def test_what_has_not_ended_is_never_old(status: str) -> None:
    old = parse_selection({"older_than": "1s"}, NOW)
    assert not old.matches(Execution("1", "w1", status, started_at=moment(-99), stopped_at=moment(-98)))
    assert old.live_statuses == frozenset()


def test_the_bounds_of_the_start_are_met_by_equality() -> None:
    bounds = parse_selection({"started_after": at(3), "started_before": at(4)}, NOW)
    hits = [hour for hour in (2.999, 3, 3.5, 4, 4.001) if bounds.matches(Execution("1", "w", "error", started_at=moment(hour)))]
    assert hits == [3, 3.5, 4]


def test_min_duration_counts_the_time_since_the_start_for_what_is_live() -> None:
    long = parse_selection({"min_duration": "2h"}, NOW)
    assert long.matches(Execution("1", "w", "waiting", started_at=moment(22), stopped_at=moment(22.1)))
    assert not long.matches(Execution("1", "w", "running", started_at=moment(22.1)))
    assert long.matches(Execution("1", "w", "success", started_at=moment(1), stopped_at=moment(3)))
    assert not long.matches(Execution("1", "w", "success", started_at=moment(1), stopped_at=moment(2.9)))


def test_no_selected_execution_started_after_the_latest_start() -> None:
    assert parse_selection({"older_than": "6h"}, NOW).latest_start == NOW - timedelta(hours=6)
    assert parse_selection({"started_before": at(3)}, NOW).latest_start == moment(3)
    assert parse_selection({"started_after": at(3)}, NOW).latest_start is None


def test_only_live_statuses_that_are_asked_for_are_looked_for() -> None:
    assert parse_selection({}, NOW).live_statuses == LIVE
    assert parse_selection({"status": ["waiting", "error"]}, NOW).live_statuses == {"waiting"}
    assert parse_selection({"status": ["error"]}, NOW).live_statuses == frozenset()


@given(executions(), selections())
def test_an_execution_is_meant_when_it_meets_every_filter(execution: Execution, selection: Selection) -> None:
    assert selection.matches(execution) is _means(selection, execution)


@given(executions(), selections())
def test_ids_alone_decide_where_ids_are_given(execution: Execution, selection: Selection) -> None:
    assert replace(selection, ids=(execution.id,)).matches(execution)
    assert not replace(selection, ids=(execution.id + "0",)).matches(execution)


def _means(selection: Selection, execution: Execution) -> bool:
    """The same in the plainest words."""
    never = datetime.max.replace(tzinfo=NOW.tzinfo)
    start, stop = execution.started_at, execution.stopped_at
    over = execution.status in ("canceled", "crashed", "error", "success", "unknown")
    end = (stop or never) if over else NOW
    known = start is not None and (stop is not None or not over)
    return all(
        [
            selection.workflows is None or execution.workflow_id in selection.workflows,
            execution.workflow_id not in selection.exclude_workflows,
            selection.statuses is None or execution.status in selection.statuses,
            selection.modes is None or execution.mode in selection.modes,
            selection.started_after is None or (start is not None and start >= selection.started_after),
            selection.started_before is None or (start is not None and start <= selection.started_before),
            selection.ended_before is None or (over and stop is not None and stop <= selection.ended_before),
            selection.min_duration is None or (known and start is not None and end - start >= selection.min_duration),
        ]
    )
