# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retries that are waited for, and those that are not."""

from __future__ import annotations

import threading
import time as real_time
import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._operations import attempt
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, reply
from ansible_collections.flowops.n8n.tests.unit.retrying import CHAIN, lost, outcomes, posts, run, the_chain
from ansible_collections.flowops.n8n.tests.unit.rows import Clock, row

POST = 'POST /executions/1/retry {"loadWorkflow": false}'


def under_way(status: str = "running") -> FakeN8n:
    """A failed execution whose retry is under way."""
    n8n = FakeN8n(row(1, "error"), row(2, status, retry_of=1))
    n8n.in_memory = {2} if status == "running" else set()
    return n8n


@pytest.mark.parametrize("status", ["running", "waiting", "new"])
def test_a_live_member_is_waited_for_and_its_success_is_the_chains(status: str) -> None:
    n8n = under_way(status)
    n8n.script("GET /executions/2", lambda _call: None, times=4)
    n8n.script("GET /executions/2", lambda _call: n8n.end(2, "success"))
    result = run(n8n, execution_id=["1"])
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("already_retried", "2", "success")
    assert (posts(n8n), result.changed, result.failure) == ([], False, None)
    assert n8n.log == ["GET /executions/1", *CHAIN, *["GET /executions/2"] * 5]


def test_a_live_member_that_fails_is_left_to_the_next_run() -> None:
    n8n = under_way()
    n8n.script("GET /executions/2", lambda _call: n8n.end(2, "error"))
    result = run(n8n, execution_id=["1"])
    assert (outcomes(result), the_chain(result)["status"], posts(n8n)) == ([("1", "in_progress")], "error", [])
    run(n8n, execution_id=["1"])
    assert posts(n8n) == ["2"]


def test_a_live_member_that_goes_on_is_left_after_the_time_given(clock: Clock) -> None:
    n8n = under_way()
    result = run(n8n, execution_id=["1"], wait_timeout=20.0)
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("in_progress", "2", "running")
    assert sum(clock.slept) == pytest.approx(20, abs=0.1)
    assert (posts(n8n), result.changed, result.failure) == ([], False, None)


@pytest.mark.parametrize("check_mode, wait", [(True, True), (False, False)])
def test_a_live_member_is_not_waited_for_where_nothing_is(check_mode: bool, wait: bool, clock: Clock) -> None:
    n8n = under_way()
    result = run(n8n, check_mode, execution_id=["1"], wait=wait)
    assert (the_chain(result)["outcome"], the_chain(result)["retry_id"]) == ("in_progress", "2")
    assert n8n.log == ["GET /executions/1", *CHAIN]
    assert clock.slept == []


def test_a_live_member_that_vanishes_was_not_kept() -> None:
    n8n = under_way()
    n8n.script("GET /executions/2", lambda _call: n8n.forget(2))
    chain = the_chain(run(n8n, execution_id=["1"]))
    assert (chain["outcome"], chain["retry_id"]) == ("in_progress", "2")
    assert "no record of it" in chain["msg"]


@pytest.mark.parametrize("status", ["running", "waiting", "new"])
def test_what_is_live_itself_is_never_retried(status: str) -> None:
    n8n = FakeN8n(row(1, status))
    result = run(n8n, execution_id=["1"], wait_timeout=1.0)
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("in_progress", None, status)
    assert posts(n8n) == []


def test_what_is_live_itself_and_succeeds_has_not_failed() -> None:
    n8n = FakeN8n(row(1, "waiting"))
    n8n.script("GET /executions/1", lambda _call: None)
    n8n.script("GET /executions/1", lambda _call: n8n.end(1, "success"))
    chain = the_chain(run(n8n, execution_id=["1"]))
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("not_failed", None, "success")


def test_what_has_an_unknown_status_is_not_retried() -> None:
    n8n = FakeN8n(row(1, "unknown"))
    assert outcomes(run(n8n, execution_id=["1"])) == [("1", "not_retryable")]
    assert posts(n8n) == []


