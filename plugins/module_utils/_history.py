# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks an instance's history with the fewest requests; the only place that knows cursors.

Every row is to be checked again by the caller: a walk may give more than it was asked for.
"""

from __future__ import annotations

import heapq
import itertools
import math
import typing as t
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.base import Dialect
from ansible_collections.flowops.n8n.plugins.module_utils._errors import NotAnN8nAnswer
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, order_of, shifted
from ansible_collections.flowops.n8n.plugins.module_utils._lane import Lane, Lists
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Page, Query

# Ids are handed out when an execution is created, so start times follow them almost, but not
# wholly: one that waited in a queue started later, and n8n 1.x gives one that goes on after a wait
# a new start. A walk that ends by time goes on for this long,
MARGIN = timedelta(days=1)
# and one from the oldest on for this long and half a page more: whatever comes then was queued as a whole.
MARGIN_RISING = timedelta(hours=1)
# Pages that are read one after the other before several are read at once: most walks end before.
ONE_BY_ONE = 2
# How many of the wanted ids a page must be expected to hold to be read in place of them.
WORTH_A_PAGE = 3


class History:
    """The executions of one instance. ``fetch`` asks the server for one page of a list, ``at_once`` times at once at the most."""

    def __init__(self, dialect: Dialect, fetch: t.Callable[[Query, str | None], Page], at_once: int = 1) -> None:
        self._dialect = dialect
        self._lists = Lists(dialect, fetch)
        self._at_once = at_once

    def can_list(self, status: str) -> bool:
        """Whether the server can be asked for this status; n8n before 2.13 cannot for crashed, new and unknown."""
        return self._lists.can_filter_by(status)

    def newest_first(self, selection: Selection, oldest: int = 0) -> t.Iterator[Execution]:
        """Every execution that the selection can mean, each once, down to the order ``oldest``."""
        began = shifted(selection.started_after, -MARGIN)
        lanes = [self._falling(lane, oldest, began) for lane in self._lanes(self._queries(selection))]
        return _merged(lanes, -1)

    def oldest_first(self, selection: Selection) -> t.Iterator[Execution] | None:
        """The same from the other end, or ``None`` where the server's cursors cannot be built: then nothing but the first
        page of a list was read.

        It finds the old end in about as many requests as the number of pages has binary digits. Times bound the walk by the
        rows that come, not by the server's filters, which hide what never started (n8n 2.37 and newer).
        """
        queries = [replace(query, started_after=None, started_before=None) for query in self._queries(selection)]
        walks: list[t.Iterator[Execution]] = []
        for lane in self._lanes(queries):
            first = lane.page(None)
            if not self._dialect.goes_on_below(first):
                return None
            walk = _Rising(lane, self._dialect, first, selection.started_after, selection.latest_start)
            # One call at a time is what some are asked for: then what is done with the rows must be done first.
            walks.append(_ahead(walk.pages()) if self._at_once > 1 else itertools.chain.from_iterable(walk.pages()))
        return _merged(walks, 1)

    def rows_of(self, execution_ids: t.Iterable[str]) -> t.Iterator[Execution]:
        """Those of these that the plain list shows, where they stand so close that a page holds several of them."""
        if self._dialect.cursor_below(1) is None:
            return
        wanted = sorted((order_of(one) for one in execution_ids if one.isdecimal()), reverse=True)
        groups = [group for group in _close(wanted, self._dialect.page_size) if len(group) >= WORTH_A_PAGE]
        lane = Lane(self._lists, Query(), set())
        executor = ThreadPoolExecutor(self._at_once)
        try:
            for group, page in zip(groups, executor.map(lambda group: _below(lane, self._dialect, group[0] + 1), groups)):
                if not self._dialect.goes_on_below(page):
                    return
                among = set(group)
                yield from (row for row in page.executions if row.order in among)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _lanes(self, queries: list[Query]) -> list[Lane]:
        under_way = set(queries)
        return [Lane(self._lists, query, under_way) for query in queries]

    def _falling(self, lane: Lane, oldest: int, began: datetime | None) -> t.Iterator[Execution]:
        """The rows of one list, newest first, by the server's own cursors."""
        cursor: str | None = None
        last: Execution | None = None
        passed: set[str] = set()
        for number in itertools.count(1):
            page = lane.page(cursor)
            rows = page.executions
            if not rows:
                return
            # Ids without a number, as a gateway may make them, have no order that could be checked.
            if last is not None and (rows[0].id in passed or 0 < last.order < rows[0].order):
                raise NotAnN8nAnswer(
                    f"The server's list of executions does not go on: after id {last.id} came {rows[0].id}. "
                    "Something between here and n8n answers with an old page, or drops the cursor."
                )
            yield from [row for row in rows if row.order >= oldest or not row.order] if oldest else rows
            if page.cursor is None or 0 < rows[-1].order < oldest:
                return
            if began is not None and not lane.filters_by_start and _all_before(rows, began):
                return
            if number >= ONE_BY_ONE and self._at_once > 1 and lane.is_plain and self._dialect.goes_on_below(page):
                yield from self._falling_at_once(lane, rows, oldest, began)
                return
            cursor, last, passed = page.cursor, rows[-1], {row.id for row in rows}

    def _falling_at_once(
        self, lane: Lane, above: t.Sequence[Execution], oldest: int, began: datetime | None
    ) -> t.Iterator[Execution]:
        """The rows below those, several pages at once by cursors that are built here, a page ahead for each that is expected."""
        size, place = len(above), above[-1].order
        width = _width(size, size, above[0].order - place + 1)
        ahead: deque[tuple[int, int, Future[Page]]] = deque()
        executor = ThreadPoolExecutor(self._at_once)
        try:
            while True:
                while len(ahead) < self._at_once and place > max(oldest, 1):
                    low = max(place - width, 1)
                    ahead.append((place, low, executor.submit(_below, lane, self._dialect, place)))
                    place = low
                if not ahead:
                    return
                below, low, future = ahead.popleft()
                page, count = future.result(), 0
                while True:
                    rows: t.Sequence[Execution] = page.executions
                    if not rows:
                        return
                    # The last page of all holds what lies below the window, too.
                    if page.cursor is not None and rows[-1].order < low:
                        rows = [row for row in rows if row.order >= low]
                    count += len(rows)
                    yield from [row for row in rows if row.order >= oldest] if oldest else rows
                    if page.cursor is None:
                        return
                    if began is not None and not lane.filters_by_start and _all_before(page.executions, began):
                        return
                    if page.executions[-1].order <= low:
                        break
                    # There were more than a page could hold.
                    page = _below(lane, self._dialect, page.executions[-1].order)
                width = min(_width(size, count, below - low), 8 * width)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _queries(self, selection: Selection) -> list[Query]:
        """The lists to ask for: a server filters by one workflow, one status and one mode at a time."""
        return [
            Query(
                workflow=workflow,
                status=status,
                mode=mode,
                project=selection.project,
                started_after=selection.started_after,
                started_before=selection.latest_start,
            )
            for status in self._dialect.status_lists(selection.statuses, selection.live_statuses)
            for mode in self._dialect.mode_lists(selection.modes)
            for workflow in (selection.workflows if selection.workflows is not None else (None,))
        ]


