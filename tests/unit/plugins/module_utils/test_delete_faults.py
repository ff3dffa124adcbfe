# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deleting when something goes wrong: what is done so far is told, and nothing that was done is denied."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete, stop
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, cursor_below
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Clock, delete_params, row


def clear(n8n: FakeN8n, concurrency: int = 1, **options: t.Any) -> Result:
    return delete.carry_out(n8n.client(concurrency), delete.parse(delete_params(**options), NOW), False)


def three() -> FakeN8n:
    return FakeN8n(row(1), row(2), row(3))


def lose(n8n: FakeN8n, carried_out: bool, error: errors.N8nError) -> t.Callable[[Call], Answer | None]:
    """The answer never comes, whether the call was carried out or not."""

    def turn(call: Call) -> Answer | None:
        if carried_out:
            n8n.answer(call)
        raise error

    return turn


def test_one_execution_that_n8n_cannot_delete_does_not_end_the_batch() -> None:
    n8n = three()
    n8n.refuse("DELETE /executions/2", 500, "Internal server error")
    result = clear(n8n, all=True)
    assert sorted(n8n.rows) == [2]
    assert (result.changed, result.values["deleted"], result.values["deleted_ids"]) == (True, 2, ["1", "3"])
    assert [(error["id"], error["status"]) for error in result.values["errors"]] == [("2", 500)]
    assert (result.values["status"], result.values["method"], result.values["retryable"]) == (500, "DELETE", True)
    assert result.failure is not None
    assert result.failure.startswith("Deleted 2 executions. 1 execution failed, the first being 2: DELETE")


@pytest.mark.parametrize(
    "status, message, word", [(401, "unauthorized", "does not accept the key"), (403, "Forbidden", "execution:delete")]
)
def test_a_wrong_key_ends_the_batch_and_what_was_done_is_told(status: int, message: str, word: str) -> None:
    n8n = three()
    n8n.refuse("DELETE /executions/2", status, message)
    result = clear(n8n, all=True)
    assert [call for call in n8n.log if call.startswith("DELETE")] == ["DELETE /executions/1", "DELETE /executions/2"]
    assert (result.changed, result.values["deleted_ids"], result.values["status"]) == (True, ["1"], status)
    assert result.failure is not None
    assert word in result.failure
    assert "Deleted 1 execution." in result.failure


def test_a_key_that_may_not_list_deletes_nothing() -> None:
    n8n = three()
    n8n.scopes_missing = {"execution:list"}
    result = clear(n8n, all=True)
    assert (result.changed, result.values["deleted"]) == (False, 0)
    assert result.failure is not None
    assert "execution:list" in result.failure


def test_ids_that_may_not_be_read_are_not_deleted() -> None:
    n8n = three()
    n8n.scopes_missing = {"execution:read"}
    result = clear(n8n, execution_id=["1", "2"])
    assert n8n.log == ["GET /executions/1"]
    assert result.failure is not None
    assert result.changed is False


def test_one_id_that_cannot_be_read_does_not_keep_the_others() -> None:
    n8n = FakeN8n(row(1), row(1002), row(2003))
    n8n.refuse("GET /executions/1002", 500, "Internal server error")
    result = clear(n8n, execution_id=["1", "1002", "2003"])
    assert sorted(n8n.rows) == [1002]
    assert [error["id"] for error in result.values["errors"]] == ["1002"]


def test_ids_that_stand_close_together_take_a_page_and_one_call_each() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 101)), row(101, "waiting"))
    result = clear(n8n, execution_id=[str(number) for number in range(1, 103)])
    assert (result.values["deleted"], result.values["kept_by_status"], result.values["not_found"]) == (
        100,
        {"waiting": 1},
        ["102"],
    )
    assert len(n8n.log) == 2 + 100
    assert sorted(n8n.rows) == [101]


def test_an_unknown_workflow_is_an_error_of_its_own() -> None:
    with pytest.raises(errors.InvalidInput, match="no workflow with the id or exact name"):
        clear(three(), workflow=["no such"])


DOUBTS: list[errors.N8nError] = [
    errors.NoAnswer("lost"),
    errors.TooBusy("504", status=504),
    errors.ServerFault("500", status=500),
    errors.NotAnN8nAnswer("cut off", status=200),
]


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda doubt: type(doubt).__name__)
def test_a_deletion_whose_answer_was_lost_is_looked_up_and_counted(doubt: errors.N8nError) -> None:
    n8n = three()
    n8n.script("DELETE /executions/2", lose(n8n, True, doubt))
    result = clear(n8n, all=True)
    assert (result.failure, result.values["deleted_ids"], n8n.rows) == (None, ["1", "2", "3"], {})
    assert n8n.log[n8n.log.index("DELETE /executions/2") + 1] == "GET /executions/2"


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda doubt: type(doubt).__name__)
def test_a_deletion_that_was_not_carried_out_is_an_error(doubt: errors.N8nError) -> None:
    n8n = three()
    n8n.script("DELETE /executions/2", lose(n8n, False, doubt))
    result = clear(n8n, all=True)
    assert result.failure is not None
    assert str(doubt) in result.failure
    assert "2" not in result.values["deleted_ids"]
    assert 2 in n8n.rows
    assert (3 in n8n.rows) is doubt.condemns_all


