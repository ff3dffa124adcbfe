"""The API of a gateway in front of n8n, as its document has it. The simulator is the only server of its kind there is."""

from __future__ import annotations

import pytest
import requests

from tests.servers import Server, Servers
from tests.simulator.seed import Row


@pytest.fixture(scope="module")
def gateway(servers: Servers) -> Server:
    return servers["simulator-enveloped"]


def code(answer: requests.Response) -> tuple[int, str]:
    assert list(answer.json()) == ["code", "message"], answer.text
    return answer.status_code, answer.json()["code"]


def test_a_list_has_its_rows_in_an_envelope(gateway: Server) -> None:
    workflow = gateway.succeeds()
    ids = [f"exec-{number}" for number in gateway.insert([Row(workflow.id, status) for status in ["error", *["success"] * 24]])]
    query: dict[str, str] = {"workflowId": workflow.id}
    first = gateway.api("GET", "/executions", params=query).json()
    assert list(first) == ["data"]
    assert [row["id"] for row in first["data"]["results"]] == ids[:4:-1]
    rest = gateway.api("GET", "/executions", params={**query, "cursor": first["data"]["nextCursor"]}).json()
    assert [row["id"] for row in rest["data"]["results"]] == ids[4::-1]
    assert "nextCursor" not in rest["data"]
    (failed,) = gateway.api("GET", "/executions", params={**query, "status": "error"}).json()["data"]["results"]
    assert (failed["id"], failed["workflowName"]) == (ids[0], workflow.name)


def test_one_execution_tells_its_error_beside_its_data(gateway: Server) -> None:
    run = f"exec-{gateway.fails().run('error')}"
    plain = gateway.api("GET", f"/executions/{run}").json()["data"]
    assert (plain["id"], "data" in plain) == (run, False)
    whole = gateway.api("GET", f"/executions/{run}", params={"includeData": "true"}).json()["data"]
    assert whole["error"]["node"] == "Step 1"
    assert "error" not in whole["data"]["resultData"]


def test_a_retry_answers_at_once(gateway: Server) -> None:
    flaky = gateway.flaky()
    failed = f"exec-{flaky.run('error')}"
    flaky.stub.succeed()
    told = gateway.api("POST", f"/executions/{failed}/retry").json()["data"]
    assert (told["status"], told["retryOf"]) == ("running", failed)
    gateway.reaches(told["executionId"].removeprefix("exec-"), "success")
    assert gateway.api("GET", f"/executions/{told['executionId']}").json()["data"]["retryOf"] == failed
    again = gateway.api("POST", f"/executions/{told['executionId']}/retry")
    assert code(again) == (400, "CANNOT_RETRY_SUCCESS")


def test_a_deletion_says_that_it_succeeded(gateway: Server) -> None:
    run = f"exec-{gateway.succeeds().run('success')}"
    assert gateway.api("DELETE", f"/executions/{run}").json() == {"data": {"success": True}}
    assert code(gateway.api("DELETE", f"/executions/{run}")) == (404, "EXECUTION_NOT_FOUND")
    assert code(gateway.api("GET", f"/executions/{run}", key="nobody-0123456789")) == (401, "UNAUTHORIZED")
