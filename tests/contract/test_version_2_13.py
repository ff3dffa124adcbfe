"""What n8n 2.13 does in its own way. Read from its published code; no such server is at hand."""

from __future__ import annotations

import pytest

from tests.contract.common import LIVE, OVER, ok, refused
from tests.servers import Server
from tests.simulator.seed import Row

pytestmark = pytest.mark.only("2.13")


@pytest.mark.parametrize("status", ["crashed", "new", "unknown"])
def test_the_new_status_values_are_accepted_and_list_everything(server: Server, status: str) -> None:
    workflow = server.succeeds()
    ids = server.insert([Row(workflow.id, status=each) for each in (*LIVE, *OVER)])
    assert workflow.listed(status=status) == ids[::-1]


def test_a_wrong_status_is_refused_with_all_that_there_are(server: Server) -> None:
    code, message = refused(server.api("GET", "/executions?status=bogus"))
    assert code == 400
    assert message.startswith("request/query/status must be equal to one of the allowed values: ")
    named = message.partition(": ")[2].split(", ")
    assert sorted(named) == sorted([*LIVE, *OVER])


@pytest.mark.parametrize("status", ["canceled", "crashed", "error", "success"])
def test_stopping_what_is_over_is_refused_with_400(server: Server, status: str) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status=status)])
    message = f"Only running or waiting executions can be stopped and {execution} is currently {status}"
    assert refused(server.api("POST", f"/executions/{execution}/stop")) == (400, message)


def test_many_are_stopped_and_counted(server: Server) -> None:
    workflow = server.waits_hours()
    workflow.run("waiting")
    body = {"status": ["waiting"], "workflowId": workflow.id}
    assert ok(server.api("POST", "/executions/stop", json=body)) == {"stopped": 1}


def test_an_unexpected_error_is_400_with_the_raw_text(server: Server) -> None:
    (execution,) = server.insert([Row(server.succeeds().id, status="crashed", data=None)])
    answer = server.api("POST", f"/executions/{execution}/retry")
    assert refused(answer) == (400, "Cannot read properties of null (reading 'data')")