def _merged(lanes: list[t.Iterator[Execution]], direction: int) -> t.Iterator[Execution]:
    """The rows of several lanes in one order, each execution once."""
    if len(lanes) == 1:
        # Nothing can come twice, so no row need be held back to see.
        yield from lanes[0]
        return
    unfinished = len(lanes)

    def to_its_end(lane: t.Iterator[Execution]) -> t.Iterator[Execution]:
        nonlocal unfinished
        yield from lane
        unfinished -= 1

    # Those of one place in the order, by id: more than one only where the start is all that tells the place.
    held: dict[str, Execution] = {}
    place: int | None = None
    live: set[str] = set()
    merged = heapq.merge(*map(to_its_end, lanes), key=lambda one: direction * one.order)
    for execution in merged:
        order = execution.order
        if order != place or not order:
            yield from held.values()
            held, place = {}, order
            if unfinished == 1:
                # As a rule nearly all of a history comes from here: what is live is little, and among the newest.
                yield from (one for one in itertools.chain((execution,), merged) if one.id not in live)
                return
        before = held.get(execution.id)
        if before is not None:
            # It ended between two requests: the end is the later news.
            held[execution.id] = execution if before.is_live else before
        elif execution.id not in live:
            held[execution.id] = execution
        if execution.is_live:
            # Without a number it may come again far from here, and so may one that began between two requests.
            live.add(execution.id)
    yield from held.values()


