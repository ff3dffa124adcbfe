"""What GET /executions lists, and in which form."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.contract.common import LIVE, OVER, V1, V2, VALIDATOR_ERA, ZOD_ERA, ok, refused
from tests.servers import Server
from tests.simulator.seed import Row

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)

ROW = [
    "finished",
    "id",
    "mode",
    "retryOf",
    "retrySuccessId",
    "startedAt",
    "status",
    "stoppedAt",
    "waitTill",
    "workflowId",
]


def test_executions_are_listed_from_the_highest_id_down(server: Server) -> None:
    workflow = server.succeeds()
    ids = server.insert([Row(workflow.id)] * 3)
    assert workflow.listed() == ids[::-1]


def test_a_list_holds_data_and_next_cursor(server: Server) -> None:
    workflow = server.succeeds()
    body = ok(server.api("GET", "/executions", params={"workflowId": workflow.id}))
    assert body == {"data": [], "nextCursor": None}


def test_a_row_holds_ten_fields_and_neither_data_nor_workflow(server: Server) -> None:
    workflow = server.succeeds()
    execution = workflow.run("success")
    (row,) = server.listed(workflowId=workflow.id)
    assert sorted(row) == ROW
    assert row["id"] == execution
    assert row["workflowId"] == workflow.id
    assert (row["mode"], row["status"], row["finished"]) == ("webhook", "success", True)
    assert (row["retryOf"], row["retrySuccessId"], row["waitTill"]) == (None, None, None)


def test_times_are_utc_with_milliseconds(server: Server) -> None:
    workflow = server.succeeds()
    server.insert([Row(workflow.id)])
    row = server.rows(workflowId=workflow.id)[0]
    (listed,) = server.listed(workflowId=workflow.id)
    assert listed["startedAt"] == row["startedAt"].replace(" ", "T") + "Z"
    assert listed["stoppedAt"] == row["stoppedAt"].replace(" ", "T") + "Z"


@VALIDATOR_ERA
def test_one_execution_adds_when_it_was_created_and_deleted(server: Server) -> None:
    execution = server.succeeds().run("success")
    assert sorted(ok(server.api("GET", f"/executions/{execution}"))) == sorted([*ROW, "createdAt", "deletedAt"])


@ZOD_ERA
def test_one_execution_adds_where_and_how_large_it_is_stored(server: Server) -> None:
    execution = server.succeeds().run("success")
    added = set(ok(server.api("GET", f"/executions/{execution}"))) - set(ROW)
    assert added == {
        "binaryDataSizeBytes",
        "createdAt",
        "deduplicationKey",
        "deletedAt",
        "jsonSizeBytes",
        "storedAt",
        "tracingContext",
        "usedPrivateCredentials",
        "workflowVersionId",
    }


def test_include_data_adds_the_run_data_and_the_workflow_of_then(server: Server) -> None:
    workflow = server.fails()
    execution = workflow.run("error")
    for body in (
        ok(server.api("GET", f"/executions/{execution}", params={"includeData": "true"})),
        server.listed(workflowId=workflow.id, includeData="true")[0],
    ):
        assert body["workflowData"]["name"] == workflow.name
        assert body["data"]["resultData"]["lastNodeExecuted"] == "Step 1"
        assert body["data"]["resultData"]["error"]["message"] == "Always fails"
        assert set(body["data"]["resultData"]["runData"]) == {"Webhook", "Step 1"}


def test_a_failed_execution_is_over_but_not_finished(server: Server) -> None:
    execution = server.fails().run("error")
    body = ok(server.api("GET", f"/executions/{execution}"))
    assert (body["status"], body["finished"]) == ("error", False)
    assert body["stoppedAt"] is not None


def test_ids_are_strings_in_lists_and_alone(server: Server) -> None:
    workflow = server.flaky()
    execution = workflow.run("error")
    workflow.stub.succeed()
    retry = ok(server.api("POST", f"/executions/{execution}/retry"))["id"]
    rows = {row["id"]: row for row in server.listed(workflowId=workflow.id)}
    assert rows[retry]["retryOf"] == execution
    assert rows[execution]["retrySuccessId"] == retry
    alone = ok(server.api("GET", f"/executions/{retry}"))
    assert (alone["id"], alone["retryOf"]) == (retry, execution)


def test_an_unknown_workflow_gives_an_empty_list_and_no_404(server: Server) -> None:
    body = ok(server.api("GET", "/executions", params={"workflowId": "unknownWorkflow0"}))
    assert body == {"data": [], "nextCursor": None}


@pytest.mark.parametrize("status", ["canceled", "success", "waiting", "running"])
def test_a_status_finds_its_executions_only(server: Server, status: str) -> None:
    workflow = server.succeeds()
    ids = dict(zip((*LIVE, *OVER), server.insert([Row(workflow.id, status=each) for each in (*LIVE, *OVER)])))
    assert workflow.listed(status=status) == [ids[status]]


@VALIDATOR_ERA
def test_status_error_finds_crashed_executions_too(server: Server) -> None:
    workflow = server.succeeds()
    crashed, error = server.insert([Row(workflow.id, status="crashed"), Row(workflow.id, status="error")])
    assert workflow.listed(status="error") == [error, crashed]


@ZOD_ERA
@pytest.mark.parametrize("status", ["crashed", "error", "new", "unknown"])
def test_every_status_is_matched_exactly(server: Server, status: str) -> None:
    workflow = server.succeeds()
    ids = dict(zip((*LIVE, *OVER), server.insert([Row(workflow.id, status=each) for each in (*LIVE, *OVER)])))
    assert workflow.listed(status=status) == [ids[status]]


def test_a_plain_list_holds_what_only_the_database_knows_whatever_its_status(server: Server) -> None:
    """After a restart the server holds nothing in memory, and lists even what still says running."""
    workflow = server.succeeds()
    ids = server.insert([Row(workflow.id, status=status) for status in (*LIVE, *OVER)])
    assert workflow.listed() == ids[::-1]


def test_a_plain_list_leaves_running_executions_out(server: Server) -> None:
    workflow = server.waits_seconds()
    execution = workflow.run("running")
    assert workflow.listed() == []
    assert workflow.listed(status="running") == [execution]
    assert ok(server.api("GET", f"/executions/{execution}"))["stoppedAt"] is None


@V2
def test_a_waiting_execution_is_in_the_plain_list(server: Server) -> None:
    workflow = server.waits_hours()
    execution = workflow.run("waiting")
    assert workflow.listed() == [execution]
    assert workflow.listed(status="waiting") == [execution]


@V1
def test_a_waiting_execution_in_memory_is_in_no_list(server: Server) -> None:
    workflow = server.waits_hours()
    execution = workflow.run("waiting")
    assert workflow.listed() == workflow.listed(status="waiting") == workflow.listed(status="running") == []
    assert ok(server.api("GET", f"/executions/{execution}"))["status"] == "waiting"


def test_a_waiting_execution_tells_until_when(server: Server) -> None:
    execution = server.waits_hours().run("waiting")
    body = ok(server.api("GET", f"/executions/{execution}"))
    assert (body["status"], body["finished"]) == ("waiting", False)
    # It has stopped for the time being, so this tells nothing either.
    assert body["startedAt"] <= body["stoppedAt"] < body["waitTill"]


def test_the_own_project_holds_its_executions(server: Server) -> None:
    workflow = server.succeeds()
    (execution,) = server.insert([Row(workflow.id)])
    assert workflow.listed(projectId=server.project_id) == [execution]


def test_an_unknown_project_gives_an_empty_list_and_no_404(server: Server) -> None:
    workflow = server.succeeds()
    server.insert([Row(workflow.id)])
    assert workflow.listed(projectId="unknownProject00") == []


@VALIDATOR_ERA
def test_the_start_is_no_filter_yet(server: Server) -> None:
    answer = server.api("GET", "/executions", params={"startedBefore": "2026-01-01T00:00:00Z"})
    assert refused(answer) == (400, "Unknown query parameter 'startedBefore'")


@ZOD_ERA
def test_the_bounds_of_the_start_are_inclusive(server: Server) -> None:
    workflow = server.succeeds()
    early, exact, late = server.insert([Row(workflow.id, started_at=NOON + timedelta(milliseconds=ms)) for ms in (122, 123, 124)])
    bound = "2026-01-01T12:00:00.123Z"
    assert workflow.listed(startedBefore=bound) == [exact, early]
    assert workflow.listed(startedAfter=bound) == [late, exact]
    assert workflow.listed(startedAfter=bound, startedBefore=bound) == [exact]


@ZOD_ERA
def test_what_has_no_start_drops_out_of_a_list_with_a_bound(server: Server) -> None:
    workflow = server.succeeds()
    server.insert([Row(workflow.id, status="new")])
    assert len(workflow.listed()) == 1
    assert workflow.listed(startedAfter="1970-01-01T00:00:00Z") == []
    assert workflow.listed(startedBefore="2999-01-01T00:00:00Z") == []


@ZOD_ERA
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00.000Z",
        "2026-01-01T12:00:00.000000Z",
        "2026-01-01T13:00:00+01:00",
        "2026-01-01T13:00:00.000+01:00",
        "2026-01-01T12:00Z",
    ],
)
def test_a_bound_is_a_time_with_a_zone(server: Server, text: str) -> None:
    workflow = server.succeeds()
    (execution,) = server.insert([Row(workflow.id, started_at=NOON)])
    assert workflow.listed(startedBefore=text, startedAfter=text) == [execution]


@ZOD_ERA
@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T12:00:00", "2026-01-01 12:00:00Z", "1767268800000", "soon"])
def test_another_form_of_a_bound_is_refused(server: Server, text: str) -> None:
    answer = server.api("GET", "/executions", params={"startedBefore": text})
    assert refused(answer) == (400, "request/query/startedBefore Invalid datetime")
