"""What the API tells of workflows: their names and settings."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.contract.common import VALIDATOR_ERA, ZOD_ERA, held_in, ok, refused
from tests.servers import Server


def found(server: Server, **query: object) -> list[str]:
    return [workflow["id"] for workflow in ok(server.api("GET", "/workflows", params=query))["data"]]


def test_a_workflow_has_name_and_settings(server: Server) -> None:
    workflow = server.succeeds(saveDataSuccessExecution="none")
    body = ok(server.api("GET", f"/workflows/{workflow.id}"))
    assert (body["id"], body["name"], body["active"]) == (workflow.id, workflow.name, True)
    assert body["settings"]["saveDataSuccessExecution"] == "none"


def test_an_unknown_workflow_is_not_found(server: Server) -> None:
    assert refused(server.api("GET", "/workflows/unknownWorkflow0")) == (404, "Not Found")


def test_a_name_finds_every_workflow_that_contains_it_in_any_case(server: Server) -> None:
    name = uuid.uuid4().hex
    ids = {server.succeeds(name=each).id for each in (name, f"{name} two", f"the {name}")}
    server.succeeds()
    assert set(found(server, name=name)) == set(found(server, name=name.upper())) == ids


@pytest.mark.parametrize("wildcard", ["%", "_"])
def test_percent_and_underscore_in_a_name_stand_for_anything(server: Server, wildcard: str) -> None:
    name = uuid.uuid4().hex
    workflow = server.succeeds(name=name)
    assert found(server, name=f"{name[:8]}{wildcard}{name[9:]}") == [workflow.id]


def test_two_workflows_may_have_the_same_name(server: Server) -> None:
    name = uuid.uuid4().hex
    ids = {server.succeeds(name=name).id for _unused in range(2)}
    assert set(found(server, name=name)) == ids


def test_pinned_data_can_be_left_out(server: Server) -> None:
    workflow = server.succeeds(name=uuid.uuid4().hex)
    assert found(server, name=workflow.name, excludePinnedData="true") == [workflow.id]


def test_workflows_are_paged_by_offset(server: Server) -> None:
    name = uuid.uuid4().hex
    ids = {server.succeeds(name=name).id for _unused in range(3)}
    query: dict[str, Any] = {"name": name, "limit": 2}
    first = ok(server.api("GET", "/workflows", params=query))
    cursor = held_in(first["nextCursor"])
    assert (cursor["limit"], cursor["offset"]) == (2, 2)
    last = ok(server.api("GET", "/workflows", params={"name": name, "cursor": first["nextCursor"]}))
    assert last["nextCursor"] is None
    assert {workflow["id"] for page in (first, last) for workflow in page["data"]} == ids


@VALIDATOR_ERA
def test_more_than_250_workflows_at_once_are_refused(server: Server) -> None:
    answer = server.api("GET", "/workflows", params={"limit": 251})
    assert refused(answer) == (400, "request/query/limit must be <= 250")


@ZOD_ERA
def test_a_larger_limit_is_cut_without_a_word(server: Server) -> None:
    ok(server.api("GET", "/workflows", params={"limit": 251, "name": uuid.uuid4().hex}))


@ZOD_ERA
def test_an_empty_name_finds_all(server: Server) -> None:
    workflow = server.succeeds()
    assert workflow.id in found(server, name="", limit=250)


@VALIDATOR_ERA
def test_an_empty_name_is_refused(server: Server) -> None:
    answer = server.api("GET", "/workflows", params={"name": ""})
    assert refused(answer) == (400, "Empty value found for query parameter 'name'")


def test_a_workflow_tells_the_project_it_belongs_to(server: Server) -> None:
    workflow = server.succeeds(name=uuid.uuid4().hex)
    (body,) = ok(server.api("GET", "/workflows", params={"name": workflow.name}))["data"]
    assert [share["projectId"] for share in body["shared"]] == [server.project_id]