def test_a_404_after_a_deletion_that_was_sent_again_counts_as_deleted() -> None:
    n8n = three()

    def twice(call: Call) -> Answer:
        n8n.answer(call)
        again = n8n.answer(call)
        return Answer(call, again.url, again.status, again.headers, again.content, resent=True)

    n8n.script("DELETE /executions/2", twice)
    result = clear(n8n, all=True)
    assert (result.values["deleted"], result.values["not_found"], result.failure) == (3, [], None)


def test_what_somebody_else_has_deleted_meanwhile_is_no_failure() -> None:
    n8n = three()
    n8n.script("DELETE /executions/2", lambda _call: n8n.forget(2))
    result = clear(n8n, all=True)
    assert (result.values["deleted"], result.values["not_found"], result.failure) == (2, ["2"], None)


def test_a_list_that_breaks_off_keeps_what_was_done() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 6)), page=2)
    n8n.refuse(f"GET /executions?{cursor_below(5)}&status=success", 500, "Internal server error")
    result = clear(n8n, status=["success"])
    assert (result.changed, result.values["deleted_ids"]) == (True, ["1", "2"])
    assert sorted(n8n.rows) == [3, 4, 5]
    assert result.failure is not None
    assert "n8n failed at this call" in result.failure


def test_a_server_without_stop_is_told_and_the_version_named() -> None:
    n8n = FakeN8n(row(1), row(2, "waiting"), statuses="refused")
    result = clear(n8n, all=True, live="stop")
    assert result.failure is not None
    assert "2.10" in result.failure
    assert 2 in n8n.rows


def test_what_was_stopped_and_not_deleted_is_a_change() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.refuse("DELETE /executions/1", 500, "Internal server error")
    result = clear(n8n, all=True, live="stop")
    assert (n8n.rows[1]["status"], result.values["deleted"]) == ("canceled", 0)
    assert (result.changed, result.values["stopped"]) == (True, 1)
    assert result.failure is not None


def test_what_was_stopped_and_not_seen_to_be_over_is_a_change() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.refuse("GET /executions/1", 500, "Internal server error")
    result = clear(n8n, all=True, live="stop")
    assert n8n.rows[1]["status"] == "canceled"
    assert result.failure is not None
    assert result.changed is True


def stopped(n8n: FakeN8n, accepted: list[str] | None = None) -> Execution:
    client = n8n.client()
    execution = client.get("1")
    n8n.log.clear()
    return stop.stop_and_verify(client, execution, [] if accepted is None else accepted)


def test_a_stop_is_believed_when_the_execution_is_seen_to_be_over(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"))
    assert stopped(n8n).status == "canceled"
    assert n8n.log == ["POST /executions/1/stop", "GET /executions/1"]
    assert clock.slept == []


def test_a_worker_may_take_a_moment_and_finish_with_success_all_the_same() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("POST /executions/1/stop", lambda call: Answer(call, "u", 200, {}, b"{}"))
    n8n.script("GET /executions/1", lambda _call: None, times=2)
    n8n.script("GET /executions/1", lambda _call: n8n.end(1, "success"))
    assert stopped(n8n).status == "success"
    assert n8n.log.count("GET /executions/1") == 2


def test_what_goes_on_running_is_not_stopped_after_ten_seconds(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("POST /executions/1/stop", lambda call: Answer(call, "u", 200, {}, b"{}"))
    accepted: list[str] = []
    with pytest.raises(stop.NotStopped, match="execution 1 is still running after it was asked to stop"):
        stopped(n8n, accepted)
    assert accepted == ["1"]
    assert sum(clock.slept) == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("kind", ["exact", "ignored"])
def test_a_refusal_to_stop_what_has_just_ended_is_no_error(kind: str) -> None:
    n8n = FakeN8n(row(1, "running"), statuses=kind)
    n8n.script("POST /executions/1/stop", lambda _call: n8n.end(1, "success"))
    assert stopped(n8n).status == "success"


def test_a_refusal_to_stop_what_runs_on_is_told_in_n8ns_words(clock: Clock) -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.refuse("POST /executions/1/stop", 404, "Failed to find execution to stop")
    accepted: list[str] = []
    with pytest.raises(stop.NotStopped, match=r"n8n said: .*Failed to find execution to stop") as caught:
        stopped(n8n, accepted)
    assert accepted == []
    assert caught.value.status == 404
    assert sum(clock.slept) <= 1.25


def test_what_is_gone_before_it_is_stopped_is_not_found() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.script("POST /executions/1/stop", lambda _call: n8n.forget(1))
    with pytest.raises(errors.NotFound):
        stopped(n8n)


def test_a_key_that_may_not_stop_is_told_at_once() -> None:
    n8n = FakeN8n(row(1, "running"))
    n8n.scopes_missing = {"execution:stop"}
    with pytest.raises(errors.Forbidden, match="execution:stop"):
        stopped(n8n)
    assert n8n.log == ["POST /executions/1/stop"]
