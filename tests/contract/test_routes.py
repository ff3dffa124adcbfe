"""Paths, methods, the OpenAPI document and connections."""

from __future__ import annotations

import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.contract.common import V1, ZOD_ERA, ok, refused
from tests.servers import Server
from tests.simulator.seed import Row

WRONG_BASES = ["/api/v1x/executions", "/api/v2/executions", "/executions", "/prefix/api/v1/executions"]


@pytest.mark.parametrize("path", WRONG_BASES)
def test_a_wrong_base_path_is_the_editor_with_200_for_who_takes_html(server: Server, path: str) -> None:
    answer = server.request("GET", path, headers={"X-N8N-API-KEY": server.api_key, "Accept": "*/*"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "<!DOCTYPE html>" in answer.text


@pytest.mark.parametrize("path", WRONG_BASES)
def test_a_wrong_base_path_is_404_but_not_json_for_who_takes_json(server: Server, path: str) -> None:
    headers = {"X-N8N-API-KEY": server.api_key, "Accept": "application/json"}
    answer = server.request("GET", path, headers=headers)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    assert f"Cannot GET {path}" in answer.text


@pytest.mark.parametrize(("method", "path"), [("POST", "/1/retry"), ("DELETE", "/1")])
def test_a_write_to_a_wrong_base_path_is_404_but_not_json(server: Server, method: str, path: str) -> None:
    answer = server.request(method, f"/api/v1x/executions{path}", headers={"X-N8N-API-KEY": server.api_key})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/nothing", "/executions/1/nothing", "//executions", ""])
def test_an_unknown_route_is_not_found_in_small_letters(server: Server, path: str) -> None:
    assert refused(server.api("GET", path)) == (404, "not found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/executions/1"), ("PATCH", "/executions/1"), ("POST", "/executions"), ("DELETE", "/executions")],
)
def test_a_wrong_method_is_405(server: Server, method: str, path: str) -> None:
    assert refused(server.api(method, path)) == (405, f"{method} method not allowed")


def test_the_editors_own_api_refuses_in_another_form(server: Server) -> None:
    answer = server.request("GET", "/rest/executions", headers={"X-N8N-API-KEY": server.api_key})
    assert answer.status_code == 401
    assert answer.json() == {"status": "error", "message": "Unauthorized"}


@pytest.mark.parametrize("path", ["/executions/{}", "/executions/{}/", "/Executions/{}"])
def test_neither_a_slash_at_the_end_nor_capitals_matter(server: Server, path: str) -> None:
    (execution,) = server.insert([Row(server.succeeds().id)])
    assert ok(server.api("GET", path.format(execution)))["id"] == execution


def openapi(server: Server) -> str:
    answer = server.request("GET", "/api/v1/openapi.yml")
    assert answer.status_code == 200
    return answer.text


def paths(document: str) -> set[str]:
    return set(re.findall(r"(?m)^  (/(?:executions|discover)\S*):\s*$", document))


def list_parameters(document: str) -> dict[str, str]:
    """The parameters of the list by name, as the text that describes them."""
    block = re.search(r"(?ms)^  /executions:\n(.*?)      responses:", document)
    assert block is not None
    items = re.split(r"(?m)^        - ", block.group(1).split("      parameters:")[1])[1:]
    named = [(re.search(r"(?m)(?:name: |#/components/parameters/)(\w+)", item), item) for item in items]
    return {match.group(1): item for match, item in named if match is not None}


def test_the_openapi_document_needs_no_key_and_its_version_never_changes(server: Server) -> None:
    assert re.search(r"(?m)^  version: 1\.1\.1$", openapi(server))


@V1
def test_the_openapi_document_of_old_knows_neither_stop_nor_tags(server: Server) -> None:
    document = openapi(server)
    assert paths(document) == {"/executions", "/executions/{id}", "/executions/{id}/retry"}
    parameters = list_parameters(document)
    assert set(parameters) == {"includeData", "status", "workflowId", "projectId", "limit", "cursor"}
    statuses = re.findall(r"(?m)^\s+- (\w+)\s*$", parameters["status"])
    assert statuses == ["canceled", "error", "running", "success", "waiting"]


@ZOD_ERA
def test_the_openapi_document_of_today_knows_them_and_more(server: Server) -> None:
    document = openapi(server)
    assert paths(document) == {
        "/discover",
        "/executions",
        "/executions/stop",
        "/executions/{executionId}",
        "/executions/{executionId}/retry",
        "/executions/{executionId}/stop",
        "/executions/{executionId}/tags",
    }
    parameters = list_parameters(document)
    assert {"startedAfter", "startedBefore", "redactExecutionData", "ignoreDataSizeLimit"} <= set(parameters)
    statuses = re.findall(r"(?m)^\s+- (\w+)\s*$", parameters["status"])
    assert statuses == ["canceled", "crashed", "error", "new", "running", "success", "unknown", "waiting"]


@ZOD_ERA
def test_the_openapi_document_tells_the_era(server: Server) -> None:
    block = re.search(r"(?ms)^  /executions:\n(.*?)^  /", openapi(server))
    assert block is not None
    assert "x-decorator-routed: true" in block.group(1)


@V1
def test_the_openapi_document_of_old_does_not_tell_of_a_later_era(server: Server) -> None:
    assert "x-decorator-routed" not in openapi(server)


def test_a_connection_is_kept_for_five_seconds(server: Server) -> None:
    assert server.api("GET", "/executions").headers["Keep-Alive"] == "timeout=5"


@ZOD_ERA
def test_an_idle_connection_is_closed_after_that(server: Server) -> None:
    address = urlsplit(server.url)
    request = f"GET /healthz HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(request.encode())
        began = time.monotonic()
        while connection.recv(65536):
            pass
    assert 4 < time.monotonic() - began < 10
