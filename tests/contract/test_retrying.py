"""What POST /executions/{id}/retry runs, and what it answers."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.contract.common import V2, VALIDATOR_ERA, ZOD_ERA, ok, refused
from tests.servers import Server, eventually
from tests.simulator.seed import Row

NOTHING_TO_REPLAY = (409, "The execution was aborted before starting, so it cannot be retried")
QUEUED = (409, "Execution is queued to run (not yet started) so it cannot be retried")


def retried(server: Server, execution: str, body: object = None) -> Any:
    return ok(server.api("POST", f"/executions/{execution}/retry", json=body))


def test_a_retry_answers_200_after_the_new_run_has_ended(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    workflow.stub.succeed()
    retry = retried(server, execution)
    assert (retry["mode"], retry["status"], retry["finished"]) == ("retry", "success", True)
    assert retry["workflowId"] == workflow.id
    assert server.status(retry["id"]) == "success"


def test_a_failed_retry_answers_200_too(server: Server) -> None:
    execution = server.fails().run("error")
    retry = retried(server, execution)
    assert (retry["status"], retry["finished"]) == ("error", False)
    assert ok(server.api("GET", f"/executions/{retry['id']}"))["status"] == "error"


def test_a_retry_that_meets_a_wait_answers_once_it_is_parked(server: Server) -> None:
    workflow = server.flaky_then_waits()
    execution = workflow.run("error")
    workflow.stub.succeed()
    retry = retried(server, execution)
    assert (retry["status"], retry["finished"]) == ("waiting", False)
    assert retry["waitTill"] is not None
    assert server.status(retry["id"]) == "waiting"


def test_the_answer_carries_the_data_and_the_workflow(server: Server) -> None:
    workflow = server.fails()
    retry = retried(server, workflow.run("error"))
    assert retry["workflowData"]["name"] == workflow.name
    assert retry["data"]["resultData"]["error"]["message"] == "Always fails"
    assert not {"stoppedAt", "retrySuccessId"} & set(retry)


@VALIDATOR_ERA
def test_retry_of_is_a_number_in_the_answer(server: Server) -> None:
    execution = server.fails().run("error")
    assert retried(server, execution)["retryOf"] == int(execution)


@ZOD_ERA
def test_retry_of_is_a_string_in_the_answer(server: Server) -> None:
    execution = server.fails().run("error")
    assert retried(server, execution)["retryOf"] == execution


@pytest.mark.parametrize("body", [None, {}, {"loadWorkflow": False}, {"anything": 1}])
def test_the_body_is_optional(server: Server, body: object) -> None:
    assert retried(server, server.fails().run("error"), body)["status"] == "error"


def test_the_run_begins_at_the_node_that_failed(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    retry = retried(server, execution)
    runs = retry["data"]["resultData"]["runData"]
    old = ok(server.api("GET", f"/executions/{execution}", params={"includeData": "true"}))["data"]["resultData"]
    assert runs["Webhook"][0]["startTime"] == old["runData"]["Webhook"][0]["startTime"]
    assert runs["Step 1"][0]["startTime"] > old["runData"]["Step 1"][0]["startTime"]


def test_what_was_retried_already_is_retried_again(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    workflow.stub.succeed()
    ids = [retried(server, execution)["id"] for _unused in range(2)]
    assert workflow.listed() == [*ids[::-1], execution]
    assert {row["retryOf"] for row in server.listed(workflowId=workflow.id)} == {None, execution}


@pytest.mark.parametrize("status", ["crashed", "canceled"])
def test_what_crashed_or_was_canceled_is_retried(server: Server, status: str) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    server.sql("UPDATE execution_entity SET status = ? WHERE id = ?", status, int(execution))
    workflow.stub.succeed()
    assert retried(server, execution)["status"] == "success"
    assert server.status(execution) == status


def test_a_running_execution_is_run_a_second_time(server: Server) -> None:
    workflow = server.waits_seconds(1)
    execution = workflow.run("running")
    retry = retried(server, execution)
    assert retry["status"] == "success"
    assert workflow.ids() == [execution, retry["id"]]


def test_a_waiting_execution_runs_on_at_once(server: Server) -> None:
    execution = server.waits_hours().run("waiting")
    assert retried(server, execution)["status"] == "success"
    assert server.status(execution) == "waiting"


@VALIDATOR_ERA
def test_what_succeeded_is_refused_with_400(server: Server) -> None:
    answer = server.api("POST", f"/executions/{server.succeeds().run('success')}/retry")
    assert refused(answer) == (400, "The execution succeeded, so it cannot be retried.")


@ZOD_ERA
def test_what_succeeded_is_refused_with_409(server: Server) -> None:
    answer = server.api("POST", f"/executions/{server.succeeds().run('success')}/retry")
    assert refused(answer) == (409, "The execution succeeded, so it cannot be retried.")


def test_what_is_queued_is_refused(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status="new")])
    assert refused(server.api("POST", f"/executions/{execution}/retry")) == QUEUED


@pytest.mark.parametrize("status", ["crashed", "error", "success"])
def test_what_has_stored_nothing_to_replay_is_refused(server: Server, status: str) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status=status, data={"resultData": {"runData": {}}})])
    assert refused(server.api("POST", f"/executions/{execution}/retry")) == NOTHING_TO_REPLAY


@VALIDATOR_ERA
def test_a_row_without_data_is_an_error_of_the_server(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status="crashed", data=None)])
    answer = server.api("POST", f"/executions/{execution}/retry")
    assert refused(answer) == (400, "Cannot read properties of null (reading 'data')")


@ZOD_ERA
def test_a_row_without_data_is_said_not_to_exist_though_it_does(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status="crashed", data=None)])
    answer = server.api("POST", f"/executions/{execution}/retry")
    assert refused(answer) == (404, f'The execution with the ID "{execution}" does not exist.')
    ok(server.api("GET", f"/executions/{execution}"))


def test_an_unknown_id_does_not_exist(server: Server) -> None:
    answer = server.api("POST", "/executions/999999999/retry")
    assert refused(answer) == (404, 'The execution with the ID "999999999" does not exist.')


def test_a_retry_is_running_in_the_list_of_what_runs_before_it_is_in_the_plain_one(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    workflow.stub.succeed()
    workflow.stub.slow(30)
    with ThreadPoolExecutor() as pool:
        asked: Future[Any] = pool.submit(retried, server, execution)
        (row,) = eventually(lambda: server.listed(workflowId=workflow.id, status="running"))
        assert (row["retryOf"], row["mode"]) == (execution, "retry")
        assert workflow.listed() == [execution]
        assert not asked.done()
        workflow.stub.release()
        assert asked.result()["id"] == row["id"]
    assert workflow.listed() == [row["id"], execution]


def test_a_client_that_hangs_up_does_not_stop_the_retry(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    workflow.stub.succeed()
    workflow.stub.slow(30)
    with pytest.raises(requests.Timeout):
        server.api("POST", f"/executions/{execution}/retry", timeout=0.5)
    (row,) = server.listed(workflowId=workflow.id, status="running")
    workflow.stub.release()
    server.reaches(row["id"], "success")
    assert ok(server.api("GET", f"/executions/{execution}"))["retrySuccessId"] == row["id"]


@V2
def test_what_was_stopped_while_running_ends_as_error_and_yet_counts_as_success(server: Server) -> None:
    """The stop leaves its error in the data without naming a node, so that the retry keeps it."""
    workflow = server.flaky()
    workflow.stub.succeed()
    workflow.stub.slow(30)
    execution = workflow.run("running")
    eventually(lambda: workflow.stub.calls)
    ok(server.api("POST", f"/executions/{execution}/stop"))
    workflow.stub.release()
    retry = retried(server, execution)
    assert (retry["status"], retry["finished"]) == ("error", True)
    assert ok(server.api("GET", f"/executions/{execution}"))["retrySuccessId"] == retry["id"]
