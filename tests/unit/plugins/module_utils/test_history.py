# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks through an instance's history: every row once, newest first, with the fewest requests."""

from __future__ import annotations

import typing as t
from dataclasses import replace
from itertools import islice

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import NotAnN8nAnswer, Rejected, ServerFault
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, cursor_after, cursor_below, reply, words
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Row, at, row
from ansible_collections.flowops.n8n.tests.unit.strategies import histories, selections
from hypothesis import given
from hypothesis import strategies as st

OVER = ["canceled", "crashed", "error", "success", "unknown"]
ALL = ["GET /executions?status=new", "GET /executions?status=waiting", "GET /executions?status=running", "GET /executions"]
KINDS = st.sampled_from(["exact", "ignored", "refused"])


def select(**options: t.Any) -> Selection:
    return parse_selection(options, NOW)


def ids(found: t.Iterable[Execution]) -> list[str]:
    return [execution.id for execution in found]


@given(histories(), selections(), KINDS, st.integers(1, 5), st.data())
def test_each_row_that_is_meant_comes_once_and_newest_first_from_every_server(
    rows: list[Row], selection: Selection, kind: str, page: int, data: st.DataObject
) -> None:
    n8n = FakeN8n(*rows, statuses=kind, page=page)
    # What n8n runs itself is in no list but that of the running; it may also have been left over in the database.
    running = [int(one["id"]) for one in rows if one["status"] == "running"]
    n8n.in_memory = set(data.draw(st.lists(st.sampled_from(running)))) if running else set()
    every = [n8n.client().get(one["id"]) for one in n8n.newest_first()]
    # n8n 2.37 and newer show nothing that never started while the start is filtered by.
    hidden = kind == "exact" and selection.ended_before is not None
    expected = [one for one in every if selection.matches(one) and not (hidden and one.started_at is None)]
    assert ids(n8n.client().executions(selection)) == ids(expected)


@given(histories(), KINDS, st.integers(1, 17))
def test_a_walk_down_to_an_id_ends_there(rows: list[Row], kind: str, oldest: int) -> None:
    n8n = FakeN8n(*rows, statuses=kind, page=2)
    expected = [one["id"] for one in n8n.newest_first() if int(one["id"]) >= oldest]
    assert ids(n8n.client().executions(Selection(now=NOW), oldest)) == expected


@pytest.mark.parametrize("kind, found", [("exact", ["3"]), ("ignored", ["3", "2", "1"]), ("refused", ["3", "2", "1"])])
def test_what_was_ended_while_it_was_queued_is_old_where_the_server_shows_it(kind: str, found: list[str]) -> None:
    n8n = FakeN8n(row(1, "canceled", start=None), row(2, "crashed", start=None), row(3, "success"), statuses=kind)
    assert ids(n8n.client().executions(select(older_than="1h"))) == found
    assert ids(n8n.client().executions(select(status=["canceled", "crashed"]))) == ["2", "1"]


def test_everything_takes_one_list_for_each_live_status_and_a_plain_one() -> None:
    n8n = FakeN8n(row(1), row(2, "running"), row(3, "waiting"))
    n8n.in_memory = {2}
    assert ids(n8n.client().executions(select())) == ["3", "2", "1"]
    assert n8n.log == ALL


@pytest.mark.parametrize("filters", [{}, {"status": ["new", "running", "waiting"]}])
@pytest.mark.parametrize("before, after", [("new", "running"), ("waiting", "running"), ("running", "waiting")])
def test_what_is_live_is_found_though_it_goes_on_between_two_lists(filters: dict[str, t.Any], before: str, after: str) -> None:
    for status in ("new", "waiting", "running"):
        n8n = FakeN8n(row(1, before), row(2))
        n8n.in_memory = {1} if before == "running" else set()

        def goes_on(_call: Call, n8n: FakeN8n = n8n) -> None:
            n8n.rows[1] = row(1, after)
            n8n.in_memory = {1} if after == "running" else set()

        n8n.script(f"GET /executions?status={status}", goes_on)
        assert "1" in ids(n8n.client().executions(select(**filters))), status


def test_what_is_over_takes_one_list() -> None:
    n8n = FakeN8n(row(1), row(2, "error"))
    assert ids(n8n.client().executions(select(older_than="1h"))) == ["2", "1"]
    assert len(n8n.log) == 1


def test_all_statuses_that_are_over_take_one_plain_list() -> None:
    n8n = FakeN8n(row(1), row(2, "error"))
    over = ["canceled", "crashed", "error", "success", "unknown"]
    assert ids(n8n.client().executions(select(status=over))) == ["2", "1"]
    assert n8n.log == ["GET /executions"]


