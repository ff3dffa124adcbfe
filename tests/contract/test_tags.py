"""Annotation tags of executions (2.10 and later)."""

from __future__ import annotations

import pytest

from tests.contract.common import V1, V2, ZOD_ERA, ok, refused
from tests.servers import Server


def marks(server: Server, execution: str) -> int:
    """How many annotations an execution has; n8n's pruning spares those that have one."""
    return len(server.sql("SELECT 1 FROM execution_annotations WHERE executionId = ?", int(execution)))


def names(server: Server, execution: str) -> list[str]:
    return sorted(tag["name"] for tag in ok(server.api("GET", f"/executions/{execution}/tags")))


@V1
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_there_are_no_tags_yet(server: Server, method: str) -> None:
    execution = server.succeeds().run("success")
    assert refused(server.api(method, f"/executions/{execution}/tags", json=[])) == (404, "not found")


@V2
def test_a_put_replaces_the_tags(server: Server) -> None:
    execution = server.succeeds().run("success")
    first, second = server.add_tag(f"a{execution}"), server.add_tag(f"b{execution}")
    assert names(server, execution) == []
    (put,) = ok(server.api("PUT", f"/executions/{execution}/tags", json=[{"id": first}]))
    assert sorted(put) == ["createdAt", "id", "name", "updatedAt"]
    assert (put["id"], put["name"]) == (first, f"a{execution}")
    ok(server.api("PUT", f"/executions/{execution}/tags", json=[{"id": second}]))
    assert names(server, execution) == [f"b{execution}"]


@V2
def test_an_empty_put_clears_them_and_leaves_an_annotation(server: Server) -> None:
    execution = server.succeeds().run("success")
    assert marks(server, execution) == 0
    assert ok(server.api("PUT", f"/executions/{execution}/tags", json=[])) == []
    assert marks(server, execution) == 1


@V2
def test_an_unknown_tag_is_404_and_leaves_an_annotation_all_the_same(server: Server) -> None:
    execution = server.succeeds().run("success")
    answer = server.api("PUT", f"/executions/{execution}/tags", json=[{"id": "unknownTag000000"}])
    assert refused(answer) == (404, "Some tags not found")
    assert marks(server, execution) == 1


@V2
def test_reading_the_tags_leaves_no_annotation(server: Server) -> None:
    execution = server.succeeds().run("success")
    assert names(server, execution) == []
    assert marks(server, execution) == 0


@V2
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_unknown_execution_is_not_found(server: Server, method: str) -> None:
    assert refused(server.api(method, "/executions/999999999/tags", json=[])) == (404, "Not Found")


@ZOD_ERA
def test_the_same_tag_twice_is_a_server_error(server: Server) -> None:
    execution = server.succeeds().run("success")
    tag = {"id": server.add_tag(f"c{execution}")}
    answer = server.api("PUT", f"/executions/{execution}/tags", json=[tag, tag])
    assert refused(answer) == (500, "Internal server error")


@ZOD_ERA
def test_a_tag_is_named_by_its_id_and_nothing_else(server: Server) -> None:
    execution = server.succeeds().run("success")
    answer = server.api("PUT", f"/executions/{execution}/tags", json=[{"id": "x", "name": "y"}])
    assert refused(answer) == (400, "request/body/0 Unrecognized key(s) in object: 'name'")


@ZOD_ERA
def test_tags_have_scopes_of_their_own(server: Server) -> None:
    execution = server.succeeds().run("success")
    reader = server.key("executionTags:list")
    assert ok(server.api("GET", f"/executions/{execution}/tags", key=reader)) == []
    assert refused(server.api("PUT", f"/executions/{execution}/tags", json=[], key=reader)) == (403, "Forbidden")
