"""How a list is paged: limits and cursors."""

from __future__ import annotations

import pytest

from tests.contract.common import V1, VALIDATOR_ERA, ZOD_ERA, cursor, held_in, ok, refused
from tests.servers import Server, Workflow
from tests.simulator.seed import Row


@pytest.fixture(scope="module")
def large(server: Server) -> Workflow:
    """A workflow with more executions than the largest page holds; nobody changes it."""
    workflow = server.succeeds()
    server.insert([Row(workflow.id)] * 260)
    return workflow


def test_a_page_holds_100_unless_told_otherwise(large: Workflow) -> None:
    assert large.listed() == large.ids()[: -100 - 1 : -1]


def test_a_page_holds_250_at_most(large: Workflow) -> None:
    assert large.listed(limit=250) == large.ids()[: -250 - 1 : -1]


@VALIDATOR_ERA
def test_a_larger_limit_is_refused(server: Server) -> None:
    answer = server.api("GET", "/executions", params={"limit": 251})
    assert refused(answer) == (400, "request/query/limit must be <= 250")


@ZOD_ERA
def test_a_larger_limit_is_cut_without_a_word(large: Workflow) -> None:
    assert large.listed(limit=260) == large.ids()[: -250 - 1 : -1]


def test_a_cursor_holds_the_last_id_and_the_limit(server: Server, large: Workflow) -> None:
    body = ok(server.api("GET", "/executions", params={"workflowId": large.id, "limit": 3}))
    assert held_in(body["nextCursor"]) == {"lastId": body["data"][-1]["id"], "limit": 3}


def test_the_last_page_has_no_cursor(server: Server, large: Workflow) -> None:
    oldest = large.ids()
    query = {"workflowId": large.id, "cursor": cursor(lastId=oldest[3], limit=2)}
    first = ok(server.api("GET", "/executions", params=query))
    last = ok(server.api("GET", "/executions", params={"workflowId": large.id, "cursor": first["nextCursor"]}))
    assert [row["id"] for row in first["data"]] == oldest[2:0:-1]
    assert [row["id"] for row in last["data"]] == oldest[:1]
    assert last["nextCursor"] is None


def test_a_cursor_built_by_the_client_is_accepted(large: Workflow) -> None:
    ids = large.ids()
    assert large.listed(cursor=cursor(lastId=ids[10], limit=4)) == ids[9:5:-1]


def test_a_cursor_need_not_name_an_execution_that_exists(large: Workflow) -> None:
    beyond = str(int(large.ids()[-1]) + 1_000_000)
    assert large.listed(cursor=cursor(lastId=beyond, limit=2)) == large.ids()[:-3:-1]


def test_a_cursor_with_the_next_id_and_limit_1_reads_one_row(large: Workflow) -> None:
    wanted = large.ids()[7]
    assert large.listed(cursor=cursor(lastId=str(int(wanted) + 1), limit=1)) == [wanted]


def test_the_limit_of_a_cursor_wins_over_that_of_the_query(large: Workflow) -> None:
    ids = large.ids()
    assert large.listed(cursor=cursor(lastId=ids[9], limit=2), limit=5) == ids[8:6:-1]


def test_the_filters_are_not_in_the_cursor(server: Server) -> None:
    one, other = server.succeeds(), server.succeeds()
    first, _unused, last = server.insert([Row(one.id), Row(one.id), Row(other.id)])
    query = {"workflowId": one.id, "limit": 1}
    following = ok(server.api("GET", "/executions", params=query))["nextCursor"]
    assert one.listed(cursor=following) == [first]
    assert other.listed(cursor=cursor(lastId=str(int(last) + 1), limit=1)) == [last]
    assert one.listed(cursor=following, status="error") == []


def test_deleting_while_paging_loses_nothing(server: Server) -> None:
    workflow = server.succeeds()
    ids = server.insert([Row(workflow.id)] * 6)
    seen: list[str] = []
    query: dict[str, object] = {"workflowId": workflow.id, "limit": 2}
    while True:
        body = ok(server.api("GET", "/executions", params=query))
        for row in body["data"]:
            seen.append(row["id"])
            ok(server.api("DELETE", f"/executions/{row['id']}"))
        if body["nextCursor"] is None:
            break
        query["cursor"] = body["nextCursor"]
    assert seen == ids[::-1]
    assert workflow.ids() == []


@pytest.mark.parametrize("broken", ["abc", "%%%", "bm90IGpzb24=", "bnVsbA=="])
def test_a_broken_cursor_is_refused(server: Server, broken: str) -> None:
    answer = server.api("GET", "/executions", params={"cursor": broken})
    assert refused(answer) == (400, "An invalid cursor was provided")


@V1
def test_a_last_id_that_is_no_number_is_refused_with_text_of_the_database(server: Server) -> None:
    query = {"status": "running", "cursor": cursor(lastId="x", limit=2)}
    assert refused(server.api("GET", "/executions", params=query)) == (400, "SQLITE_ERROR: no such column: NaN")


@ZOD_ERA
def test_a_last_id_that_is_no_number_is_a_server_error(server: Server) -> None:
    query = {"status": "running", "cursor": cursor(lastId="x", limit=2)}
    assert refused(server.api("GET", "/executions", params=query)) == (500, "Internal server error")


def test_a_last_id_that_is_no_number_begins_the_list_again_while_anything_runs(server: Server, large: Workflow) -> None:
    """With ids to leave out n8n asks its database in another way, and a client would page for ever."""
    server.waits_seconds().run("running")
    assert large.listed(cursor=cursor(lastId="x", limit=2)) == large.ids()[:-3:-1]


def test_rows_without_data_drop_out_of_a_list_with_data_and_end_it_early(server: Server) -> None:
    workflow = server.succeeds()
    server.insert([Row(workflow.id, data=None)] * 3)
    query = {"workflowId": workflow.id, "includeData": "true", "limit": 1}
    assert ok(server.api("GET", "/executions", params=query)) == {"data": [], "nextCursor": None}
    assert len(workflow.listed(limit=1)) == 1
