# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retries that are worth it, and that leave time between them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._operations import retry
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, listed, reply
from ansible_collections.flowops.n8n.tests.unit.retrying import outcomes, posts, run, the_chain
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Clock, retry_params, row


def failed_by(n8n: FakeN8n, number: int, message: str, times: int = 9) -> None:
    """An execution's data tells of this error."""

    def turn(call: Call) -> Answer | None:
        if "includeData" not in dict(call.query):
            return None
        error = {"message": message, "name": "NodeApiError"}
        run_data = {"Work": [{"startTime": 0, "executionTime": 1, "executionStatus": "error", "error": error}]}
        result = {"runData": run_data, "error": error, "lastNodeExecuted": "Work"}
        snapshot = {"id": "w1", "name": "as it ran", "settings": {}}
        return reply(call, 200, {**listed(n8n.rows[number]), "data": {"resultData": result}, "workflowData": snapshot})

    n8n.script(f"GET /executions/{number}", turn, times)


def test_only_what_may_pass_is_retried_where_that_is_asked_for() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    failed_by(n8n, 1, "Gateway timed out - perhaps try again later?")
    failed_by(n8n, 2, "Recipient address is missing")
    result = run(n8n, execution_id=["1", "2"], only_transient=True)
    assert outcomes(result) == [("1", "retried"), ("2", "not_transient")]
    assert posts(n8n) == ["1"]
    lasting = result.values["chains"][1]
    assert "Recipient address is missing" in lasting["msg"]
    assert "at Work" in lasting["msg"]
    assert result.failure is None


def test_the_newest_failed_member_tells_whether_it_may_pass() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error", retry_of=1))
    failed_by(n8n, 1, "Gateway timed out - perhaps try again later?")
    failed_by(n8n, 2, "Recipient address is missing")
    result = run(n8n, execution_id=["1"], only_transient=True)
    assert the_chain(result)["outcome"] == "not_transient"
    assert posts(n8n) == []


def test_check_mode_tells_the_same() -> None:
    n8n = FakeN8n(row(1, "error"))
    failed_by(n8n, 1, "Recipient address is missing")
    result = run(n8n, check_mode=True, execution_id=["1"], only_transient=True)
    assert (the_chain(result)["outcome"], result.changed) == ("not_transient", False)


def test_what_n8n_does_not_show_does_not_count_as_passing() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.without_data = {1}
    chain = the_chain(run(n8n, execution_id=["1"], only_transient=True))
    assert chain["outcome"] == "not_transient"
    assert "does not show why" in chain["msg"]


def test_what_lasts_does_not_use_the_limit_up() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"), row(3, "error"))
    failed_by(n8n, 1, "Recipient address is missing")
    failed_by(n8n, 2, "The service refused the connection - perhaps it is offline")
    failed_by(n8n, 3, "The service refused the connection - perhaps it is offline")
    result = run(n8n, all=True, only_transient=True, limit=1)
    assert posts(n8n) == ["2"]
    assert result.values["more_remaining"]


def test_the_attempts_of_a_chain_are_longer_and_longer_apart(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error"] * 4
    run(n8n, execution_id=["1"], max_attempts=4, backoff=100.0)
    assert posts(n8n) == ["1", "2", "3", "4"]
    assert clock.slept == [100.0, 200.0, 300.0]


def test_between_chains_there_is_the_pause(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"), row(3, "success"), row(4, "error"))
    run(n8n, execution_id=["1", "2", "3", "4"], pause=7.0)
    assert posts(n8n) == ["1", "2", "4"]
    # Neither before the first nor after the last, nor for one that is passed over.
    assert clock.slept == [7.0, 7.0]


def while_asleep(clock: Clock, monkeypatch: pytest.MonkeyPatch, seconds: float, act: t.Callable[[], object]) -> None:
    """Something happens during each sleep of that length."""
    sleep = clock.sleep

    def busy(asked: float) -> None:
        sleep(asked)
        if asked == seconds:
            act()

    monkeypatch.setattr(clock, "sleep", busy)


@pytest.mark.parametrize("theirs", ["success", "running"])
def test_what_others_retry_during_the_back_off_is_not_retried_again(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error"]
    while_asleep(clock, monkeypatch, 120.0, lambda: n8n.begin_retry("2", theirs))
    n8n.script("GET /executions/3", lambda _call: n8n.end(3, "success"))
    result = run(n8n, execution_id=["1"], backoff=120.0)
    assert posts(n8n) == ["1"]
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"], chain["attempts"]) == ("retried", "3", "success", 2)
    assert "its retry 2 ended with error, and others have retried it as 3 since" in chain["msg"]
    assert (result.values["retries_made"], result.failure) == (1, None)


def test_what_others_retry_during_the_pause_is_not_retried_again(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    while_asleep(clock, monkeypatch, 60.0, lambda: n8n.begin_retry("2", "success"))
    result = run(n8n, execution_id=["1", "2"], pause=60.0)
    assert posts(n8n) == ["1"]
    assert outcomes(result) == [("1", "retried"), ("2", "already_retried")]


def test_what_others_retry_during_a_long_attempt_is_not_retried_again(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error"]

    def long_run(call: Call) -> Answer:
        answer = n8n.answer(call)
        clock.sleep(60)
        n8n.begin_retry("1", "success")
        return answer

    n8n.script('POST /executions/1/retry {"loadWorkflow": false}', long_run)
    result = run(n8n, execution_id=["1"])
    assert posts(n8n) == ["1"]
    assert (the_chain(result)["retry_id"], result.failure) == ("3", None)


def test_check_mode_does_not_pause(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    run(n8n, check_mode=True, execution_id=["1", "2"], pause=7.0, backoff=7.0)
    assert clock.slept == []


@pytest.mark.parametrize("options", [{"backoff": -1.0}, {"pause": -0.1}, {"pause": 1e9}])
def test_pauses_that_cannot_be_meant_are_refused(options: dict[str, t.Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(options))):
        retry.parse(retry_params(execution_id=["1"], **options), NOW)
