# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""n8n behind a gateway that puts its answers into an envelope, read by the dialect n8n as it stands."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._execution import from_record
from ansible_collections.flowops.n8n.plugins.module_utils._run_data import read_trace
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Query
from ansible_collections.flowops.n8n.tests.unit.rows import row

n8n = DIALECTS["n8n"]
ROW = {**row(5, "error"), "id": "exec-5", "workflowName": "Nightly"}
RETRY = n8n.retry_call("exec-5", False, None, ())


def said(call: Call, body: t.Any, status: int = 200) -> Answer:
    return Answer(call, "https://n8n.example.com/api/v1", status, {}, json.dumps(body).encode())


@pytest.mark.parametrize("end", [{}, {"nextCursor": None}, {"nextCursor": ""}])
def test_a_list_in_its_envelope(end: dict[str, t.Any]) -> None:
    page = n8n.read_page(said(n8n.list_call(Query(), None), {"data": {"results": [ROW], **end}}))
    assert ([one.id for one in page.executions], page.cursor) == (["exec-5"], None)
    page = n8n.read_page(said(n8n.list_call(Query(), None), {"data": {"results": [], "nextCursor": "cursor-abc123"}}))
    assert (page.executions, page.cursor) == ((), "cursor-abc123")


@pytest.mark.parametrize(
    "body", [{"data": {}}, {"data": {"results": {}}}, {"results": []}, {"data": {"data": []}}, {"data": None}]
)
def test_another_envelope_is_no_list(body: t.Any) -> None:
    with pytest.raises(_errors.NotAnN8nAnswer):
        n8n.read_page(said(n8n.list_call(Query(), None), body))


def test_one_execution_in_its_envelope_and_without() -> None:
    get = n8n.get_call("exec-5", False)
    assert n8n.read_execution(said(get, {"data": ROW})) == n8n.read_execution(said(get, ROW))
    # n8n's own answer with data has an id beside it.
    assert n8n.read_execution(said(get, {**row(5), "data": {"resultData": {}}})).data == {"resultData": {}}


def test_the_error_beside_the_data_is_told_and_digested() -> None:
    error = {"message": "Connection timeout", "node": "HTTP Request"}
    whole = {**ROW, "data": {"resultData": {"runData": {}}}, "error": error}
    execution = n8n.read_execution(said(n8n.get_call("exec-5", True), {"data": whole}))
    for one in (execution, from_record(execution.record())):
        trace = read_trace(one)
        assert trace is not None
        assert trace.error is not None
        assert (trace.error.message, trace.error.node) == ("Connection timeout", "HTTP Request")
    # A list tells it too, and what strangers wrote is not printed unless data is asked for.
    assert "error" not in n8n.read_execution(said(n8n.get_call("exec-5", False), {"data": {**ROW, "error": error}})).extra


def test_a_deletion_has_succeeded_or_not() -> None:
    call = n8n.delete_call("exec-5")
    n8n.read_deleted(said(call, {"data": {"success": True}}))
    for body in ({"data": {"success": False}}, {"success": True}, {"data": {}}, {"data": {"id": "exec-6"}}):
        with pytest.raises(_errors.NotAnN8nAnswer):
            n8n.read_deleted(said(call, body))


def test_a_retry_names_the_new_execution() -> None:
    told = {"executionId": "exec-6", "status": "running", "retryOf": "exec-5"}
    made = n8n.read_retry(said(RETRY, {"data": told}))
    assert (made.id, made.status, made.retry_of, made.mode) == ("exec-6", "running", "exec-5", "retry")


@pytest.mark.parametrize("call", [n8n.get_call("exec-5", False), n8n.delete_call("exec-5"), RETRY])
def test_not_found_is_its_own_code_for_one_execution_alone(call: Call) -> None:
    body = {"code": "EXECUTION_NOT_FOUND", "message": "Execution with ID 'exec-5' not found"}
    with pytest.raises(_errors.NotFound):
        n8n.read_execution(said(call, body, 404))
    with pytest.raises(_errors.Rejected):
        n8n.read_page(said(n8n.list_call(Query(), None), body, 404))
    with pytest.raises(_errors.Rejected):
        n8n.read_execution(said(call, {**body, "code": "ROUTE_NOT_FOUND"}, 404))


def test_a_success_is_not_retried() -> None:
    body = {"code": "CANNOT_RETRY_SUCCESS", "message": "Cannot retry successful execution"}
    with pytest.raises(_errors.NotRetryable) as raised:
        n8n.read_retry(said(RETRY, body, 400))
    assert (raised.value.succeeded, raised.value.queued) == (True, False)
