# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes to n8n, and how its answers are read."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError, NotAnN8nAnswer
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Workflow
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Query
from ansible_collections.flowops.n8n.tests.unit.rows import Row, at, moment, row

n8n = DIALECTS["n8n"]

GET = n8n.get_call("5", False)
NO_IDS: tuple[t.Any, ...] = (None, True, 1.5, ["5"], "", {}, "../5", "5 ")


def good(call: Call, body: t.Any) -> Answer:
    return Answer(
        call, "https://n8n.example.com/api/v1" + call.path, 200, {"Content-Type": "application/json"}, json.dumps(body).encode()
    )


def execution(one: Row) -> t.Any:
    return n8n.read_execution(good(GET, one))


def test_a_list_asks_for_the_largest_page_that_every_version_allows() -> None:
    assert n8n.list_call(Query(), None) == Call("GET", "/executions", (("limit", "250"),), scope="execution:list")


def test_a_list_says_every_filter_again_with_the_cursor() -> None:
    query = Query("w1", "error", None, "p1", moment(0), moment(1.5))
    assert n8n.list_call(query, "abc").query == (
        ("limit", "250"),
        ("cursor", "abc"),
        ("status", "error"),
        ("workflowId", "w1"),
        ("projectId", "p1"),
        ("startedAfter", "2026-11-01T00:00:00.000Z"),
        ("startedBefore", "2026-11-01T01:30:00.000Z"),
    )


def test_only_the_retry_is_not_to_be_repeated() -> None:
    calls = [n8n.list_call(Query(), None), GET, n8n.delete_call("5"), n8n.stop_call("5"), n8n.workflow_call("w")]
    assert all(call.repeatable for call in calls)
    assert not n8n.retry_call("5", False, None, ()).repeatable


@pytest.mark.parametrize("load_workflow", [True, False])
def test_a_retry_says_which_workflow_is_to_run(load_workflow: bool) -> None:
    call = n8n.retry_call("5", load_workflow, None, ())
    assert (call.method, call.path, call.query, call.body) == ("POST", "/executions/5/retry", (), {"loadWorkflow": load_workflow})


@pytest.mark.parametrize("hostile", ["../workflows/1", "1?x=1", "a/b", "..", "1#x", "1%2f2"])
def test_an_id_stays_one_segment_of_the_path(hostile: str) -> None:
    for call in (n8n.get_call(hostile, True), n8n.delete_call(hostile), n8n.workflow_call(hostile)):
        assert call.path.count("/") == 2
        assert not set("?#") & set(call.path)
        assert "/.." not in call.path


def test_data_is_asked_for_only_where_it_is_wanted() -> None:
    assert GET.query == ()
    assert n8n.get_call("5", True).query == (("includeData", "true"),)


def test_the_key_has_one_header_and_is_in_no_other_form() -> None:
    assert n8n.key_headers("k") == {"X-N8N-API-KEY": "k"}


def test_a_row_becomes_an_execution() -> None:
    read = execution(row(5, "error", retry_of=4, success_id=6, mode="retry"))
    assert (read.id, read.workflow_id, read.status, read.mode) == ("5", "w1", "error", "retry")
    assert (read.retry_of, read.retry_success_id) == ("4", "6")
    assert (read.started_at, read.stopped_at, read.wait_till, read.data) == (moment(1), moment(2), None, None)


def test_ids_are_text_whatever_n8n_makes_of_them() -> None:
    read = execution({**row(5, "error"), "id": 5, "retryOf": 4})
    assert (read.id, read.retry_of) == ("5", "4")


def test_finished_does_not_tell_whether_an_execution_is_over() -> None:
    assert execution({**row(5, "error"), "finished": False}).status == "error"
    assert execution({**row(5, "error"), "finished": True}).status == "error"


def test_a_status_that_nobody_knows_is_one_that_nothing_is_done_to() -> None:
    assert execution({**row(5), "status": "paused"}).status == "unknown"


@pytest.mark.parametrize(
    "fields, status",
    [
        ({"finished": True, "stoppedAt": at(2)}, "success"),
        ({"finished": False, "stoppedAt": at(2)}, "error"),
        ({"finished": False, "stoppedAt": None}, "running"),
        ({"finished": False, "stoppedAt": None, "waitTill": at(9)}, "waiting"),
    ],
)
def test_before_1_111_the_status_follows_from_the_other_fields(fields: dict[str, t.Any], status: str) -> None:
    assert execution({"id": "5", "workflowId": "w1", "startedAt": at(1), **fields}).status == status


