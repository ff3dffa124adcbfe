"""What stops an execution, and what the server answers (2.10 and later)."""

from __future__ import annotations

import pytest

from tests.contract.common import V1, V2, ZOD_ERA, ok, refused
from tests.servers import Server
from tests.simulator.seed import Row

ANSWER = ["finished", "mode", "startedAt", "status", "stoppedAt"]
NOT_FOUND = (404, "Failed to find execution to stop")


@V1
def test_there_is_no_stop_yet(server: Server) -> None:
    execution = server.waits_seconds().run("running")
    assert refused(server.api("POST", f"/executions/{execution}/stop")) == (404, "not found")
    assert server.status(execution) == "running"


@V1
def test_and_stopping_many_is_taken_for_a_wrong_call_on_one(server: Server) -> None:
    answer = server.api("POST", "/executions/stop", json={"status": ["running"]})
    assert refused(answer) == (405, "POST method not allowed")


@V2
def test_a_running_execution_is_canceled(server: Server) -> None:
    workflow = server.waits_seconds()
    execution = workflow.run("running")
    answer = ok(server.api("POST", f"/executions/{execution}/stop"))
    assert (answer["status"], answer["finished"], answer["mode"]) == ("canceled", False, "webhook")
    stopped = ok(server.api("GET", f"/executions/{execution}"))
    assert (stopped["status"], stopped["finished"]) == ("canceled", False)
    assert stopped["stoppedAt"] == answer["stoppedAt"]
    assert workflow.listed() == [execution]
    assert workflow.listed(status="running") == []


@V2
def test_a_waiting_execution_is_canceled(server: Server) -> None:
    execution = server.waits_hours().run("waiting")
    assert ok(server.api("POST", f"/executions/{execution}/stop"))["status"] == "canceled"
    stopped = ok(server.api("GET", f"/executions/{execution}"))
    assert (stopped["status"], stopped["waitTill"]) == ("canceled", None)


@ZOD_ERA
def test_the_answer_does_not_name_the_execution(server: Server) -> None:
    execution = server.waits_seconds().run("running")
    assert sorted(ok(server.api("POST", f"/executions/{execution}/stop"))) == ANSWER


@V2
@pytest.mark.parametrize("status", ["new", "running", "unknown", "waiting"])
def test_what_only_the_database_takes_for_live_is_canceled_too(server: Server, status: str) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status=status)])
    server.sql("UPDATE execution_entity SET startedAt = createdAt WHERE id = ?", int(execution))
    assert ok(server.api("POST", f"/executions/{execution}/stop"))["status"] == "canceled"
    assert server.status(execution) == "canceled"


@ZOD_ERA
def test_what_has_no_data_is_not_found_though_it_is_there(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status="running", data=None)])
    assert refused(server.api("POST", f"/executions/{execution}/stop")) == NOT_FOUND
    assert ok(server.api("GET", f"/executions/{execution}"))["status"] == "running"


@V2
def test_an_unknown_id_is_not_found(server: Server) -> None:
    assert refused(server.api("POST", "/executions/999999999/stop")) == NOT_FOUND


@ZOD_ERA
@pytest.mark.parametrize("status", ["canceled", "crashed", "error", "success"])
def test_what_is_over_is_refused_with_409(server: Server, status: str) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status=status)])
    message = f"Only running or waiting executions can be stopped and {execution} is currently {status}"
    assert refused(server.api("POST", f"/executions/{execution}/stop")) == (409, message)


@ZOD_ERA
def test_many_are_stopped_and_counted(server: Server) -> None:
    workflow = server.waits_seconds()
    ids = [workflow.run("running") for _unused in range(2)]
    body = {"status": ["running"], "workflowId": workflow.id}
    assert ok(server.api("POST", "/executions/stop", json=body)) == {"stopped": 2}
    assert [server.status(execution) for execution in ids] == ["canceled"] * 2
    assert ok(server.api("POST", "/executions/stop", json=body)) == {"stopped": 0}


@ZOD_ERA
def test_of_many_only_those_of_the_named_status_are_stopped(server: Server) -> None:
    workflow = server.waits_hours()
    execution = workflow.run("waiting")
    answer = server.api("POST", "/executions/stop", json={"status": ["running", "queued"], "workflowId": workflow.id})
    assert ok(answer) == {"stopped": 0}
    answer = server.api("POST", "/executions/stop", json={"status": ["waiting"], "workflowId": workflow.id})
    assert ok(answer) == {"stopped": 1}
    assert server.status(execution) == "canceled"


@ZOD_ERA
def test_the_bounds_of_the_start_hold_for_many(server: Server) -> None:
    workflow = server.waits_hours()
    execution = workflow.run("waiting")
    body = {"status": ["waiting"], "workflowId": workflow.id, "startedBefore": "2020-01-01T00:00:00Z"}
    assert ok(server.api("POST", "/executions/stop", json=body)) == {"stopped": 0}
    assert server.status(execution) == "waiting"


@ZOD_ERA
def test_many_of_an_unknown_workflow_are_404(server: Server) -> None:
    body = {"status": ["running"], "workflowId": "unknownWorkflow0"}
    answer = server.api("POST", "/executions/stop", json=body)
    assert refused(answer) == (404, "Workflow not found or not accessible")


@ZOD_ERA
def test_what_is_new_elsewhere_is_called_queued_here(server: Server) -> None:
    answer = server.api("POST", "/executions/stop", json={"status": ["new"]})
    message = "request/body/status/0 Invalid enum value. Expected 'queued' | 'running' | 'waiting', received 'new'"
    assert refused(answer) == (400, message)


@ZOD_ERA
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "request/body must have required property 'status'"),
        ({"status": []}, "request/body/status must include at least one status"),
        ({"status": "running"}, "request/body/status Expected array, received string"),
    ],
)
def test_many_without_a_status_is_refused(server: Server, body: object, message: str) -> None:
    assert refused(server.api("POST", "/executions/stop", json=body)) == (400, message)