def test_the_server_filters_what_it_can() -> None:
    n8n = FakeN8n(row(1, "error", workflow="w1"), row(2, "error", workflow="w2"), row(3, "success", workflow="w1"))
    selection = select(status=["error"], workflow=["w1", "w2"], project="p", started_after=at(0), started_before=at(5))
    assert ids(n8n.client().executions(selection)) == []
    more = "projectId=p&startedAfter=2026-11-01T00%3A00%3A00.000Z&startedBefore=2026-11-01T05%3A00%3A00.000Z"
    assert n8n.log == [f"GET /executions?status=error&workflowId={workflow}&{more}" for workflow in ("w1", "w2")]


def test_pages_follow_the_cursor_and_repeat_the_filters() -> None:
    n8n = FakeN8n(*(row(number, "error") for number in range(1, 6)), page=2)
    assert ids(n8n.client().executions(select(status=["error"]))) == ["5", "4", "3", "2", "1"]
    assert n8n.log == [
        "GET /executions?status=error",
        f"GET /executions?{cursor_after(4, 2)}&status=error",
        f"GET /executions?{cursor_after(2, 2)}&status=error",
    ]


def test_no_more_pages_are_read_than_are_looked_at() -> None:
    n8n = FakeN8n(*(row(number, "error") for number in range(1, 100)), page=10)
    assert ids(islice(n8n.client().executions(select(status=["error"])), 5)) == ["99", "98", "97", "96", "95"]
    assert len(n8n.log) == 1


def test_rows_may_be_deleted_while_they_are_walked_over() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 8)), page=2)
    client, seen = n8n.client(), []
    for execution in client.executions(select(status=["success"])):
        seen.append(execution.id)
        client.delete(execution.id)
    assert seen == ["7", "6", "5", "4", "3", "2", "1"]
    assert n8n.rows == {}


def test_an_execution_that_ends_between_two_lists_is_seen_once_and_over() -> None:
    n8n = FakeN8n(row(1, "running"), row(2))
    n8n.in_memory = {1}
    n8n.script("GET /executions?status=waiting", lambda _call: n8n.end(1, "success"))
    found = list(n8n.client().executions(select()))
    assert [(one.id, one.status) for one in found] == [("2", "success"), ("1", "success")]


def test_an_execution_whose_id_has_no_number_is_seen_once_though_it_ends_between_two_lists() -> None:
    n8n = FakeN8n()
    lists = {"running": [("exec-a", "running")], None: [("exec-b", "success"), ("exec-a", "success")]}

    def listed(call: Call) -> Answer:
        rows = lists.get(dict(call.query).get("status"), [])
        return reply(call, 200, {"data": [{**row(1, status), "id": one} for one, status in rows], "nextCursor": None})

    n8n.script("GET /executions", listed, times=len(ALL))
    assert sorted(ids(n8n.client().executions(select()))) == ["exec-a", "exec-b"]


def test_a_refused_start_filter_is_asked_for_once_and_the_walk_ends_a_day_before_it() -> None:
    n8n = FakeN8n(*(row(number, start=number - 100, stop=None) for number in range(1, 101)), statuses="refused", page=10)
    client = n8n.client()
    selection = select(status=["success"], started_after=at(-5))
    assert ids(client.executions(selection)) == [str(number) for number in range(100, 94, -1)]
    after = "startedAfter=2026-10-31T19%3A00%3A00.000Z"
    cursors = [cursor_after(number, 10) for number in (91, 81, 71)]
    # Rows 70 to 61 started more than a day before, all of them.
    plain = [f"GET /executions?{cursor}&status=success" for cursor in cursors]
    assert n8n.log == [f"GET /executions?status=success&{after}", "GET /executions?status=success", *plain]
    n8n.log.clear()
    assert next(iter(client.executions(selection))).id == "100"
    assert n8n.log == ["GET /executions?status=success"]


def test_one_old_start_on_a_page_does_not_end_the_walk() -> None:
    n8n = FakeN8n(row(1, start=1), row(2, start=2), row(3, start=-90), row(4, start=-90), statuses="refused", page=3)
    assert ids(n8n.client().executions(select(status=["success"], started_after=at(-5)))) == ["2", "1"]


def test_a_refused_end_of_the_start_is_left_out_and_rows_are_checked_here() -> None:
    n8n = FakeN8n(row(1, start=1), row(2, start=3), statuses="refused")
    assert ids(n8n.client().executions(select(status=["success"], started_before=at(2)))) == ["1"]
    assert n8n.log == [
        "GET /executions?status=success&startedBefore=2026-11-01T02%3A00%3A00.000Z",
        "GET /executions?status=success",
    ]


