# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks from the oldest execution on: the same rows as from the newest, after few requests, however long the history is."""

from __future__ import annotations

import base64
import bisect
import json
import random
import threading
import typing as t
from datetime import datetime, timedelta
from itertools import islice

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.n8n import PAGE_SIZE
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError, NoAnswer, NotAnN8nAnswer, ServerFault
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._history import History
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Page, Query
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, reply
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Row, at, info_params, row
from ansible_collections.flowops.n8n.tests.unit.strategies import histories, selections
from hypothesis import given
from hypothesis import strategies as st

KINDS = st.sampled_from(["exact", "ignored", "refused"])


def ids(found: t.Iterable[Execution] | None) -> list[str]:
    assert found is not None
    return [execution.id for execution in found]


def apart(rows: list[Row], gaps: list[int]) -> list[Row]:
    """The same rows with ids between which others are missing."""
    number, spread = 0, []
    for one, gap in zip(rows, gaps):
        number += gap
        spread.append({**one, "id": str(number)})
    return spread


class Long:
    """A long history, of which no row exists until it is asked for. One execution for each id, started at ``start(id)``."""

    def __init__(self, numbers: t.Sequence[int], start: t.Callable[[int], datetime]) -> None:
        self._numbers = numbers
        self._start = start
        self.requests = 0
        self.readers: set[threading.Thread] = set()

    def fetch(self, query: Query, cursor: str | None) -> Page:
        self.requests += 1
        self.readers.add(threading.current_thread())
        assert (query.started_after, query.started_before) == (None, None)
        below = int(json.loads(base64.b64decode(cursor))["lastId"]) if cursor else self._numbers[-1] + 1
        end = bisect.bisect_left(self._numbers, below)
        page = [self._execution(number) for number in reversed(self._numbers[max(end - PAGE_SIZE, 0) : end])]
        more = end > PAGE_SIZE
        encoded = base64.b64encode(json.dumps({"lastId": page[-1].id, "limit": PAGE_SIZE}).encode()).decode() if more else None
        return Page(tuple(page), encoded)

    def walk(self, selection: Selection) -> t.Iterator[Execution]:
        walk = History(DIALECTS["n8n"], self.fetch).oldest_first(selection)
        assert walk is not None
        return walk

    def _execution(self, number: int) -> Execution:
        start = self._start(number)
        return Execution(str(number), "w1", "success", started_at=start, stopped_at=start + timedelta(seconds=1))


def evenly(count: int, days: float) -> t.Callable[[int], datetime]:
    return lambda number: NOW - timedelta(days=days) + timedelta(days=days) * number / count


@given(histories(), st.lists(st.integers(1, 9), min_size=16, max_size=16), selections(), KINDS, st.integers(1, 5))
def test_the_same_rows_come_as_from_the_newest_whatever_is_missing_between_them(
    rows: list[Row], gaps: list[int], selection: Selection, kind: str, page: int
) -> None:
    n8n = FakeN8n(*apart(rows, gaps), statuses=kind, page=page)
    every = [n8n.client().get(one["id"]) for one in reversed(n8n.newest_first())]
    plain = Selection(**{**vars(selection), "started_after": None, "started_before": None, "ended_before": None})
    assert ids(n8n.client().oldest_first(plain)) == ids(one for one in every if plain.matches(one))


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6)), max_size=40),
    st.none() | st.integers(-48, 24),
    st.none() | st.integers(-48, 24),
    KINDS,
    st.integers(1, 5),
)
def test_a_walk_within_times_gives_all_of_them(
    steps: list[tuple[int, int]], after: int | None, before: int | None, kind: str, page: int
) -> None:
    number, start, rows = 0, -48, []
    for gap, hours in steps:
        number, start = number + gap, start + hours
        rows.append(row(number, start=start, stop=start + 1))
    n8n = FakeN8n(*rows, statuses=kind, page=page)
    times = {"started_after": None if after is None else at(after), "started_before": None if before is None else at(before)}
    if after is not None and before is not None and after > before:
        return
    selection = parse_selection(times, NOW)
    every = [n8n.client().get(one["id"]) for one in rows]
    assert ids(n8n.client().oldest_first(selection)) == ids(one for one in every if selection.matches(one))


def test_what_never_started_is_seen_and_what_started_late_does_not_end_the_walk_at_once() -> None:
    rows = [row(number, start=-24, stop=-23) for number in range(1, 8)]
    rows[3] = row(4, "canceled", start=None, stop=-20)
    rows[4] = row(5, start=20, stop=21)
    n8n = FakeN8n(*rows, page=2)
    assert ids(n8n.client().oldest_first(parse_selection({"older_than": "1d"}, NOW))) == ["1", "2", "3", "4", "6", "7"]


