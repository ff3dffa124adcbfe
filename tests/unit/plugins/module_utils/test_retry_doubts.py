# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retries whose fate is in doubt, that leave no record, that are under way, or that cannot be."""

from __future__ import annotations

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.retrying import CHAIN, lost, outcomes, posts, run, the_chain
from ansible_collections.flowops.n8n.tests.unit.rows import Clock, row

POST = 'POST /executions/1/retry {"loadWorkflow": false}'
SAVE_NO_SUCCESS = {"saveDataSuccessExecution": "none"}
SAVE_NO_ERROR = {"saveDataErrorExecution": "none"}

DOUBTS = [
    errors.NoAnswer("the connection broke", method="POST"),
    errors.TooBusy("504", status=504),
    errors.TooBusy("a proxy's own 429", status=429),
    errors.ServerFault("500", status=500),
    errors.NotAnN8nAnswer("cut off", status=200),
    errors.AnswerTooLarge("too large"),
    errors.Rejected("an old server's raw text", status=400),
]


@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_a_retry_whose_answer_was_lost_is_found_and_followed_and_not_sent_again(doubt: errors.N8nError) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.script(POST, lost(n8n, doubt))
    result = run(n8n, execution_id=["1"])
    assert n8n.log[6:] == [POST, *CHAIN, "GET /executions/2"]
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("retried", "2", "success")
    assert (result.changed, result.failure) == (True, None)


@pytest.mark.parametrize("doubt", DOUBTS, ids=str)
def test_a_retry_that_is_not_found_is_of_unknown_fate_loudly_and_not_sent_again(doubt: errors.N8nError, clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.script(POST, lost(n8n, doubt, carried_out=False))
    result = run(n8n, execution_id=["1"], fail_on_error=False)
    assert posts(n8n) == ["1"]
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"]) == ("unknown", None)
    assert "Look in n8n before retrying it again" in chain["msg"]
    assert str(doubt) in chain["msg"]
    assert chain["error"]["retryable"] is doubt.retryable
    assert (result.changed, result.values["retries_made"], len(result.warnings)) == (True, 1, 1)
    assert result.failure is not None
    assert sum(clock.slept) == pytest.approx(15, abs=5)


def test_a_lost_retry_that_still_runs_is_waited_for(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["running"]
    n8n.script(POST, lost(n8n, errors.TooBusy("504", status=504)))
    n8n.script("GET /executions/2", lambda _call: n8n.in_memory.add(2))
    n8n.script("GET /executions/2", lambda _call: None, times=3)
    n8n.script("GET /executions/2", lambda _call: n8n.end(2, "success"))
    result = run(n8n, execution_id=["1"])
    assert (the_chain(result)["status"], posts(n8n)) == ("success", ["1"])
    assert n8n.log.count("GET /executions/2") == 5
    assert all(pause <= 5 for pause in clock.slept)


def test_a_lost_retry_that_fails_is_one_attempt_and_the_next_is_of_it() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error", "success"]
    n8n.script(POST, lost(n8n, errors.NoAnswer("lost")))
    result = run(n8n, execution_id=["1"])
    assert (posts(n8n), the_chain(result)["attempts"], result.failure) == (["1", "2"], 2, None)


def test_an_earlier_retry_is_not_taken_for_the_lost_one() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "unknown", retry_of=1))
    n8n.script(POST, lost(n8n, errors.NoAnswer("lost"), carried_out=False))
    assert (the_chain(run(n8n, execution_id=["1"]))["outcome"], posts(n8n)) == ("unknown", ["1"])


def test_a_look_that_fails_decides_nothing() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.script(POST, lost(n8n, errors.NoAnswer("lost")))
    for call in CHAIN:
        n8n.script(call, lambda _call: None)
    n8n.refuse(CHAIN[0], 500, "Internal server error", times=2)
    assert the_chain(run(n8n, execution_id=["1"]))["outcome"] == "retried"
    assert n8n.log.count(CHAIN[0]) == 4


