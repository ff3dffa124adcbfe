# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for executions: what is waited for, how often it is looked at, and when the wait is over."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._operations import wait
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Clock, at, row, wait_params

LIVE = ["new", "running", "waiting"]


def watch(n8n: FakeN8n, check_mode: bool = False, **options: t.Any) -> Result:
    return wait.carry_out(n8n.client(), wait.parse(wait_params(**options), NOW), check_mode)


def ends(n8n: FakeN8n, number: int, status: str = "success", after: int = 1) -> None:
    """At the look of this number, an execution is over."""
    said = f"GET /executions/{number}"
    n8n.script(said, lambda _call: None, times=after - 1)
    n8n.script(said, lambda _call: n8n.end(number, status))


def fails(error: errors.N8nError) -> t.Callable[[Call], Answer]:
    def turn(_call: Call) -> Answer:
        raise error

    return turn


def ids(records: list[dict[str, t.Any]]) -> list[str]:
    return [record["id"] for record in records]


@pytest.mark.parametrize(
    "options, said",
    [
        ({}, "status="),
        ({"limit": 3}, "status="),
        ({"status": ["success"]}, "what is success is over"),
        ({"older_than": "1h"}, "started_before"),
        ({"status": ["running"], "for_status": []}, "for_status"),
        ({"status": ["running"], "wait_timeout": 0.0}, "wait_timeout"),
        ({"status": ["running"], "poll_interval": -1.0}, "poll_interval"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(errors.InvalidInput, match=said):
        wait.parse(wait_params(**options), NOW)


def test_what_is_live_at_the_start_is_waited_for_and_only_what_is_open_is_looked_at(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"), row(2), row(3, "waiting"))
    ends(n8n, 1)
    ends(n8n, 3, "error", after=3)
    n8n.script("GET /executions/1", lambda _call: n8n.rows.update({4: row(4, "running")}))
    result = watch(n8n, status=LIVE)
    looks = [call for call in n8n.log if call.startswith("GET /executions/")]
    assert looks == [f"GET /executions/{number}" for number in (1, 3, 3, 3)]
    assert clock.slept == [2, 4, 8]
    assert result.failure is None
    assert not result.changed
    assert ids(result.values["executions"]) == ["1", "3"]
    assert (result.values["count"], result.values["by_status"]) == (2, {"error": 1, "success": 1})
    assert (result.values["open"], result.values["elapsed"]) == ([], 14.0)
    assert result.values["msg"] == "2 executions over, 0 open."


def test_nothing_to_wait_for_takes_no_time(clock: Clock) -> None:
    result = watch(FakeN8n(row(1), row(2, "error")), execution_id=["1", "2"])
    assert (result.failure, clock.slept, result.values["count"]) == (None, [], 2)


def test_the_wait_ends_with_what_is_still_open(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running", start=5), row(2, "waiting", start=3, stop=4))
    n8n.workflows = {"w1": {"id": "w1", "name": "Import"}}
    result = watch(n8n, workflow=["Import"], wait_timeout=21.0, poll_interval=3.0)
    assert clock.slept == [3, 6, 12]
    assert result.values["open"] == [
        {"id": "1", "workflow_id": "w1", "workflow_name": "Import", "status": "running", "since": at(5)},
        {"id": "2", "workflow_id": "w1", "workflow_name": "Import", "status": "waiting", "since": at(4)},
    ]
    assert "Still open after 21 s: 2 executions, 1 (running), 2 (waiting)." in str(result.failure)


def test_pauses_grow_to_half_a_minute_and_never_beyond_the_deadline(clock: Clock) -> None:
    watch(FakeN8n(row(1, "running")), execution_id=["1"], wait_timeout=100.0, poll_interval=8.0)
    assert clock.slept == [8, 16, 30, 30, 16]
    clock.slept.clear()
    watch(FakeN8n(row(1, "running")), execution_id=["1"], wait_timeout=100.0, poll_interval=45.0)
    assert clock.slept == [45, 45, 10]


def test_a_limit_takes_the_oldest() -> None:
    n8n = FakeN8n(row(1, "running"), row(2, "running"), row(3, "running"))
    assert ids(watch(n8n, True, status=["running"], limit=2).values["open"]) == ["1", "2"]


def test_check_mode_looks_once_and_fails_for_nothing_open(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"), row(2))
    result = watch(n8n, True, execution_id=["1", "2"], for_status=["success"])
    assert n8n.log == ["GET /executions/1", "GET /executions/2"]
    assert (result.failure, clock.slept, ids(result.values["open"])) == (None, [], ["1"])


# For a status


def test_a_status_that_is_not_over_can_be_waited_for() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("GET /executions/1", lambda _call: n8n.rows[1].update(status="waiting", stoppedAt=at(3)))
    result = watch(n8n, status=["running"], for_status=["waiting", "success"])
    assert (result.failure, result.values["by_status"]) == (None, {"waiting": 1})
    assert result.values["msg"] == "1 execution there, 0 open."


def test_one_that_ends_otherwise_is_not_waited_for_and_fails_at_the_end(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"), row(2, "running"))
    ends(n8n, 1, "error")
    ends(n8n, 2, after=2)
    result = watch(n8n, status=["running"], for_status=["success"])
    assert n8n.log.count("GET /executions/1") == 1
    assert clock.slept == [2, 4]
    assert ids(result.values["missed"]) == ["1"]
    assert "Ended without having been seen success: 1 execution, 1 (error)." in str(result.failure)


def test_without_a_record_the_status_is_never_seen() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("GET /executions/1", lambda _call: n8n.forget(1))
    result = watch(n8n, status=["running"], for_status=["success"])
    assert result.values["gone"] == ["1"]
    assert "never seen success" in str(result.failure)
    assert "9 is not there" in str(watch(n8n, execution_id=["9"], for_status=["success"]).failure)


# What goes otherwise


def test_what_disappears_is_over_and_told_by_a_warning() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("GET /executions/1", lambda _call: n8n.forget(1))
    result = watch(n8n, status=["running"])
    assert (result.failure, result.values["gone"], result.values["count"]) == (None, ["1"], 0)
    assert "no record" in result.warnings[0]


def test_what_is_not_there_from_the_start_is_told() -> None:
    result = watch(FakeN8n(row(1)), execution_id=["1", "9"])
    assert (result.failure, result.values["not_found"]) == (None, ["9"])
    assert "9" in result.warnings[0]


@pytest.mark.parametrize(
    "error",
    [errors.NotConnected("restarting"), errors.TooBusy("503"), errors.NotAnN8nAnswer("starting"), errors.NoAnswer("lost")],
)
def test_a_server_that_is_away_for_a_while_is_borne(error: errors.N8nError) -> None:
    n8n = FakeN8n(row(1, "running"), row(2, "running"))
    n8n.script("GET /executions/1", fails(error), times=3)
    ends(n8n, 1)
    ends(n8n, 2)
    result = watch(n8n, status=["running"])
    assert (result.failure, result.values["by_status"], result.values["errors"]) == (None, {"success": 2}, [])


def test_a_server_that_stays_away_is_named_at_the_end() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("GET /executions/1", fails(errors.NotConnected("refused", method="GET")), times=99)
    result = watch(n8n, status=["running"], wait_timeout=20.0)
    assert "The last look failed: refused" in str(result.failure)
    assert (ids(result.values["open"]), result.values["retryable"], result.values["method"]) == (["1"], True, "GET")


def test_a_server_that_is_away_at_the_start_ends_it(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("GET /executions?status=running", fails(errors.NotConnected("refused")))
    result = watch(n8n, status=["running"])
    assert "refused" in str(result.failure)
    assert clock.slept == []


def test_a_key_that_is_refused_ends_it(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"), row(2, "running"))
    n8n.refuse("GET /executions/1", 401, "Unauthorized", times=9)
    result = watch(n8n, status=["running"])
    assert clock.slept == [2]
    assert result.values["status"] == 401
    assert "api_key" in str(result.failure)


def test_one_that_cannot_be_read_does_not_end_the_wait_for_the_rest() -> None:
    n8n = FakeN8n(row(1, "running"), row(2, "running"))
    n8n.refuse("GET /executions/1", 400, "no such thing", times=9)
    ends(n8n, 2, after=2)
    result = watch(n8n, status=["running"])
    assert (ids(result.values["errors"]), n8n.log.count("GET /executions/1")) == (["1"], 1)
    assert n8n.log.count("GET /executions/2") == 2
    assert "1 failed" in str(result.failure) or "1 execution failed" in str(result.failure)


def test_a_server_that_cannot_list_what_waits_is_said() -> None:
    n8n = FakeN8n(statuses="refused")
    assert "2.13" in watch(n8n, status=["waiting"]).warnings[0]
    assert watch(n8n, status=["running"]).warnings == []