@pytest.mark.parametrize("count", [100_000, 1_000_000])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_the_oldest_of_a_long_history_come_after_few_requests_and_cost_few_more(count: int, step: int) -> None:
    numbers = range(5_000_000, 5_000_000 + count * step, step)
    long = Long(numbers, lambda number: evenly(count, 60)((number - 5_000_000) // step))
    walk = long.walk(parse_selection({"started_before": at(24 - 59 * 24)}, NOW))
    first = next(walk)
    assert (first.id, long.requests <= 30) == ("5000000", True)
    before = long.requests
    wanted = 1 + sum(one.started_at is not None and one.started_at <= NOW - timedelta(days=59) for one in walk)
    assert wanted == count // 60 + 1
    assert long.requests - before <= 1.2 * -(-wanted // PAGE_SIZE) + (2 if step > 1 else 0)


def test_a_thinned_out_past_is_crossed_quickly_and_a_dense_one_behind_it_is_held_a_few_pages_at_a_time() -> None:
    numbers = [*range(1, 100), *range(3_000_000, 3_100_000)]
    long = Long(numbers, evenly(3_100_000, 60))
    found = ids(islice(long.walk(Selection(now=NOW)), 1099))
    assert (found[98:101], found[-1]) == (["99", "3000000", "3000001"], "3000999")
    assert long.requests < 80


@pytest.mark.parametrize("lost", [1, 6, 11])
def test_chance_in_the_gaps_costs_little(lost: int) -> None:
    chance = random.Random(lost)
    numbers = [number for number in range(1, 60_000) if chance.randrange(12) >= lost]
    long = Long(numbers, evenly(60_000, 60))
    walk = long.walk(Selection(now=NOW))
    next(walk)
    before = long.requests
    assert 1 + sum(1 for _one in walk) == len(numbers)
    assert long.requests - before <= 1.2 * len(numbers) / PAGE_SIZE + 2


def test_a_server_with_cursors_or_ids_of_its_own_is_left_to_the_other_walk() -> None:
    old = parse_selection({"older_than": "1h"}, NOW)
    for rows, cursor in (([row(3), row(2)], "page-2"), ([{**row(3), "id": "exec-3"}], None)):
        n8n = FakeN8n(row(1), row(2), row(3), page=2)
        listed = {"data": rows, "nextCursor": cursor}
        n8n.script("GET /executions", lambda call, listed=listed: reply(call, 200, listed))
        assert n8n.client().oldest_first(old) is None
        assert n8n.log == ["GET /executions"]


def test_a_proxy_that_drops_the_cursor_is_noticed() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 9)), page=2)
    first = n8n.client()._dialect.list_call(Query(), None)
    answer = n8n.answer(first)
    walk = n8n.client().oldest_first(parse_selection({"started_before": at(9)}, NOW))
    for call in ("GET /executions",) * 9:
        n8n.script(call, lambda _call: answer)
    with pytest.raises(NotAnN8nAnswer, match="does not heed its cursor"):
        ids(walk)


@pytest.mark.parametrize("at_once, elsewhere", [(1, False), (4, True)])
def test_the_next_page_is_read_while_one_is_worked_at_unless_one_call_at_a_time_is_asked_for(
    at_once: int, elsewhere: bool
) -> None:
    long = Long(range(1, 2001), evenly(2000, 60))
    walk = History(DIALECTS["n8n"], long.fetch, at_once).oldest_first(Selection(now=NOW))
    assert walk is not None
    first = next(walk)
    before, long.readers = long.requests, set()
    # Few rows may be all that is wanted.
    assert (ids(islice(walk, 9)), long.requests) == ([str(number) for number in range(2, 11)], before)
    assert (first.id, ids(walk)) == ("1", [str(number) for number in range(11, 2001)])
    assert (threading.main_thread() not in long.readers, long.requests - before <= 8) == (elsewhere, True)


def test_ids_that_stand_close_together_are_read_by_the_page_and_others_are_left() -> None:
    numbers = [*range(1, 2001), *range(10_000, 200_000, 5_000)]
    n8n = FakeN8n(*(row(number) for number in numbers), row(2001, "running"))
    n8n.in_memory = {2001}
    wanted = [str(number) for number in (*range(1, 2002), *range(10_000, 200_000, 5_000), 2500)]
    found = {execution.id for execution in n8n.client().rows_of(wanted)}
    # Eight times 250 from the greatest on; the first one is left alone.
    assert found == {str(number) for number in range(2, 2001)}
    assert len(n8n.log) == 8


def test_a_list_that_may_not_be_read_shows_nothing_of_them() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 10)))
    n8n.scopes_missing.add("execution:list")
    assert n8n.client().rows_of([str(number) for number in range(1, 10)]) == []


@pytest.mark.parametrize("error", [ServerFault("500", status=500), NoAnswer("timed out")])
def test_a_list_that_cannot_be_read_shows_nothing_of_them(error: N8nError) -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 10)))

    def fails(_call: Call) -> Answer:
        raise error

    n8n.script("GET /executions", fails)
    assert n8n.client().rows_of([str(number) for number in range(1, 10)]) == []


def test_a_time_at_the_end_of_the_calendar_is_a_time_like_another() -> None:
    n8n = FakeN8n(row(1), row(2))
    always = parse_selection(info_params(started_after="0001-01-01T00:00:00Z", started_before="9999-12-31T23:59:59.9999Z"), NOW)
    assert ids(n8n.client().executions(always)) == ["2", "1"]
    assert ids(n8n.client().oldest_first(always)) == ["1", "2"]