def test_a_retry_that_parks_itself_is_not_over_and_is_waited_for(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["waiting"]
    result = run(n8n, execution_id=["1"], wait_timeout=60.0)
    assert (the_chain(result)["outcome"], the_chain(result)["status"], posts(n8n)) == ("retried", "waiting", ["1"])
    assert sum(clock.slept) == pytest.approx(60, abs=0.1)
    assert result.failure is not None
    assert result.failure.endswith("its retry 2 is still waiting after 60 s and goes on in n8n.")


def test_a_retry_that_cannot_be_watched_is_told_as_it_was_last_seen() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["waiting"]
    n8n.script("GET /executions/2", lost(n8n, errors.Forbidden("no execution:read"), carried_out=False))
    chain = the_chain(run(n8n, execution_id=["1"]))
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("retried", "2", "waiting")
    assert n8n.log.count("GET /executions/2") == 1


def test_a_server_that_is_away_for_a_moment_does_not_end_the_waiting() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["waiting"]
    n8n.script("GET /executions/2", lost(n8n, errors.NotConnected("restarting"), carried_out=False), times=3)
    n8n.script("GET /executions/2", lambda _call: n8n.end(2, "success"))
    assert the_chain(run(n8n, execution_id=["1"]))["status"] == "success"


class Held:
    """A retry that runs until it is let go; its call stays open meanwhile."""

    def __init__(self, n8n: FakeN8n) -> None:
        self.n8n = n8n
        self.gate = threading.Event()
        n8n.script(POST, self.turn)

    def turn(self, call: Call) -> Answer:
        self.n8n.begin_retry("1", "running")
        self.n8n.in_memory.add(2)
        self.gate.wait(10)
        return reply(call, 200, self.n8n.rows[2])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "POLL_FIRST", 0.001)
    monkeypatch.setattr(attempt, "POLL_MOST", 0.002)


@pytest.mark.usefixtures("quick")
def test_without_waiting_it_goes_on_as_soon_as_the_new_execution_is_seen_to_run() -> None:
    n8n = FakeN8n(row(1, "error"))
    held = Held(n8n)
    result = run(n8n, execution_id=["1"], wait=False)
    held.gate.set()
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("retried", "2", "running")
    assert (posts(n8n), result.changed, result.failure) == (["1"], True, None)
    assert n8n.log[-1] == "GET /executions/2"


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("ended, failed", [("success", False), ("error", True)])
def test_without_waiting_a_retry_that_ended_at_once_is_told_with_its_end(ended: str, failed: bool) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = [ended]
    result = run(n8n, execution_id=["1"], wait=False)
    assert (the_chain(result)["outcome"], the_chain(result)["status"], posts(n8n)) == ("retried", ended, ["1"])
    assert (result.failure is not None) is failed


@pytest.mark.usefixtures("quick")
def test_without_waiting_each_chain_gets_one_attempt() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error", "success"]
    run(n8n, execution_id=["1"], wait=False, fail_on_error=False)
    assert posts(n8n) == ["1"]


@pytest.mark.usefixtures("quick")
def test_without_waiting_what_is_never_seen_is_of_unknown_fate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "time", real_time)
    n8n, gate = FakeN8n(row(1, "error")), threading.Event()
    n8n.script(POST, lambda _call: t.cast(None, gate.wait(10) and None))
    result = run(n8n, timeout=0.05, execution_id=["1"], wait=False)
    log = list(n8n.log)
    gate.set()
    assert (the_chain(result)["outcome"], log.count(POST)) == ("unknown", 1)
    assert result.failure is not None


@pytest.mark.usefixtures("quick")
def test_without_waiting_an_error_is_told_all_the_same() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.refuse(POST, 403, "Forbidden")
    result = run(n8n, execution_id=["1"], wait=False)
    assert result.failure is not None
    assert "execution:retry" in result.failure
    assert result.changed is False


@pytest.mark.usefixtures("quick")
def test_without_waiting_a_lost_answer_is_looked_up() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.script(POST, lost(n8n, errors.NoAnswer("lost")))
    assert the_chain(run(n8n, execution_id=["1"], wait=False))["outcome"] == "retried"
    assert posts(n8n) == ["1"]
