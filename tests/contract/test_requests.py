"""How a request is read: ids, parameters and bodies that are not as they should be."""

from __future__ import annotations

import pytest

from tests.contract.common import V1, VALIDATOR_ERA, ZOD_ERA, ok, refused
from tests.servers import Server
from tests.simulator.seed import Row

OPERATIONS = [("GET", ""), ("DELETE", ""), ("POST", "/retry")]
OLD_STATUSES = "canceled, error, running, success, waiting"
STATUSES = "'canceled' | 'crashed' | 'error' | 'new' | 'running' | 'success' | 'unknown' | 'waiting'"


@VALIDATOR_ERA
def test_an_unknown_parameter_is_refused(server: Server) -> None:
    assert refused(server.api("GET", "/executions?x=1")) == (400, "Unknown query parameter 'x'")


@ZOD_ERA
def test_an_unknown_parameter_is_ignored(server: Server) -> None:
    ok(server.api("GET", "/executions?x=1&limit=1"))


@V1
@pytest.mark.parametrize("status", ["bogus", "crashed", "new", "unknown"])
def test_a_wrong_status_is_refused_with_the_few_there_are(server: Server, status: str) -> None:
    message = f"request/query/status must be equal to one of the allowed values: {OLD_STATUSES}"
    assert refused(server.api("GET", f"/executions?status={status}")) == (400, message)


@ZOD_ERA
def test_a_wrong_status_is_refused_with_all_that_there_are(server: Server) -> None:
    message = f"request/query/status Invalid enum value. Expected {STATUSES}, received 'bogus'"
    assert refused(server.api("GET", "/executions?status=bogus")) == (400, message)


def test_there_is_one_status_at_a_time(server: Server) -> None:
    assert refused(server.api("GET", "/executions?status=error&status=success"))[0] == 400


@VALIDATOR_ERA
def test_an_empty_parameter_is_refused(server: Server) -> None:
    answer = server.api("GET", "/executions?workflowId=")
    assert refused(answer) == (400, "Empty value found for query parameter 'workflowId'")


@ZOD_ERA
@pytest.mark.parametrize("name", ["workflowId", "projectId", "cursor"])
def test_an_empty_parameter_filters_nothing(server: Server, name: str) -> None:
    """So a client that loses a value asks for everything."""
    (execution,) = server.insert([Row(server.succeeds().id)])
    assert [row["id"] for row in server.listed(**{name: "", "limit": 1})] == [execution]


@VALIDATOR_ERA
def test_a_limit_that_is_no_number_is_refused(server: Server) -> None:
    assert refused(server.api("GET", "/executions?limit=abc")) == (400, "request/query/limit must be number")


@ZOD_ERA
@pytest.mark.parametrize(
    ("limit", "message"),
    [("abc", "Param `limit` must be a valid integer"), ("-1", "Param `limit` must be a non-negative integer")],
)
def test_a_limit_that_is_no_natural_number_is_refused(server: Server, limit: str, message: str) -> None:
    assert refused(server.api("GET", f"/executions?limit={limit}")) == (400, f"request/query/limit {message}")


@V1
@pytest.mark.parametrize("form", ["{:#x}", "{}.0", "%20{}", "{}e0"])
def test_other_forms_of_a_number_name_an_execution_too(server: Server, form: str) -> None:
    """A client that passes on what it was given may hit another execution than it meant."""
    (execution,) = server.insert([Row(server.succeeds().id)])
    assert ok(server.api("GET", f"/executions/{form.format(int(execution))}"))["id"] == execution


@ZOD_ERA
@pytest.mark.parametrize("form", ["{:#x}", "{}.0", "%20{}", "{}e0", "{}%00", "{},1"])
def test_other_forms_of_a_number_are_refused(server: Server, form: str) -> None:
    (execution,) = server.insert([Row(server.succeeds().id)])
    answer = server.api("GET", f"/executions/{form.format(int(execution))}")
    assert refused(answer) == (400, "request/params/executionId must be a positive integer")


@VALIDATOR_ERA
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("text", ["abc", "%2e%2e%2f1", "1%00", "5,6"])
def test_an_id_that_is_no_number_is_refused(server: Server, method: str, path: str, text: str) -> None:
    answer = server.api(method, f"/executions/{text}{path}")
    assert refused(answer) == (400, "request/params/id must be number")


@ZOD_ERA
@pytest.mark.parametrize(("method", "path"), [*OPERATIONS, ("POST", "/stop"), ("GET", "/tags")])
@pytest.mark.parametrize("text", ["abc", "0", "-1", "%2e%2e%2f1"])
def test_an_id_that_is_no_positive_number_is_refused(server: Server, method: str, path: str, text: str) -> None:
    answer = server.api(method, f"/executions/{text}{path}")
    assert refused(answer) == (400, "request/params/executionId must be a positive integer")


@V1
@pytest.mark.parametrize("text", ["0", "-1"])
def test_a_number_that_can_be_no_id_is_not_found(server: Server, text: str) -> None:
    assert refused(server.api("GET", f"/executions/{text}")) == (404, "Not Found")


@pytest.mark.parametrize("text", ["9223372036854775808", "99999999999999999999"])
def test_a_number_too_large_for_an_id_is_not_found(server: Server, text: str) -> None:
    assert refused(server.api("GET", f"/executions/{text}")) == (404, "Not Found")


def test_a_retry_body_of_another_type_is_refused(server: Server) -> None:
    execution = server.fails().run("error")
    bodies: list[object] = [{"loadWorkflow": "yes"}, []]
    for body in bodies:
        assert refused(server.api("POST", f"/executions/{execution}/retry", json=body))[0] == 400


@pytest.mark.parametrize("agent", ["bot", "my-robot/1.0", "SomeBot"])
def test_a_user_agent_with_bot_in_it_gets_204_and_nothing(server: Server, agent: str) -> None:
    answer = server.api("GET", "/executions", headers={"User-Agent": agent})
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("agent", ["Robert", "ansible-httpget", "python-requests/2.0"])
def test_other_user_agents_are_served(server: Server, agent: str) -> None:
    ok(server.api("GET", "/executions", headers={"User-Agent": agent}))
