"""n8n-work's API as its document has it. The simulator is the only server of that platform there is."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.servers import Server, Servers
from tests.simulator.seed import Row


@pytest.fixture(scope="module")
def work(servers: Servers) -> Server:
    return servers["simulator-n8n_work"]


def call(work: Server, method: str, path: str, key: str | None = None, **options: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {key or work.api_key}"}
    return work.request(method, f"/v1{path}", headers=headers, **options)


def code(answer: requests.Response) -> tuple[int, str]:
    assert list(answer.json()) == ["error"], answer.text
    return answer.status_code, answer.json()["error"]["code"]


def insert(work: Server, *statuses: str, mode: str = "webhook") -> tuple[str, list[str]]:
    workflow = work.succeeds()
    rows = work.insert(Row(workflow.id, status, mode=mode) for status in statuses)
    return workflow.id, [f"exec_{number}" for number in rows]


def test_a_list_has_pages_that_say_whether_more_follow(work: Server) -> None:
    workflow, ids = insert(work, *["success"] * 5)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2, "filter[workflowId]": workflow}
    while True:
        body = call(work, "GET", "/executions", params=query).json()
        seen += [row["id"] for row in body["data"]]
        assert body["pagination"]["total"] == 5
        if not body["pagination"]["hasMore"]:
            assert "nextCursor" not in body["pagination"]
            break
        query["cursor"] = body["pagination"]["nextCursor"]
    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize("limit, count", [(None, 20), (100, 30)])
def test_a_page_holds_20_and_100_at_most(work: Server, limit: int | None, count: int) -> None:
    workflow, _ids = insert(work, *["success"] * 30)
    query = {"filter[workflowId]": workflow, **({} if limit is None else {"limit": limit})}
    assert len(call(work, "GET", "/executions", params=query).json()["data"]) == count
    assert code(call(work, "GET", "/executions", params={"limit": 101})) == (400, "INVALID_REQUEST")


def test_filters_go_by_its_own_words(work: Server) -> None:
    workflow, ids = insert(work, "error", "crashed", "new", "canceled", mode="trigger")
    listed = {"filter[workflowId]": workflow}
    for status, expected in (("failed", ids[0]), ("timeout", ids[1]), ("queued", ids[2]), ("cancelled", ids[3])):
        (row,) = call(work, "GET", "/executions", params={**listed, "filter[status]": status}).json()["data"]
        assert (row["id"], row["status"], row["mode"]) == (expected, status, "scheduled")
    body = call(work, "GET", "/executions", params={**listed, "filter[mode]": "manual"}).json()
    assert body["data"] == []


def test_a_custom_range_has_two_ends(work: Server) -> None:
    workflow, ids = insert(work, "success")
    (row,) = call(work, "GET", "/executions", params={"filter[workflowId]": workflow}).json()["data"]
    bounds = {"filter[dateRange]": "custom", "filter[startDate]": row["startedAt"], "filter[endDate]": row["startedAt"]}
    found = call(work, "GET", "/executions", params={"filter[workflowId]": workflow, **bounds}).json()["data"]
    assert [one["id"] for one in found] == ids
    bounds["filter[startDate]"] = "2100-01-01T00:00:00Z"
    assert call(work, "GET", "/executions", params={"filter[workflowId]": workflow, **bounds}).json()["data"] == []


def test_one_execution_comes_with_what_is_asked_for(work: Server) -> None:
    run = f"exec_{work.fails().run('error')}"
    plain = call(work, "GET", f"/executions/{run}").json()
    assert (plain["id"], plain["status"]) == (run, "failed")
    assert not {"executionData", "error", "logs", "metadata", "retryOf"} & set(plain)
    whole = call(work, "GET", f"/executions/{run}", params={"include": "data,error,logs,metadata"}).json()
    assert {node["nodeName"] for node in whole["executionData"]} == {"Webhook", "Step 1"}
    assert whole["error"]["nodeId"] in {node["nodeId"] for node in whole["executionData"]}
    assert whole["logs"][-1]["level"] == "error"
    assert whole["metadata"]["nodeCount"] == 2


def test_the_data_of_nodes_and_the_log_have_calls_of_their_own(work: Server) -> None:
    run = f"exec_{work.fails().run('error')}"
    nodes = call(work, "GET", f"/executions/{run}/data").json()["nodes"]
    first, second = nodes
    assert call(work, "GET", f"/executions/{run}/data", params={"nodeId": second}).json()["nodes"] == {second: nodes[second]}
    assert call(work, "GET", f"/executions/{run}/nodes/{first}/data").json()["output"] == nodes[first]["output"]
    assert code(call(work, "GET", f"/executions/{run}/nodes/nobody/data")) == (404, "NODE_NOT_FOUND")
    logs = call(work, "GET", f"/executions/{run}/logs", params={"level": "error"}).json()["logs"]
    assert [entry["nodeId"] for entry in logs] == [second]
    assert code(call(work, "GET", f"/executions/{run}/logs", params={"limit": 1001})) == (400, "INVALID_REQUEST")


def test_a_retry_answers_at_once_and_the_execution_does_not_say_what_it_is_a_retry_of(work: Server) -> None:
    flaky = work.flaky()
    failed = f"exec_{flaky.run('error')}"
    flaky.stub.succeed()
    told = call(work, "POST", f"/executions/{failed}/retry", json={"loadWorkflow": True}).json()
    assert (told["status"], told["retryOf"]) == ("running", failed)
    work.reaches(told["executionId"].removeprefix("exec_"), "success")
    made = call(work, "GET", f"/executions/{told['executionId']}").json()
    assert (made["mode"], "retryOf" in made) == ("retry", False)
    assert code(call(work, "POST", f"/executions/{made['id']}/retry", json={})) == (400, "CANNOT_RETRY_EXECUTION")


def test_a_retry_begins_at_the_node_that_is_named(work: Server) -> None:
    flaky = work.flaky()
    failed = f"exec_{flaky.run('error')}"
    flaky.stub.succeed()
    first = next(iter(call(work, "GET", f"/executions/{failed}/data").json()["nodes"]))
    assert code(call(work, "POST", f"/executions/{failed}/retry", json={"fromNode": "nobody"})) == (400, "NODE_NOT_FOUND")
    told = call(work, "POST", f"/executions/{failed}/retry", json={"fromNode": first}).json()
    assert work.reaches(told["executionId"].removeprefix("exec_"), "success", "error") == "success"


def test_what_runs_can_be_canceled_and_what_is_over_cannot(work: Server) -> None:
    run = f"exec_{work.waits_seconds(60).run('running')}"
    told = call(work, "POST", f"/executions/{run}/cancel").json()
    assert (told["executionId"], told["status"]) == (run, "cancelled")
    again = call(work, "POST", f"/executions/{run}/cancel")
    assert code(again) == (409, "CANNOT_CANCEL_EXECUTION")
    assert again.json()["error"]["status"] == "cancelled"


def test_a_deletion_has_an_empty_answer_and_cannot_be_repeated(work: Server) -> None:
    _workflow, (first,) = insert(work, "success")
    answer = call(work, "DELETE", f"/executions/{first}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert code(call(work, "DELETE", f"/executions/{first}")) == (404, "EXECUTION_NOT_FOUND")


def test_statistics_add_up(work: Server) -> None:
    workflow = work.succeeds()
    workflow.run("success")
    query = {"period": "1h", "workflowId": workflow.id, "granularity": "hour"}
    told = call(work, "GET", "/executions/statistics", params=query).json()
    assert (told["totalExecutions"], told["successfulExecutions"], told["failedExecutions"]) == (1, 1, 0)
    assert told["byStatus"] == {"success": 1}
    assert sum(bucket["executions"] for bucket in told["data"]) == 1
    assert told["byWorkflow"][0]["workflowId"] == workflow.id


def test_a_token_is_wanted_and_permission(work: Server) -> None:
    assert code(call(work, "GET", "/executions", key="nobody-0123456789")) == (401, "UNAUTHORIZED")
    refused = call(work, "DELETE", "/executions/exec_1", key=work.key("execution:list"))
    assert code(refused) == (403, "INSUFFICIENT_PERMISSIONS")
    assert refused.json()["error"]["requiredPermission"] == "executions:delete"


@pytest.mark.parametrize("execution_id", ["exec_0", "exec_x", "1", "exec_999999999"])
def test_an_unknown_id_is_not_found_in_its_words(work: Server, execution_id: str) -> None:
    answer = call(work, "GET", f"/executions/{execution_id}")
    assert code(answer) == (404, "EXECUTION_NOT_FOUND")
    assert answer.json()["error"]["message"] == f"Execution with ID '{execution_id}' not found"


@pytest.mark.parametrize("times", [1, 2])
def test_answers_may_be_wrapped_up(work: Server, times: int) -> None:
    work.simulator.wrapping = times
    try:
        body = call(work, "GET", "/executions").json()
    finally:
        work.simulator.wrapping = 0
    for _unused in range(times):
        assert list(body) == ["success", "data"]
        body = body["data"]
    assert set(body) == {"data", "pagination"}
