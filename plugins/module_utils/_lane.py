# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lists that a server has, page by page, by the filters that it really knows.

What that is, is learnt from its own answers: n8n 2.38 and older refuse a filter that they do not know, n8n 2.13 to 2.28
accept some filters by status and pass over them.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.base import Dialect
from ansible_collections.flowops.n8n.plugins.module_utils._errors import Rejected, UnknownParameter, UnknownStatus
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Page, Query

END = Page((), None)


@dataclass
class Lists:
    """What one server can list. ``fetch`` asks it for one page."""

    dialect: Dialect
    fetch: t.Callable[[Query, t.Optional[str]], Page]
    refused_parameters: set[str] = field(default_factory=set)
    refused_statuses: set[str] = field(default_factory=set)

    def can_filter_by(self, status: str) -> bool:
        """Whether the server can be asked for this status; n8n before 2.13 cannot for crashed, new and unknown."""
        if status not in self.refused_statuses:
            try:
                # An unknown workflow has an empty list, which costs the server next to nothing.
                self.fetch(Query(workflow="0", status=status), None)
            except UnknownStatus:
                self.refused_statuses.add(status)
        return status not in self.refused_statuses

    def known(self, query: Query) -> Query:
        """The query without what the server has refused."""
        if "startedAfter" in self.refused_parameters:
            query = replace(query, started_after=None)
        if "startedBefore" in self.refused_parameters:
            query = replace(query, started_before=None)
        return query

    def drop(self, error: UnknownParameter, asked: Query) -> None:
        """Do without a parameter from now on. Raises ``Rejected`` where the rows do not show what it is about."""
        self.refused_parameters.add(error.parameter)
        if self.known(asked) == asked:
            raise Rejected(
                f"This n8n cannot filter executions by {error.parameter}, and their rows do not show it.",
                status=error.status,
                method=error.method,
                url=error.url,
                api_message=error.api_message,
            )


class Lane:
    """One of the lists that a walk reads. ``under_way`` are the queries of all of them."""

    def __init__(self, lists: Lists, query: Query, under_way: set[Query]) -> None:
        self._lists = lists
        self._query = query
        self._under_way = under_way

    @property
    def is_plain(self) -> bool:
        """Whether it is not filtered by status, so that nothing will be learnt of it any more."""
        return self._query.status is None

    @property
    def filters_by_start(self) -> bool:
        """Whether the server itself leaves out what started too early."""
        return self._lists.known(self._query).started_after is not None

    def page(self, cursor: str | None) -> Page:
        """The page at a cursor, without one the first. ``END`` where there is no row, or another lane lists the same ones."""
        while True:
            status = self._query.status
            if status in self._lists.refused_statuses and not self._widen(self._lists.dialect.wider_status(status or "")):
                return END
            known = self._lists.known(self._query)
            try:
                page = self._lists.fetch(known, cursor)
            except UnknownParameter as error:
                self._lists.drop(error, known)
            except UnknownStatus:
                self._lists.refused_statuses.add(self._query.status or "")
            else:
                status = self._query.status
                if status is not None and self._strays(status, page.executions) and not self._widen(None):
                    return END
                return page

    def _widen(self, status: str | None) -> bool:
        """Ask for another status from now on, or for all of them; whether no other lane does so already."""
        wider = replace(self._query, status=status)
        if wider in self._under_way:
            return False
        self._under_way.add(wider)
        self._query = wider
        return True

    def _strays(self, status: str, rows: t.Sequence[Execution]) -> bool:
        """Whether the server passes over this filter."""
        returned = self._lists.dialect.returned_for(status)
        return any(row.status not in returned for row in rows)
