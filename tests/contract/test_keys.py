"""Who may call: the API key and its scopes."""

from __future__ import annotations

import pytest

from tests.contract.common import V1, V2, VALIDATOR_ERA, ZOD_ERA, ok, refused
from tests.servers import Server
from tests.simulator.seed import Row


@VALIDATOR_ERA
def test_without_a_key_it_is_asked_for(server: Server) -> None:
    answer = server.request("GET", "/api/v1/executions")
    assert refused(answer) == (401, "'X-N8N-API-KEY' header required")


@VALIDATOR_ERA
def test_a_wrong_key_is_unauthorized_in_small_letters(server: Server) -> None:
    assert refused(server.api("GET", "/executions", key="wrong")) == (401, "unauthorized")


@ZOD_ERA
@pytest.mark.parametrize("headers", [{}, {"X-N8N-API-KEY": ""}, {"X-N8N-API-KEY": "wrong"}])
def test_without_a_right_key_it_is_unauthorized(server: Server, headers: dict[str, str]) -> None:
    assert refused(server.request("GET", "/api/v1/executions", headers=headers)) == (401, "Unauthorized")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/1"), ("DELETE", "/1"), ("POST", "/1/retry"), ("GET", "/abc"), ("GET", "?status=bogus")],
)
def test_every_call_wants_a_key_before_anything_else(server: Server, method: str, path: str) -> None:
    assert refused(server.api(method, f"/executions{path}", key="wrong"))[0] == 401


def test_a_bearer_token_is_no_key(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.api_key}"}
    assert refused(server.request("GET", "/api/v1/executions", headers=headers))[0] == 401


@pytest.mark.parametrize("path", ["/healthz", "/healthz/readiness"])
def test_the_health_needs_no_key(server: Server, path: str) -> None:
    assert ok(server.request("GET", path)) == {"status": "ok"}


@V2
@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "", "execution:list"),
        ("GET", "/999999999", "execution:read"),
        ("DELETE", "/999999999", "execution:delete"),
        ("POST", "/999999999/retry", "execution:retry"),
        ("POST", "/999999999/stop", "execution:stop"),
        ("GET", "/999999999/tags", "executionTags:list"),
    ],
)
def test_a_call_wants_its_scope(server: Server, method: str, path: str, scope: str) -> None:
    others = {"execution:list", "execution:read", "execution:delete", "execution:retry", "execution:stop"} - {scope}
    assert refused(server.api(method, f"/executions{path}", key=server.key(*others))) == (403, "Forbidden")
    assert server.api(method, f"/executions{path}", key=server.key(scope)).status_code in (200, 404)


@V2
@pytest.mark.parametrize(("path", "scope"), [("", "workflow:list"), ("/unknownWorkflow0", "workflow:read")])
def test_workflows_want_their_scope(server: Server, path: str, scope: str) -> None:
    assert refused(server.api("GET", f"/workflows{path}", key=server.key("execution:list"))) == (403, "Forbidden")
    assert server.api("GET", f"/workflows{path}", key=server.key(scope)).status_code in (200, 404)


@ZOD_ERA
@pytest.mark.parametrize("path", ["/abc", "?status=bogus"])
def test_the_scope_is_looked_at_before_the_request(server: Server, path: str) -> None:
    answer = server.api("GET", f"/executions{path}", key=server.key("workflow:list"))
    assert refused(answer) == (403, "Forbidden")


@V1
def test_scopes_are_kept_but_not_enforced(server: Server) -> None:
    """Scopes of keys were licensed in 1.x: without, any key may do everything."""
    (execution,) = server.insert([Row(server.succeeds().id)])
    ok(server.api("DELETE", f"/executions/{execution}", key=server.key("workflow:list")))
    assert server.row(execution) is None


@ZOD_ERA
def test_discover_tells_the_scopes_of_the_key_without_wanting_one(server: Server) -> None:
    told = ok(server.api("GET", "/discover", key=server.key("execution:list", "execution:read")))["data"]
    assert sorted(told["scopes"]) == ["execution:list", "execution:read"]
    executions = told["resources"]["executions"]
    assert sorted(executions["operations"]) == ["list", "read"]
    assert {(each["method"], each["path"]) for each in executions["endpoints"]} == {
        ("GET", "/api/v1/executions"),
        ("GET", "/api/v1/executions/{executionId}"),
    }


@ZOD_ERA
def test_discover_wants_a_key_in_the_words_of_the_old_days(server: Server) -> None:
    answer = server.request("GET", "/api/v1/discover")
    assert refused(answer) == (401, "'X-N8N-API-KEY' header required")


@V1
def test_there_is_no_discover_yet(server: Server) -> None:
    assert refused(server.api("GET", "/discover")) == (404, "not found")
