# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks an instance's history with the fewest requests; the only place that knows cursors.

What a server can filter by is learnt from its own answers, and every row is
checked again by the caller, since n8n 2.13 to 2.28 accept some status filters and ignore them.
"""

from __future__ import annotations

import heapq
import typing as t
from dataclasses import replace
from datetime import timedelta

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.base import Dialect
from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    NotAnN8nAnswer,
    Rejected,
    UnknownParameter,
    UnknownStatus,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Page, Query

# Ids are handed out when an execution is created, so start times follow them almost, but not
# wholly: one that waited in a queue started later. A walk that ends by time goes on for this long.
MARGIN = timedelta(days=1)


class History:
    """The executions of one instance, newest first. ``fetch`` asks the server for one page of a list."""

    def __init__(self, dialect: Dialect, fetch: t.Callable[[Query, str | None], Page]) -> None:
        self._dialect = dialect
        self._fetch = fetch
        self._refused_parameters: set[str] = set()
        self._refused_statuses: set[str] = set()

    def newest_first(self, selection: Selection, oldest: int = 0) -> t.Iterator[Execution]:
        """Every execution that the selection can mean, each once, down to the order ``oldest``.

        Rows that it does not mean may be among them: check each.
        """
        queries = self._queries(selection)
        under_way = set(queries)
        lanes = [self._lane(query, under_way, oldest) for query in queries]
        if len(lanes) == 1:
            # Nothing can come twice, so no row need be held back to see.
            yield from lanes[0]
            return
        # Those of one place in the order, by id: more than one only where the start is all that tells the place.
        held: dict[str, Execution] = {}
        place: int | None = None
        live: set[str] = set()
        for execution in heapq.merge(*lanes, key=lambda one: -one.order):
            if execution.order != place or not place:
                yield from held.values()
                held, place = {}, execution.order
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

    def can_list(self, status: str) -> bool:
        """Whether the server can be asked for this status; n8n before 2.13 cannot for crashed, new and unknown."""
        if status not in self._refused_statuses:
            try:
                # An unknown workflow has an empty list, which costs the server next to nothing.
                self._fetch(Query(workflow="0", status=status), None)
            except UnknownStatus:
                self._refused_statuses.add(status)
        return status not in self._refused_statuses

    def _lane(self, query: Query, under_way: set[Query], oldest: int) -> t.Iterator[Execution]:
        """The rows of one list. Ends early where another lane lists the same rows."""
        cursor: str | None = None
        last: Execution | None = None
        passed: set[str] = set()
        while True:
            if query.status in self._refused_statuses:
                wider = replace(query, status=self._dialect.wider_status(query.status or ""))
                if wider in under_way:
                    return
                under_way.add(wider)
                query = wider
            known = self._known(query)
            try:
                page = self._fetch(known, cursor)
            except UnknownParameter as error:
                self._drop(error, known)
                continue
            except UnknownStatus:
                self._refused_statuses.add(query.status or "")
                continue
            rows = page.executions
            if not rows:
                return
            if query.status is not None and self._strays(query.status, rows):
                plain = replace(query, status=None)
                if plain in under_way:
                    return
                under_way.add(plain)
                query = plain
            # Ids without a number, as a gateway may make them, have no order that could be checked.
            if last is not None and (rows[0].id in passed or 0 < last.order < rows[0].order):
                raise NotAnN8nAnswer(
                    f"The server's list of executions does not go on: after id {last.id} came {rows[0].id}. "
                    "Something between here and n8n answers with an old page, or drops the cursor."
                )
            yield from (row for row in rows if row.order >= oldest or not row.order)
            if page.cursor is None or 0 < rows[-1].order < oldest or self._is_past(query, known, rows):
                return
            cursor, last, passed = page.cursor, rows[-1], {row.id for row in rows}

    def _strays(self, status: str, rows: tuple[Execution, ...]) -> bool:
        """Whether the server passes over this filter."""
        returned = self._dialect.returned_for(status)
        return any(row.status not in returned for row in rows)

    def _known(self, query: Query) -> Query:
        """The query without what the server has refused."""
        if "startedAfter" in self._refused_parameters:
            query = replace(query, started_after=None)
        if "startedBefore" in self._refused_parameters:
            query = replace(query, started_before=None)
        return query

    def _drop(self, error: UnknownParameter, asked: Query) -> None:
        self._refused_parameters.add(error.parameter)
        if self._known(asked) == asked:
            raise Rejected(
                f"This n8n cannot filter executions by {error.parameter}, and their rows do not show it.",
                status=error.status,
                method=error.method,
                url=error.url,
                api_message=error.api_message,
            )

    @staticmethod
    def _is_past(query: Query, known: Query, rows: tuple[Execution, ...]) -> bool:
        """Whether a whole page lies so far before the wanted time that the rest need not be read."""
        if query.started_after is None or known.started_after is not None:
            return False
        end = query.started_after - MARGIN
        return all(row.started_at is not None and row.started_at < end for row in rows)

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
