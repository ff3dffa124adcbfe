"""What stays of a retry: on the original, along a chain, and where a workflow saves nothing."""

from __future__ import annotations

import pytest

from tests.contract.common import ok, refused
from tests.servers import Server, Workflow, eventually

LOADED = {"loadWorkflow": True}


def success_of(server: Server, execution: str) -> str | None:
    """The retry that made good an execution, in the words of the API."""
    told = ok(server.api("GET", f"/executions/{execution}"))["retrySuccessId"]
    return None if told is None else str(told)


def retry(server: Server, execution: str, body: object = None) -> tuple[str, str]:
    """The id and the status of a retry, once the server has put away what it was."""
    answer = ok(server.api("POST", f"/executions/{execution}/retry", json=body))
    return answer["id"], answer["status"]


def is_kept(server: Server, execution: str) -> bool:
    return server.api("GET", f"/executions/{execution}").status_code == 200


def is_gone(server: Server, execution: str) -> bool:
    """A retry that is not saved is deleted a moment after the answer."""
    eventually(lambda: server.row(execution) is None)
    return refused(server.api("GET", f"/executions/{execution}")) == (404, "Not Found")


def failed(workflow: Workflow) -> str:
    """A failed execution of a workflow whose service is well again."""
    execution = workflow.run("error")
    workflow.stub.succeed()
    return execution


def test_the_original_names_a_retry_only_after_a_success(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    retry(server, execution)
    assert success_of(server, execution) is None
    workflow.stub.succeed()
    made, _unused = retry(server, execution)
    assert success_of(server, execution) == made


def test_the_latest_success_is_the_one_that_is_named(server: Server) -> None:
    execution = failed(server.flaky())
    retry(server, execution)
    latest, _unused = retry(server, execution)
    assert success_of(server, execution) == latest


def test_the_original_stays_as_it_was(server: Server) -> None:
    execution = failed(server.flaky())
    before = ok(server.api("GET", f"/executions/{execution}"))
    made, _unused = retry(server, execution)
    assert ok(server.api("GET", f"/executions/{execution}")) == {**before, "retrySuccessId": made}


def test_a_success_two_steps_on_does_not_mark_the_original(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    second, _unused = retry(server, execution)
    workflow.stub.succeed()
    third, status = retry(server, second)
    assert status == "success"
    assert success_of(server, second) == third
    assert success_of(server, execution) is None
    assert retry(server, execution)[1] == "success"


def test_retry_of_names_the_parent_and_not_the_first_of_the_chain(server: Server) -> None:
    workflow = server.fails()
    execution = workflow.run("error")
    second, _unused = retry(server, execution)
    third, _unused = retry(server, second)
    assert {row["id"]: row["retryOf"] for row in server.listed(workflowId=workflow.id)} == {
        third: second,
        second: execution,
        execution: None,
    }


def test_a_success_that_is_not_saved_is_gone_and_names_nothing(server: Server) -> None:
    execution = failed(server.flaky(saveDataSuccessExecution="none"))
    made, status = retry(server, execution)
    assert status == "success"
    assert is_gone(server, made)
    assert success_of(server, execution) is None


def test_so_asking_again_runs_it_again(server: Server) -> None:
    workflow = server.flaky(saveDataSuccessExecution="none")
    execution = failed(workflow)
    before = workflow.stub.calls
    assert retry(server, execution)[0] != retry(server, execution)[0]
    assert workflow.stub.calls == before + 2


def test_a_failed_retry_that_is_not_saved_is_gone(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    server.save_settings(workflow, saveDataErrorExecution="none")
    made, status = retry(server, execution, LOADED)
    assert status == "error"
    assert is_gone(server, made)


@pytest.mark.parametrize(
    ("then", "now", "body", "kept"),
    [
        ("all", "none", None, True),
        ("all", "none", LOADED, False),
        ("none", "all", None, False),
        ("none", "all", LOADED, True),
    ],
)
def test_a_retry_saves_by_the_settings_of_then_and_with_load_workflow_by_those_of_now(
    server: Server, then: str, now: str, body: object, kept: bool
) -> None:
    workflow = server.flaky(saveDataSuccessExecution=then)
    execution = failed(workflow)
    server.save_settings(workflow, saveDataSuccessExecution=now)
    made, status = retry(server, execution, body)
    assert status == "success"
    assert is_kept(server, made) if kept else is_gone(server, made)
    assert success_of(server, execution) == (made if kept else None)


def test_failures_are_saved_by_the_settings_of_then(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    server.save_settings(workflow, saveDataErrorExecution="none")
    made, status = retry(server, execution)
    assert status == "error"
    assert is_kept(server, made)


def test_the_settings_of_then_come_with_the_data_of_the_execution(server: Server) -> None:
    workflow = server.flaky(saveDataSuccessExecution="none")
    execution = workflow.run("error")
    server.save_settings(workflow, saveDataSuccessExecution="all")
    then = ok(server.api("GET", f"/executions/{execution}", params={"includeData": "true"}))["workflowData"]
    assert then["settings"]["saveDataSuccessExecution"] == "none"
    now = ok(server.api("GET", f"/workflows/{workflow.id}"))
    assert now["settings"]["saveDataSuccessExecution"] == "all"