def test_a_filter_that_only_the_server_can_apply_is_never_left_out() -> None:
    n8n = FakeN8n(row(1), statuses="refused")
    n8n.refuse("GET /executions", 400, "Unknown query parameter 'projectId'")
    with pytest.raises(Rejected, match="projectId"):
        list(n8n.client().executions(select(status=["success"], project="p1")))
    assert len(n8n.log) == 1


def test_refused_statuses_are_looked_for_in_a_wider_list() -> None:
    n8n = FakeN8n(row(1, "crashed"), row(2, "error"), row(3, "unknown"), row(4), statuses="refused")
    client = n8n.client()
    assert ids(client.executions(select(status=["crashed"]))) == ["1"]
    assert n8n.log == ["GET /executions?status=crashed", "GET /executions?status=error"]
    n8n.log.clear()
    assert ids(client.executions(select(status=["crashed", "unknown"]))) == ["3", "1"]
    assert n8n.log == ["GET /executions?status=error", "GET /executions?status=unknown", "GET /executions"]


def test_a_wider_list_is_walked_over_once_for_all_that_look_there() -> None:
    n8n = FakeN8n(row(1, "new"), row(2, "unknown"), row(3, "crashed"), row(4, "error"), statuses="refused")
    assert ids(n8n.client().executions(select(status=["new", "unknown", "crashed", "error"]))) == ["4", "3", "2", "1"]
    assert n8n.log == [
        "GET /executions?status=new",
        "GET /executions",
        "GET /executions?status=crashed",
        "GET /executions?status=error",
        "GET /executions?status=unknown",
    ]


def test_a_filter_that_is_accepted_and_ignored_is_found_out_on_its_first_page() -> None:
    rows = [row(number, "success" if number % 2 else "crashed") for number in range(1, 7)]
    n8n = FakeN8n(*rows, statuses="ignored", page=2)
    assert ids(n8n.client().executions(select(status=["crashed", "unknown"]))) == ["6", "4", "2"]
    # "unknown" brings the same rows, so that its list is left after one page.
    assert [call for call in n8n.log if "unknown" in call] == ["GET /executions?status=unknown"]
    assert len(n8n.log) == 4


def test_whether_a_status_can_be_listed_is_asked_for_an_unknown_workflow() -> None:
    n8n = FakeN8n(row(1), statuses="refused")
    client = n8n.client()
    assert not client.lists_what_waits()
    assert not client.lists_what_waits()
    assert n8n.log == ["GET /executions?status=new&workflowId=0"]
    assert FakeN8n(row(1)).client().lists_what_waits()


@pytest.mark.parametrize("kept", [None, "the old page"])
def test_a_list_that_does_not_go_on_is_an_error_and_no_endless_loop(kept: str | None) -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 6)), page=2)

    def drop_the_cursor(call: Call) -> Answer:
        plain = Call("GET", "/executions", tuple(pair for pair in call.query if pair[0] != "cursor"))
        return n8n.answer(plain) if kept is None else reply(call, 200, {"data": [row(4)], "nextCursor": "x"})

    n8n.script(f"GET /executions?{cursor_after(4, 2)}&status=success", drop_the_cursor)
    with pytest.raises(NotAnN8nAnswer, match="does not go on: after id 4"):
        list(n8n.client().executions(select(status=["success"])))
    assert len(n8n.log) == 2


def test_an_error_on_a_later_page_is_raised_after_the_rows_before_it() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 6)), page=2)
    n8n.refuse(f"GET /executions?{cursor_after(4, 2)}&status=success", 400, "An invalid cursor was provided")
    walk = n8n.client().executions(select(status=["success"]))
    assert ids(islice(walk, 1)) == ["5"]
    with pytest.raises(Rejected, match="cursor"):
        list(walk)


def test_the_direct_retries_of_an_execution_are_found_running_or_not() -> None:
    n8n = FakeN8n(row(4), row(5, "error"), row(6, "error", retry_of=5), row(7, retry_of=6), row(8, "running", retry_of=5))
    n8n.in_memory = {8}
    client = n8n.client()
    assert ids(client.retries_of(client.get("5"), NOW)) == ["8", "6"]
    lists = ["?status=new&workflowId=w1", "?status=waiting&workflowId=w1", "?status=running&workflowId=w1", "?workflowId=w1"]
    assert n8n.log == ["GET /executions/5", *(f"GET /executions{query}" for query in lists)]