class _Rising:
    """The rows of one list, oldest first, by cursors that are built here.

    A page holds the newest rows below a place. The walk asks for the rows below a place as far above what it has as one page is
    expected to hold; what turns out to be more is put by until what lies below it is read.
    """

    def __init__(self, lane: Lane, dialect: Dialect, first: Page, began: datetime | None, ended: datetime | None) -> None:
        self._lane = lane
        self._dialect = dialect
        self._first = first
        self._began = shifted(began, -MARGIN)
        self._ended = shifted(ended, MARGIN_RISING)
        # What the server makes of the size that it is asked for.
        self._size = max(len(first.executions), 1)
        # Rows in a row that started too late to be meant.
        self._late = 0

    def pages(self) -> t.Iterator[t.Sequence[Execution]]:
        """The rows in order, as many at a time as came in a page."""
        rows = self._first.executions
        if self._first.cursor is None:
            yield rows[::-1]
            return
        top = rows[0].order
        # Pages above what has been given, the lowest last. The newest one is read anew when the walk comes there.
        above: list[tuple[Execution, ...]] = []
        done, rows = self._old_end(rows[-1].order)
        yield rows[::-1]
        width = _width(self._size, len(rows), rows[0].order - rows[-1].order + 1) if rows else self._size
        while done < top and not self._is_past(rows):
            ceiling = above[-1][-1].order - 1 if above else top
            if done >= ceiling:
                rows = above.pop()
                yield rows[::-1]
                done = rows[0].order
                continue
            goal = min(done + width, ceiling)
            page = _below(self._lane, self._dialect, goal + 1)
            rows = tuple(row for row in page.executions if row.order > done)
            if not rows or page.cursor is None or len(rows) < len(page.executions) or rows[-1].order == done + 1:
                yield rows[::-1]
                span, done = goal - done, goal
            else:
                above.append(rows)
                span, rows = goal + 1 - rows[-1].order, ()
                width = min(width, _width(self._size, len(above[-1]), span))
                continue
            width = min(_width(self._size, len(rows), span), 8 * width)

    def _old_end(self, known: int) -> tuple[int, tuple[Execution, ...]]:
        """The place below which nothing is left to be read, and the rows just below it that are. ``known`` is one with rows."""
        low, high = 0, known
        while high - low > 1:
            middle = low + 1 + (high - low) // 2
            page = _below(self._lane, self._dialect, middle)
            rows = page.executions
            if not rows or (self._began is not None and _all_before(rows, self._began)):
                low = middle - 1
            elif page.cursor is None or rows[-1].order <= low + 1:
                return middle - 1, rows
            else:
                high = rows[-1].order
        return low, ()

    def _is_past(self, rows: t.Sequence[Execution]) -> bool:
        """Whether so many rows in a row started too late that nothing that is meant can follow."""
        if self._ended is None:
            return False
        for row in rows:
            late = row.started_at is not None and row.started_at > self._ended
            self._late = self._late + 1 if late else 0
        return 2 * self._late >= self._size


def _ahead(pages: t.Iterator[t.Sequence[Execution]]) -> t.Iterator[Execution]:
    """The rows of the pages; the next page is read while the caller works at the second half of one."""
    with ThreadPoolExecutor(1) as executor:
        page = next(pages, None)
        while page is not None:
            half = len(page) // 2
            yield from page[:half]
            following = executor.submit(next, pages, None)
            yield from page[half:]
            page = following.result()


def _close(places: t.Sequence[int], span: int) -> t.Iterator[list[int]]:
    """The places, which fall, in groups from the first to the last of which there are fewer than ``span``."""
    group: list[int] = []
    for place in places:
        if group and group[0] - place >= span:
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _below(lane: Lane, dialect: Dialect, place: int) -> Page:
    """The newest rows below a place."""
    page = lane.page(dialect.cursor_below(place))
    if page.executions and page.executions[0].order >= place:
        raise NotAnN8nAnswer(
            f"The server's list of executions does not heed its cursor: below id {place} came "
            f"{page.executions[0].id}. Something between here and n8n answers with an old page, or drops the cursor."
        )
    return page


def _width(size: int, rows: int, span: int) -> int:
    """How many ids a page is expected to hold, if they go on as they were, with room for chance where ids are missing."""
    if rows == 0:
        return 8 * span
    density = min(rows / span, 1.0)
    return max(1, int((size - 2 * math.sqrt(size * (1 - density))) / density))


def _all_before(rows: t.Sequence[Execution], moment: datetime) -> bool:
    return all(row.started_at is not None and row.started_at < moment for row in rows)
