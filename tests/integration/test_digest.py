"""Digests of what really failed, and what else is read of single executions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import run_tasks, writes
from tests.lab import workflows
from tests.lab.workflows import Node
from tests.servers import Server

HTTP = "n8n-nodes-base.httpRequest"
STOP = "n8n-nodes-base.stopAndError"
API = "NodeApiError"


def answering(status: int) -> Callable[[Server], Node]:
    def node(server: Server) -> Node:
        service = server.service()
        service.fail(status)
        return workflows.http_request(service.url)

    return node


def slow(server: Server) -> Node:
    service = server.service()
    service.slow(5)
    return workflows.http_request(service.url, timeout=300)


# What fails, and of its digest: type of the node and of the error, why it looks transient, a part of the message.
FAILURES: dict[str, tuple[Callable[[Server], Node], tuple[str, str, str | None, str]]] = {
    **{
        f"HTTP {status}": (answering(status), (HTTP, API, f"HTTP {status}", words))
        for status, words in {
            408: "invalid or could not be processed",
            425: "invalid or could not be processed",
            429: "too many requests",
            500: "was not able to process",
            502: "Bad gateway",
            503: "Service unavailable",
            504: "Gateway timed out",
        }.items()
    },
    **{
        f"HTTP {status}": (answering(status), (HTTP, API, None, words))
        for status, words in {400: "Bad request", 401: "Authorization failed", 404: "could not be found"}.items()
    },
    # No server listens on the port of the service that discards what it gets.
    "refused": (lambda _: workflows.http_request("http://127.0.0.1:9/"), (HTTP, API, "ECONNREFUSED", "refused the connection")),
    "no such name": (
        lambda _: workflows.http_request("http://no-such-host.invalid/"),
        (HTTP, API, "ENOTFOUND", "cannot be established"),
    ),
    "timed out": (slow, (HTTP, API, "ECONNABORTED", "aborted")),
    "on purpose": (
        lambda _: workflows.stop_and_error("Order 503 timed out"),
        (STOP, "NodeOperationError", None, "Order 503 timed out"),
    ),
}


def look(server: Server, folder: Path, **options: Any) -> dict[str, Any]:
    (result,) = run_tasks(server, [{"flowops.n8n.n8n_execution_info": options}], folder)
    return result


def test_every_real_failure_is_told_as_what_it_is(server: Server, tmp_path: Path) -> None:
    failed = {
        name: server.workflow([workflows.no_op(), make(server), workflows.no_op()]).run("error")
        for name, (make, _unused) in FAILURES.items()
    }
    result = look(server, tmp_path, execution_id=list(failed.values()), digest=True)
    digests = {record["id"]: record["digest"] for record in result["executions"]}
    for name, (_unused, (node_type, error_type, reason, words)) in FAILURES.items():
        told = digests[failed[name]]
        seen = (told["failing_node"], told["failing_node_type"], told["error_type"], told["transient_reason"])
        assert seen == ("Step 2", node_type, error_type, reason), name
        assert words in told["message"], name
        assert told["transient"] is (reason is not None), name
        assert told["data_missing"] is False
        assert told["http_status"] == (name[5:] if name.startswith("HTTP ") else None), name
        # What comes after it did not run.
        flow = [(step["name"], step["status"], step["runs"]) for step in told["flow"]]
        assert flow == [("Webhook", "success", 1), ("Step 1", "success", 1), ("Step 2", "error", 1)], name
    assert all("data" not in record for record in result["executions"])


def test_an_execution_that_went_well_has_nothing_that_failed(server: Server, tmp_path: Path) -> None:
    done = server.succeeds().run("success")
    (record,) = look(server, tmp_path, execution_id=[done], digest=True)["executions"]
    told = record["digest"]
    assert (told["failing_node"], told["message"], told["transient"], told["data_missing"]) == (None, None, False, False)
    assert [step["name"] for step in told["flow"]] == ["Webhook", "Step 1"]


@pytest.mark.only("2.13", "2.41")
def test_what_was_canceled_by_hand_is_not_transient(server: Server, tmp_path: Path) -> None:
    running = server.waits_seconds(30).run("running")
    assert server.api("POST", f"/executions/{running}/stop").ok
    server.reaches(running, "canceled")
    (record,) = look(server, tmp_path, execution_id=[running], digest=True)["executions"]
    told = record["digest"]
    assert (told["failing_node"], told["error_type"], told["transient"]) == (None, "ManualExecutionCancelledError", False)


def test_data_that_is_not_kept_is_no_error(server: Server, tmp_path: Path) -> None:
    done = server.fails().run("error")
    server.sql("DELETE FROM execution_data WHERE executionId = ?", int(done))
    result = look(server, tmp_path, execution_id=[done], digest=True)
    told = result["executions"][0]["digest"]
    assert not result.get("failed")
    assert (told["data_missing"], told["failing_node"], told["flow"]) == (True, None, [])


def test_a_chain_of_retries_is_told_from_each_of_its_members(server: Server, tmp_path: Path) -> None:
    workflow = server.flaky()
    original = workflow.run("error")
    first = server.api("POST", f"/executions/{original}/retry").json()["id"]
    workflow.stub.succeed()
    second = server.api("POST", f"/executions/{first}/retry").json()["id"]
    alone = workflow.run("success")
    server.calls.clear()
    result = look(server, tmp_path, workflow=[workflow.id], retry_chain=True)
    chains = {record["id"]: [member["id"] for member in record["retry_chain"]] for record in result["executions"]}
    whole = [original, first, second]
    assert chains == {**dict.fromkeys(whole, whole), alone: [alone]}
    newest = result["executions"][1]["retry_chain"]
    assert [member["status"] for member in newest] == ["error", "error", "success"]
    assert [member["retry_of"] for member in newest] == [None, original, first]
    assert writes(server) == []
    # The ancestors are among those that were found.
    assert not [call for call in server.calls if call.path.startswith("/api/v1/executions/")]
    (record,) = look(server, tmp_path, execution_id=[second], retry_chain=True)["executions"]
    assert [member["id"] for member in record["retry_chain"]] == whole


def test_what_cannot_be_meant_is_refused_before_any_request(server: Server, tmp_path: Path) -> None:
    asked = [
        ({"redact": True}, "include_data"),
        ({"nodes": []}, "nodes"),
        ({"nodes": [" "]}, "nodes"),
    ]
    server.calls.clear()
    results = run_tasks(server, [{"flowops.n8n.n8n_execution_info": options} for options, _unused in asked], tmp_path)
    for result, (_unused, word) in zip(results, asked, strict=True):
        assert result["failed"]
        assert word in result["msg"]
    assert len(server.calls) == 0


@pytest.mark.only("1.123", "2.13")
def test_a_server_that_cannot_redact_says_which_version_can(server: Server, tmp_path: Path) -> None:
    done = server.fails().run("error")
    result = look(server, tmp_path, execution_id=[done], digest=True, redact=True)
    assert result["failed"]
    assert "2.16" in result["msg"]