def test_what_only_some_versions_tell_is_kept_under_our_names() -> None:
    more: dict[str, t.Any] = {
        "createdAt": at(0),
        "storedAt": "db",
        "jsonSizeBytes": 7,
        "customData": {"a": "b"},
        "dataTooLargeToDisplay": True,
    }
    assert execution(row(5, **more, tracingContext="x")).extra == {
        "created_at": at(0),
        "stored_at": "db",
        "json_size_bytes": 7,
        "custom_data": {"a": "b"},
        "data_too_large": True,
    }


def test_data_is_passed_on_exactly_and_names_the_workflow() -> None:
    data = {"resultData": {"runData": {"Ünïcode {{ 1 }}": [None, 1.5]}}}
    read = execution({**row(5), "data": data, "workflowData": {"id": "w1", "name": "Nightly"}})
    assert (read.data, read.workflow_name) == (data, "Nightly")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"id": no_id} for no_id in NO_IDS),
        {"startedAt": 17},
        {"stoppedAt": "soon"},
        {"waitTill": "2026-11-01"},
    ],
)
def test_a_row_that_is_none_is_not_n8n(wrong: dict[str, t.Any]) -> None:
    with pytest.raises(NotAnN8nAnswer, match="not an execution of n8n's"):
        execution({**row(5), **wrong})


def test_a_row_without_any_sign_of_its_status_is_not_n8n() -> None:
    with pytest.raises(NotAnN8nAnswer, match="no status"):
        execution({"id": "5", "workflowId": "w1"})


def test_a_page_has_its_rows_in_their_order_and_its_cursor() -> None:
    page = n8n.read_page(good(n8n.list_call(Query(), None), {"data": [row(9), row(7)], "nextCursor": "abc"}))
    assert ([one.id for one in page.executions], page.cursor) == (["9", "7"], "abc")


@pytest.mark.parametrize("end", [None, ""])
def test_a_page_without_a_cursor_is_the_last(end: t.Any) -> None:
    assert n8n.read_page(good(n8n.list_call(Query(), None), {"data": [], "nextCursor": end})).cursor is None


def test_the_deleted_record_has_a_number_for_an_id() -> None:
    n8n.read_deleted(good(n8n.delete_call("5"), {**row(5), "id": 5}))
    n8n.read_deleted(good(n8n.delete_call("5"), row(5)))


@pytest.mark.parametrize("body", [{"id": 6}, {}, {"id": "05"}, {"success": True}])
def test_another_record_is_no_proof_of_the_deletion(body: dict[str, t.Any]) -> None:
    with pytest.raises(NotAnN8nAnswer, match="record that was deleted"):
        n8n.read_deleted(good(n8n.delete_call("5"), body))


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, (None, None)),
        (None, (None, None)),
        ({"saveDataSuccessExecution": "DEFAULT", "saveDataErrorExecution": "DEFAULT"}, (None, None)),
        ({"saveDataSuccessExecution": "none", "saveDataErrorExecution": "all"}, (False, True)),
        ({"saveDataSuccessExecution": "all", "saveDataErrorExecution": "none"}, (True, False)),
    ],
)
def test_settings_tell_what_a_workflow_saves_and_the_instance_the_rest(
    settings: t.Any, expected: tuple[bool | None, bool | None]
) -> None:
    body = {"id": "w1", "name": "Nightly", "settings": settings}
    assert n8n.read_workflow(good(n8n.workflow_call("w1"), body)) == Workflow("w1", "Nightly", *expected)


def test_a_snapshot_is_the_workflow_that_came_with_the_data() -> None:
    body = {**row(5), "workflowData": {"id": "w1", "name": "then", "settings": {"saveDataErrorExecution": "none"}}}
    assert n8n.read_snapshot(good(n8n.get_call("5", True), body)) == Workflow("w1", "then", None, False)


@pytest.mark.parametrize("workflow", [None, [], {}])
def test_a_snapshot_that_is_too_large_to_be_shown_tells_nothing_of_its_settings(workflow: t.Any) -> None:
    read = n8n.read_snapshot(good(n8n.get_call("5", True), {**row(5), "dataTooLargeToDisplay": True, "workflowData": workflow}))
    assert (read.id, read.saves_success, read.saves_failure) == ("w1", None, None)
    assert not read.name


