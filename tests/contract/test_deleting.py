"""What DELETE /executions/{id} deletes, and what it answers."""

from __future__ import annotations

import pytest

from tests.contract.common import VALIDATOR_ERA, ZOD_ERA, ok, refused
from tests.servers import Server
from tests.simulator.seed import Row

UNKNOWN = "999999999"
RUNNING = (400, "Cannot delete a running execution")
ABSENT = (404, "Not Found")


def test_the_answer_is_200_with_the_deleted_record(server: Server) -> None:
    execution = server.fails().run("error")
    before = ok(server.api("GET", f"/executions/{execution}"))
    deleted = ok(server.api("DELETE", f"/executions/{execution}"))
    assert deleted == {**before, "id": int(execution)}


def test_the_id_in_the_answer_is_a_number(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id)])
    assert ok(server.api("DELETE", f"/executions/{execution}"))["id"] == int(execution)


def test_a_delete_is_final_and_takes_the_data_along(server: Server) -> None:
    execution = server.succeeds().run("success")
    ok(server.api("DELETE", f"/executions/{execution}"))
    assert server.row(execution) is None
    assert server.sql("SELECT 1 FROM execution_data WHERE executionId = ?", int(execution)) == []
    assert refused(server.api("GET", f"/executions/{execution}")) == ABSENT
    assert refused(server.api("DELETE", f"/executions/{execution}")) == ABSENT


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_does_not_exist_is_not_found(server: Server, method: str) -> None:
    assert refused(server.api(method, f"/executions/{UNKNOWN}")) == ABSENT


def test_a_running_execution_is_not_deleted(server: Server) -> None:
    execution = server.waits_seconds().run("running")
    assert refused(server.api("DELETE", f"/executions/{execution}")) == RUNNING
    assert server.status(execution) == "running"


def test_nor_is_one_that_only_the_database_takes_for_running(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status="running")])
    assert refused(server.api("DELETE", f"/executions/{execution}")) == RUNNING
    assert server.status(execution) == "running"


def test_a_waiting_execution_is_deleted_without_complaint(server: Server) -> None:
    execution = server.waits_hours().run("waiting")
    assert ok(server.api("DELETE", f"/executions/{execution}"))["status"] == "waiting"
    assert server.row(execution) is None


@pytest.mark.parametrize("status", ["new", "waiting", "unknown", "crashed", "canceled", "error", "success"])
def test_every_other_status_is_deleted(server: Server, status: str) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status=status)])
    assert ok(server.api("DELETE", f"/executions/{execution}"))["status"] == status
    assert server.row(execution) is None


def test_a_row_without_data_is_deleted(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, data=None)])
    ok(server.api("DELETE", f"/executions/{execution}"))
    assert server.row(execution) is None


def test_without_its_data_an_execution_is_still_there(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, data=None)])
    assert ok(server.api("GET", f"/executions/{execution}"))["id"] == execution


@ZOD_ERA
def test_but_asked_for_with_data_it_is_not_found(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, data=None)])
    answer = server.api("GET", f"/executions/{execution}", params={"includeData": "true"})
    assert refused(answer) == ABSENT


@VALIDATOR_ERA
def test_but_asked_for_with_data_it_is_an_error_of_the_server(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, data=None)])
    answer = server.api("GET", f"/executions/{execution}", params={"includeData": "true"})
    assert refused(answer) == (400, "Cannot read properties of null (reading 'data')")