def test_a_429_of_n8n_itself_leaves_no_doubt() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.refuse(POST, 429, "Too many requests")
    result = run(n8n, execution_id=["1"])
    assert n8n.log[-1] == POST
    assert (result.changed, result.values["chains"], result.values["status"]) == (False, [], 429)
    assert result.failure is not None


@pytest.mark.parametrize(
    "error", [errors.NotConnected("refused"), errors.Unauthorized("401", status=401), errors.Forbidden("403", status=403)]
)
def test_what_certainly_started_nothing_ends_the_run_without_a_look(error: errors.N8nError) -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    n8n.script(POST, lost(n8n, error, carried_out=False))
    result = run(n8n, execution_id=["1", "2"])
    assert n8n.log[-1] == POST
    assert (result.changed, result.values["counts"]) == (False, {})
    assert result.failure is not None
    assert str(error) in result.failure


def test_an_error_after_a_first_attempt_still_tells_of_that_attempt() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error"]
    n8n.refuse('POST /executions/2/retry {"loadWorkflow": false}', 403, "Forbidden")
    result = run(n8n, execution_id=["1"])
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"], chain["attempts"]) == ("retried", "2", "error", 1)
    assert (result.changed, result.values["retries_made"]) == (True, 1)
    assert [error["id"] for error in result.values["errors"]] == ["1"]
    assert result.failure is not None
    assert "execution:retry" in result.failure


def test_one_execution_that_cannot_be_read_does_not_keep_the_others() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"), row(3, "error"))
    n8n.refuse("GET /executions/2?includeData=true", 500, "Internal server error")
    result = run(n8n, all=True)
    assert posts(n8n) == ["1", "3"]
    assert [error["id"] for error in result.values["errors"]] == ["2"]
    assert (result.changed, result.values["status"]) == (True, 500)
    assert result.failure is not None


def test_one_parent_that_cannot_be_read_does_not_keep_the_others() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error", retry_of=1), row(3, "error"))
    n8n.refuse("GET /executions/1", 500, "Internal server error")
    result = run(n8n, execution_id=["2", "3"])
    assert (posts(n8n), [error["id"] for error in result.values["errors"]]) == (["3"], ["2"])


def test_an_execution_that_is_not_there_is_told_and_no_failure() -> None:
    result = run(FakeN8n(row(1)), execution_id=["9"])
    assert (outcomes(result), result.changed, result.failure) == ([("9", "not_found")], False, None)
    assert len(result.warnings) == 1


@pytest.mark.parametrize(
    "status, message, outcome",
    [
        (409, "The execution succeeded, so it cannot be retried.", "not_failed"),
        (400, "The execution succeeded, so it cannot be retried.", "not_failed"),
        (409, "Execution is queued to run (not yet started) so it cannot be retried", "in_progress"),
        (409, "The execution was aborted before starting, so it cannot be retried", "not_retryable"),
        (400, "Cannot read properties of null (reading 'data')", "not_retryable"),
    ],
)
def test_a_refusal_of_n8n_is_an_outcome_and_no_failure(status: int, message: str, outcome: str) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.refuse(POST, status, message)
    result = run(n8n, execution_id=["1"])
    assert (outcomes(result), result.changed, result.failure) == ([("1", outcome)], False, None)
    assert n8n.log[-1] == POST


def test_what_was_deleted_meanwhile_is_not_found() -> None:
    n8n = FakeN8n(row(1, "error"), row(2))
    n8n.script(POST, lambda _call: n8n.forget(1))
    assert outcomes(run(n8n, execution_id=["1"])) == [("1", "not_found")]


@pytest.mark.parametrize("kind", ["exact", "refused"])
@pytest.mark.parametrize("allow", [False, True])
def test_without_stored_data_there_is_nothing_to_retry(kind: str, allow: bool) -> None:
    n8n = FakeN8n(row(1, "error"), statuses=kind)
    n8n.without_data = {1}
    result = run(n8n, execution_id=["1"], allow_unrecorded=allow)
    assert (outcomes(result), result.changed, result.failure) == ([("1", "not_retryable")], False, None)
    assert posts(n8n) == (["1"] if allow else [])