@pytest.mark.parametrize(
    "status, body, ready",
    [
        (200, {"status": "ok"}, True),
        (503, {"status": "error"}, False),
        # Words of somebody else.
        (200, {"status": "up"}, None),
        (503, {"status": "ok"}, None),
        (403, {"status": "error"}, None),
        (404, {"status": 404}, None),
        (200, ["ok"], None),
        (302, None, None),
    ],
)
def test_ready_and_not_ready_is_only_what_says_so_itself(status: int, body: t.Any, ready: bool | None) -> None:
    one = Answer(n8n.readiness_call(), "https://n8n.example.com/healthz/readiness", status, {}, json.dumps(body).encode())
    assert n8n.read_readiness(one) is ready


def test_the_era_is_told_by_an_unknown_parameter() -> None:
    call = n8n.era_call()
    refused = Answer(call, "u", 400, {}, b'{"message": "Unknown query parameter \'flowops\'"}')
    assert n8n.read_era(refused) == "validator"
    assert n8n.read_era(good(call, {"data": [], "nextCursor": None})) == "zod"


def test_another_refusal_does_not_tell_the_era() -> None:
    with pytest.raises(N8nError):
        n8n.read_era(Answer(n8n.era_call(), "u", 400, {}, b'{"message": "An invalid cursor was provided"}'))


def test_scopes_are_sorted() -> None:
    body = {"data": {"scopes": ["execution:read", "execution:list"]}}
    assert n8n.read_scopes(good(n8n.discover_call(), body)) == ["execution:list", "execution:read"]


OLD = """openapi: 3.0.0
info:
  version: 1.1.1
paths:
  /executions:
    get:
      x-eov-operation-handler: v1/handlers/executions/executions.handler
      parameters:
        - $ref: '#/components/parameters/includeData'
        - name: status
          in: query
          schema:
            type: string
            enum:
              - canceled
              - error
              - running
              - success
              - waiting
        - name: projectId
          in: query
      responses:
        '200':
          description: new
  /executions/{id}:
    get:
      parameters:
        - $ref: '#/components/parameters/executionId'
  /executions/{id}/retry:
    post:
      x-eov-operation-id: retryExecution
  /workflows:
    get:
      parameters:
        - name: startedBefore
components:
  schemas: {}
"""

NEW = """openapi: 3.0.0
paths:
  /discover:
    get:
      tags: []

  /executions:
    get:
      x-decorator-routed: true
      parameters:
        - schema:
            enum:
              - new
              - unknown
              - crashed
          name: status
        - name: startedBefore
        - $ref: '#/components/parameters/redactExecutionData'
        - $ref: '#/components/parameters/ignoreDataSizeLimit'
      responses:
        '200': {}
  /executions/stop:
    post: {}
  /executions/{executionId}:
    get: {}
  /executions/{executionId}/stop:
    post: {}
  /executions/{executionId}/tags:
    get: {}
"""


def capabilities(text: str) -> dict[str, t.Any]:
    return n8n.read_capabilities(Answer(n8n.openapi_call(), "u", 200, {"Content-Type": "text/yaml"}, text.encode()))


def test_the_description_of_1_123_tells_what_it_can_do() -> None:
    assert capabilities(OLD) == {
        "retry": True,
        "stop": False,
        "stop_many": False,
        "tags": False,
        "discover": False,
        "project_filter": True,
        "started_filters": False,
        "status_filters": ["canceled", "error", "running", "success", "waiting"],
        "redact": False,
        "ignore_data_size_limit": False,
    }


def test_the_description_of_2_41_tells_what_it_can_do() -> None:
    assert capabilities(NEW) == {
        "retry": False,
        "stop": True,
        "stop_many": True,
        "tags": True,
        "discover": True,
        "project_filter": False,
        "started_filters": True,
        "status_filters": ["crashed", "new", "unknown"],
        "redact": True,
        "ignore_data_size_limit": True,
    }


def test_what_is_no_description_is_refused() -> None:
    with pytest.raises(NotAnN8nAnswer, match="description of its API"):
        capabilities('{"swagger": true}')
