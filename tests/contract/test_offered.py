"""Whatever n8n's description of its API lets a client say about executions is an option, or is named here with a reason.

On real servers alone, as the simulator's description holds no more than a client is known to read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.servers import Server
from tests.unit.running import options_of

# By method and path, what the API takes, and the option that stands for it.
OPTIONS = {
    ("get", "/executions"): {
        "limit": ("n8n_execution_info", "limit"),
        "projectId": ("n8n_execution_info", "project"),
        "startedAfter": ("n8n_execution_info", "started_after"),
        "startedBefore": ("n8n_execution_info", "started_before"),
        "status": ("n8n_execution_info", "status"),
        "workflowId": ("n8n_execution_info", "workflow"),
    },
    ("get", "/executions/{}"): {
        "includeData": ("n8n_execution_info", "include_data"),
        "redactExecutionData": ("n8n_execution_info", "redact"),
    },
    ("delete", "/executions/{}"): {},
    ("post", "/executions/{}/retry"): {"loadWorkflow": ("n8n_execution_retry", "load_workflow")},
    ("post", "/executions/{}/stop"): {},
    ("post", "/executions/stop"): {
        "startedAfter": ("n8n_execution_stop", "started_after"),
        "startedBefore": ("n8n_execution_stop", "started_before"),
        "status": ("n8n_execution_stop", "status"),
        "workflowId": ("n8n_execution_stop", "workflow"),
    },
    ("get", "/executions/{}/tags"): {},
    ("put", "/executions/{}/tags"): {"id": ("n8n_execution_tag", "set")},
}
# What no module offers.
ONLY_INSIDE = {
    "cursor": "how a list is read on",
    "includeData": "in a list it makes a page of any size; data is read one by one",
    "redactExecutionData": "goes with the data of a list",
    "ignoreDataSizeLimit": "a single execution is read whole without it, and a list is read without data",
}


@pytest.mark.real
def test_all_that_the_api_takes_is_an_option(server: Server) -> None:
    described = dict(executions(yaml.safe_load(server.request("GET", "/api/v1/openapi.yml").text)))
    assert described.keys() <= OPTIONS.keys()
    assert ("post", "/executions/{}/retry") in described
    for call, taken in described.items():
        assert taken - OPTIONS[call].keys() - ONLY_INSIDE.keys() == set(), call


@pytest.mark.real
@pytest.mark.only("2.41")
def test_each_option_that_n8n_carries_out_is_there_and_in_its_newest_description(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = dict(executions(yaml.safe_load(server.request("GET", "/api/v1/openapi.yml").text)))
    for call, taken in OPTIONS.items():
        assert taken.keys() <= described[call], call
        for module, option in taken.values():
            assert option in options_of(module, monkeypatch), module


@pytest.mark.real
@pytest.mark.only("2.41")
def test_every_status_that_the_newest_n8n_knows_can_be_selected(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    description = yaml.safe_load(server.request("GET", "/api/v1/openapi.yml").text)
    (status,) = [one for one in description["paths"]["/executions"]["get"]["parameters"] if one.get("name") == "status"]
    known = set(status["schema"].get("enum") or status["schema"]["items"]["enum"])
    assert set(options_of("n8n_execution_info", monkeypatch)["status"]["choices"]) == known


def executions(description: dict[str, Any]) -> Iterator[tuple[tuple[str, str], set[str]]]:
    """Each call about executions, with the names of what it takes in its query and in its body."""
    for path, calls in description["paths"].items():
        if not path.startswith("/executions"):
            continue
        for method, call in calls.items():
            named = [one.get("name") or one["$ref"].rpartition("/")[2] for one in call.get("parameters", [])]
            body = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            body = body.get("items", body)
            # Ids in the path have another name in another version.
            place = path.replace("{executionId}", "{}").replace("{id}", "{}")
            yield (method, place), {*named, *body.get("properties", ())} - ({"executionId"} if "{}" in place else set())