@pytest.mark.parametrize("settings", [SAVE_NO_SUCCESS, SAVE_NO_ERROR])
def test_a_retry_that_n8n_would_not_keep_is_refused_beforehand(settings: dict[str, str]) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.snapshot_settings = settings
    result = run(n8n, execution_id=["1"])
    assert (outcomes(result), posts(n8n), result.changed, result.failure) == ([("1", "not_recordable")], [], False, None)
    assert "allow_unrecorded=true" in the_chain(result)["msg"]
    assert len(result.warnings) == 1


@pytest.mark.parametrize(
    "then, now, outcome",
    [({}, SAVE_NO_SUCCESS, "not_recordable"), (SAVE_NO_SUCCESS, {}, "retried"), ({}, SAVE_NO_ERROR, "not_recordable")],
)
def test_the_settings_that_count_are_those_of_the_workflow_that_is_to_run(
    then: dict[str, str], now: dict[str, str], outcome: str
) -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.snapshot_settings = then
    n8n.workflows = {"w1": {"id": "w1", "name": "now", "settings": now}}
    result = run(n8n, execution_id=["1"], load_workflow=True)
    assert outcomes(result) == [("1", outcome)]
    assert n8n.log[5] == "GET /workflows/w1?excludePinnedData=true"
    assert not [call for call in n8n.log if "includeData" in call]
    assert [call for call in n8n.log if "POST" in call] == (
        ['POST /executions/1/retry {"loadWorkflow": true}'] if outcome == "retried" else []
    )


def test_the_saved_workflow_is_read_once_for_all_its_executions() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    n8n.workflows = {"w1": {"id": "w1", "name": "now", "settings": {}}}
    run(n8n, all=True, load_workflow=True)
    assert n8n.log.count("GET /workflows/w1?excludePinnedData=true") == 1
    assert posts(n8n) == ["1", "2"]


def test_a_key_that_may_not_read_workflows_is_told_what_for() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.scopes_missing = {"workflow:read"}
    result = run(n8n, execution_id=["1"], load_workflow=True)
    assert posts(n8n) == []
    assert result.failure is not None
    assert "workflow:read" in result.failure
    assert "allow_unrecorded=true" in result.failure


def test_a_retry_that_left_no_record_is_told_as_that() -> None:
    n8n = FakeN8n(row(1, "error"), row(2))
    n8n.snapshot_settings = SAVE_NO_SUCCESS
    result = run(n8n, execution_id=["1"], allow_unrecorded=True)
    assert not [call for call in n8n.log if "includeData" in call or "workflows/" in call], "settings are not read"
    chain = the_chain(result)
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("retried_unrecorded", "3", "success")
    assert (result.changed, result.failure, len(result.warnings)) == (True, None, 1)
    assert posts(n8n) == ["1"]


def test_a_failed_retry_that_left_no_record_is_not_tried_again_and_fails_the_run() -> None:
    n8n = FakeN8n(row(1, "error"), row(2))
    n8n.snapshot_settings = SAVE_NO_ERROR
    n8n.retries_end = ["error"]
    result = run(n8n, execution_id=["1"], allow_unrecorded=True)
    assert (posts(n8n), the_chain(result)["outcome"], the_chain(result)["status"]) == (["1"], "retried_unrecorded", "error")
    assert result.failure is not None


def test_what_others_have_retried_meanwhile_is_not_retried_again(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))

    def long_run(_call: object) -> None:
        clock.sleep(60)
        n8n.begin_retry("2", "success")

    n8n.script(POST, long_run)
    result = run(n8n, all=True)
    assert posts(n8n) == ["1"]
    assert [chain["outcome"] for chain in result.values["chains"]] == ["retried", "already_retried"]


def test_a_chain_that_was_just_read_is_not_read_again() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    run(n8n, all=True)
    assert n8n.log.count(CHAIN[-1]) == 1
