# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stopping executions: what is stopped, by which calls, and what is told of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._operations import stop
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, reply
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Clock, at, row, stop_params

BULK = 'POST /executions/stop {"status": ["queued", "running", "waiting"]}'


def halt(n8n: FakeN8n, check_mode: bool = False, **options: t.Any) -> Result:
    return stop.carry_out(n8n.client(), stop.parse(stop_params(**options), NOW), check_mode)


def posts(n8n: FakeN8n) -> list[str]:
    return [call[len("POST /executions/") :] for call in n8n.log if call.startswith("POST")]


def live(count: int, **more: t.Any) -> list[dict[str, t.Any]]:
    return [row(number, "running", **more) for number in range(1, count + 1)]


def statuses(n8n: FakeN8n) -> dict[int, str]:
    return {number: one["status"] for number, one in n8n.rows.items()}


def fails(error: errors.N8nError) -> t.Callable[[Call], Answer]:
    def turn(_call: Call) -> Answer:
        raise error

    return turn


@pytest.mark.parametrize(
    "options, said",
    [
        ({}, "all=true"),
        ({"status": ["error", "running"]}, "what is error is over"),
        ({"older_than": "1h"}, "min_duration"),
        ({"all": True, "abort_above": -1}, "abort_above"),
        ({"execution_id": ["abc"]}, "execution_id"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(errors.InvalidInput, match=said):
        stop.parse(stop_params(**options), NOW)


def test_what_is_live_is_stopped_oldest_first_and_told() -> None:
    n8n = FakeN8n(row(1, "running"), row(2), row(3, "waiting", workflow="w2"), row(4, "new"))
    result = halt(n8n, all=True)
    assert statuses(n8n) == {1: "canceled", 2: "success", 3: "canceled", 4: "canceled"}
    assert posts(n8n) == ["1/stop", "3/stop", "4/stop"]
    assert result.changed
    assert result.failure is None
    assert result.values["executions"][1] == {
        "id": "3",
        "workflow_id": "w2",
        "workflow_name": None,
        "outcome": "stopped",
        "status_before": "waiting",
        "status": "canceled",
    }
    del result.values["executions"]
    assert result.values == {
        "matched": 3,
        "stopped": 3,
        "stopped_besides": 0,
        "finished_meanwhile": 0,
        "gone": 0,
        "already_over": 0,
        "not_found": [],
        "more_remaining": False,
        "errors": [],
        "msg": "Stopped 3 executions.",
    }
    assert result.diff is not None
    assert result.diff["before"].startswith("execution 1: running, workflow w1")
    assert result.diff["after"].startswith("execution 1: canceled, workflow w1")


def test_a_second_run_changes_nothing() -> None:
    n8n = FakeN8n(*live(6))
    assert halt(n8n, all=True).changed
    again = halt(n8n, all=True)
    assert (again.changed, again.values["matched"], again.values["stopped"]) == (False, 0, 0)


def test_by_id_what_is_over_or_absent_is_told_apart() -> None:
    n8n = FakeN8n(row(1), row(2, "running"))
    result = halt(n8n, execution_id=["1", "2", "9"])
    assert posts(n8n) == ["2/stop"]
    assert (result.values["stopped"], result.values["already_over"], result.values["not_found"]) == (1, 1, ["9"])
    assert result.values["msg"] == "Stopped 1 execution, 1 over already, 1 not there or not visible to this key."
    assert result.failure is None


def test_a_limit_takes_the_oldest() -> None:
    n8n = FakeN8n(*live(7))
    result = halt(n8n, all=True, limit=6)
    assert posts(n8n) == [f"{number}/stop" for number in range(1, 7)]
    assert result.values["matched"] == 7
    assert result.values["more_remaining"]


@pytest.mark.parametrize("options", [{"all": True}, {"execution_id": ["1", "2", "3"]}])
def test_more_than_expected_are_not_touched(options: dict[str, t.Any]) -> None:
    n8n = FakeN8n(*live(3))
    result = halt(n8n, abort_above=2, **options)
    assert posts(n8n) == []
    assert not result.changed
    assert "Nothing was stopped" in str(result.failure)
    assert halt(n8n, abort_above=3, **options).values["stopped"] == 3


# In bulk


def test_many_are_stopped_by_one_call_and_each_is_read_again() -> None:
    n8n = FakeN8n(*live(5), row(6, "waiting", workflow="w2"))
    n8n.workflows = {"w1": {"id": "w1", "name": "w1"}}
    result = halt(n8n, workflow=["w1"], status=["running"], started_after=at(0), started_before=at(3))
    assert n8n.log[-6:] == [
        'POST /executions/stop {"status": ["running"], "workflowId": "w1", '
        '"startedAfter": "2026-11-01T00:00:00.000Z", "startedBefore": "2026-11-01T03:00:00.000Z"}',
        *[f"GET /executions/{number}" for number in range(1, 6)],
    ]
    assert (result.values["stopped"], result.values["stopped_besides"], result.changed) == (5, 0, True)
    assert statuses(n8n)[6] == "waiting"


def test_several_workflows_take_a_call_each() -> None:
    n8n = FakeN8n(*live(5), row(6, "running", workflow="w2"))
    n8n.workflows = {name: {"id": name, "name": name} for name in ("w1", "w2")}
    result = halt(n8n, workflow=["w1", "w2"])
    assert [f"POST /executions/{post}" for post in posts(n8n)] == [
        f'{BULK[:-1]}, "workflowId": "{name}"}}' for name in ("w1", "w2")
    ]
    assert result.values["stopped"] == 6


def test_a_start_between_two_milliseconds_is_rounded_to_what_it_means() -> None:
    n8n = FakeN8n(*live(5))
    halt(n8n, started_after="2026-11-01T00:00:00.0005Z")
    assert '"startedAfter": "2026-11-01T00:00:00.001Z"' in posts(n8n)[0]


@pytest.mark.parametrize(
    "options",
    [
        {"all": True, "limit": 9},
        {"all": True, "abort_above": 9},
        {"mode": ["webhook"]},
        {"min_duration": "1h"},
        {"project": "p1"},
        {"exclude_workflow": ["w2"]},
        {"execution_id": ["1", "2", "3", "4", "5"]},
    ],
)
def test_what_n8ns_call_for_many_cannot_say_is_stopped_one_by_one(options: dict[str, t.Any]) -> None:
    n8n = FakeN8n(*live(5, projectId="p1"))
    n8n.workflows = {"w2": {"id": "w2", "name": "w2"}}
    result = halt(n8n, **options)
    assert posts(n8n) == [f"{number}/stop" for number in range(1, 6)]
    assert result.values["stopped"] == 5


def test_what_begins_between_list_and_call_is_stopped_too_and_told() -> None:
    n8n = FakeN8n(*live(5))
    n8n.script(BULK, lambda _call: n8n.rows.update({6: row(6, "running")}))
    result = halt(n8n, all=True)
    assert (result.values["matched"], result.values["stopped"], result.values["stopped_besides"]) == (5, 5, 1)
    assert statuses(n8n)[6] == "canceled"


@pytest.mark.parametrize("error", [errors.NoAnswer("lost"), errors.TooBusy("504"), errors.Rejected("405")])
def test_a_call_for_many_that_fails_is_settled_one_by_one(error: errors.N8nError) -> None:
    n8n = FakeN8n(*live(5))
    n8n.script(BULK, fails(error))
    result = halt(n8n, all=True)
    assert posts(n8n)[1:] == [f"{number}/stop" for number in range(1, 6)]
    assert (result.values["stopped"], result.failure) == (5, None)


def test_what_the_call_for_many_has_passed_over_is_stopped_by_itself() -> None:
    n8n = FakeN8n(*live(5))

    def stops_one(call: Call) -> Answer:
        n8n.end(1, "canceled")
        return reply(call, 200, {"stopped": 1})

    n8n.script(BULK, stops_one)
    result = halt(n8n, all=True)
    assert posts(n8n)[1:] == [f"{number}/stop" for number in range(2, 6)]
    assert (result.values["stopped"], result.values["stopped_besides"]) == (5, 0)


def test_the_call_for_many_is_given_time_for_all_of_them() -> None:
    n8n = FakeN8n(*live(200))
    halt(n8n, all=True)
    assert n8n.timeouts[BULK] == pytest.approx(40.0)


# What goes otherwise


def test_one_that_finishes_meanwhile_was_not_stopped() -> None:
    n8n = FakeN8n(*live(1))
    n8n.script("POST /executions/1/stop", lambda _call: n8n.end(1, "success"))
    result = halt(n8n, all=True)
    assert (result.changed, result.values["stopped"], result.values["finished_meanwhile"]) == (False, 0, 1)
    assert result.values["executions"][0]["status"] == "success"
    assert result.failure is None


def test_one_that_leaves_no_record_is_gone() -> None:
    n8n = FakeN8n(*live(1))
    n8n.script("GET /executions/1", lambda _call: n8n.forget(1))
    result = halt(n8n, all=True)
    assert (result.changed, result.values["gone"], result.values["stopped"]) == (True, 1, 0)
    assert (result.values["executions"][0]["outcome"], result.values["executions"][0]["status"]) == ("gone", None)


def test_one_that_stays_live_is_an_error_and_the_rest_is_stopped(clock: Clock) -> None:
    n8n = FakeN8n(*live(2))
    n8n.script("POST /executions/1/stop", lambda call: reply(call, 200, {"status": "canceled"}))
    result = halt(n8n, all=True)
    assert (result.values["stopped"], [one["id"] for one in result.values["errors"]]) == (1, ["1"])
    assert "still running after it was asked to stop" in str(result.failure)
    assert result.changed
    assert sum(clock.slept) == pytest.approx(stop.PATIENCE, abs=0.3)


def test_a_missing_scope_ends_it_at_once() -> None:
    n8n = FakeN8n(*live(3))
    n8n.scopes_missing = {"execution:stop"}
    result = halt(n8n, all=True)
    assert posts(n8n) == ["1/stop"]
    assert not result.changed
    assert "execution:stop" in str(result.failure)


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("count", [1, 6])
def test_a_server_without_stop_is_told_by_the_version_it_needs(check_mode: bool, count: int) -> None:
    n8n = FakeN8n(*live(count), statuses="refused")
    result = halt(n8n, check_mode, all=True)
    assert "2.10" in str(result.failure)
    assert not result.changed
    assert result.values["stopped"] == 0
    assert set(statuses(n8n).values()) == {"running"}


def test_a_server_that_cannot_list_what_waits_is_said_where_nothing_was_found() -> None:
    result = halt(FakeN8n(statuses="refused"), all=True)
    assert "2.13" in result.warnings[0]
    assert halt(FakeN8n(), all=True).warnings == []


# In check mode


def test_check_mode_counts_and_writes_nothing() -> None:
    n8n = FakeN8n(*live(6), row(7))
    predicted = halt(n8n, True, all=True)
    assert posts(n8n) == []
    assert n8n.log[-1] == "GET /executions/1/tags"
    done = halt(n8n, all=True)
    assert predicted.values.pop("msg") == "Would stop 6 executions."
    assert done.values.pop("msg") == "Stopped 6 executions."
    assert predicted.values == done.values
    assert predicted.changed


@pytest.mark.parametrize("scopes_missing", [set(), {"executionTags:list"}])
def test_whether_there_is_stop_is_told_by_any_answer_of_the_call_that_came_with_it(scopes_missing: set[str]) -> None:
    n8n = FakeN8n(*live(1))
    n8n.scopes_missing = scopes_missing
    assert n8n.client().can_stop("1")
    assert n8n.client().can_stop("99")