def test_the_fake_is_asked_in_the_words_that_the_tests_state() -> None:
    call = Call("POST", "/a", (("limit", "250"), ("b", "c d")), {"e": 1})
    assert words(call, root=True) == 'POST root:/a?b=c+d {"e": 1}'


def test_a_list_of_ids_without_numbers_must_go_on_too() -> None:
    n8n = FakeN8n(row(1))
    page = {"data": [{**row(1), "id": "exec-b"}, {**row(1), "id": "exec-a"}], "nextCursor": "again"}
    n8n.script("GET /executions", lambda call: reply(call, 200, page), times=9)
    with pytest.raises(NotAnN8nAnswer, match="does not go on"):
        ids(n8n.client().executions(select(status=["success"])))


@given(histories(), selections(), KINDS, st.integers(1, 5), st.lists(st.integers(1, 9), min_size=16, max_size=16))
def test_several_pages_at_once_give_the_same_rows_in_the_same_order(
    rows: list[Row], selection: Selection, kind: str, page: int, gaps: list[int]
) -> None:
    number, spread = 0, []
    for one, gap in zip(rows, gaps):
        number += gap
        spread.append({**one, "id": str(number)})
    n8n = FakeN8n(*spread, statuses=kind, page=page)
    # Where a walk by time ends depends on where its pages do, if times do not follow the ids at all.
    selection = replace(selection, started_after=None)
    assert ids(n8n.client(concurrency=4).executions(selection)) == ids(n8n.client().executions(selection))


def test_the_last_page_is_given_whole_though_it_reaches_below_its_window() -> None:
    n8n = FakeN8n(*(row(number) for number in (1, 3, 4)), page=1)
    assert ids(n8n.client(concurrency=4).executions(select(status=OVER))) == ["4", "3", "1"]
    n8n = FakeN8n(*(row(number) for number in (*range(1, 60, 30), *range(1000, 1500))), page=100)
    assert len(ids(n8n.client(concurrency=4).executions(select(status=OVER)))) == 502


@pytest.mark.parametrize("kind", ["exact", "refused"])
def test_several_pages_at_once_end_at_the_time_that_is_asked_for(kind: str) -> None:
    n8n = FakeN8n(*(row(number, start=number / 10, stop=number / 10) for number in range(-5000, 241)[-5000:]), page=100)
    n8n.rows = {number + 5000: {**one, "id": str(number + 5000)} for number, one in n8n.rows.items()}
    found = ids(n8n.client(concurrency=4).executions(select(started_after=at(-100), status=OVER)))
    assert found == [str(number + 5000) for number in range(240, -1001, -1)]
    # The margin of a day is 240 more; what was read ahead for nothing is three pages at most.
    assert len(n8n.log) <= 13 + (3 if kind == "exact" else 7)


@pytest.mark.parametrize("step", [1, 7])
def test_a_long_walk_reads_ahead_and_no_page_twice(step: int) -> None:
    numbers = range(1, 1 + 2000 * step, step)
    n8n = FakeN8n(*(row(number) for number in numbers), page=50)
    found = ids(n8n.client(concurrency=4).executions(select(older_than="1h")))
    assert found == [str(number) for number in reversed(numbers)]
    assert len(n8n.log) <= (40 if step == 1 else 56)


def test_an_empty_page_ends_a_walk_ahead_though_it_names_another() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 41)), page=5)
    # Everything below it was deleted while the page was made.
    empty = {"data": [], "nextCursor": "one more"}
    n8n.script(f"GET /executions?{cursor_below(26)}", lambda call: reply(call, 200, empty))
    found = ids(n8n.client(concurrency=4).executions(select(status=OVER)))
    assert found == [str(number) for number in range(40, 25, -1)]


def test_a_walk_that_ends_early_reads_nothing_ahead() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 1001)), page=50)
    assert len(list(islice(n8n.client(concurrency=4).executions(select(older_than="1h")), 100))) == 100
    assert len(n8n.log) == 2
    n8n.log.clear()
    assert len(list(n8n.client(concurrency=4).executions(select(older_than="1h"), 850))) == 151
    assert len(n8n.log) <= 4


def test_a_page_that_cannot_be_read_ends_a_walk_ahead_where_it_is() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 1001)), page=50)
    n8n.refuse(f"GET /executions?{cursor_below(701)}&startedBefore=2026-11-01T23%3A00%3A00.000Z", 500, "Internal server error")
    found: list[str] = []
    with pytest.raises(ServerFault):
        found.extend(execution.id for execution in n8n.client(concurrency=4).executions(select(older_than="1h")))
    assert found == [str(number) for number in range(1000, 700, -1)]
