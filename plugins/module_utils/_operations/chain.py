# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains of retries: an execution, its retries, and theirs. No I/O but through the client that is handed in.

``retryOf`` names the immediate parent only, and a success two steps on does not mark
the first, so a chain is put together from the rows of its workflow.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError, NotFound
from ansible_collections.flowops.n8n.plugins.module_utils._execution import FAILED, Execution
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient


@dataclass
class Chain:
    """The members of one chain by id, and which of them the user selected."""

    members: dict[str, Execution]
    selected: list[Execution] = field(default_factory=list)
    # Retries in its workflow of which the server does not tell what they are a retry of: of this chain, perhaps.
    strays: list[Execution] = field(default_factory=list)

    def add(self, execution: Execution) -> None:
        """Take in a member, or what has become of one. What it is a retry of stays known where a later answer does not tell."""
        before = self.members.get(execution.id)
        if before is not None and execution.retry_of is None:
            execution = execution._replace(retry_of=before.retry_of)
        self.members[execution.id] = execution

    def take_strays(self, rows: t.Iterable[Execution], known: t.Collection[str] = ()) -> None:
        """Note which of these rows of its workflow may be retries of it: begun no earlier, and not ``known`` to be another's."""
        first = self.original.order
        named = {execution.id for execution in self.members.values() if execution.retry_of is not None}
        self.strays = [
            row for row in rows if is_stray(row) and row.order >= first and row.id not in named and row.id not in known
        ]

    @property
    def newest_first(self) -> list[Execution]:
        return sorted(self.members.values(), key=lambda execution: -execution.order)

    @property
    def original(self) -> Execution:
        """The oldest member that is still there."""
        return self.newest_first[-1]

    @property
    def attempts(self) -> int:
        """How many retries were made, whoever made them; the original does not count."""
        return sum(1 for execution in self.members.values() if execution.retry_of is not None)

    @property
    def success(self) -> Execution | None:
        return next((one for one in self.newest_first if one.status == "success"), None)

    @property
    def success_id(self) -> str | None:
        """The id of a successful member, even of one that is no longer kept.

        n8n also marks retries that failed, where what they were a retry of had been stopped by hand.
        """
        if self.success is not None:
            return self.success.id
        marks = (execution.retry_success_id for execution in self.members.values())
        return next((mark for mark in marks if mark is not None and mark not in self.members), None)

    @property
    def live(self) -> Execution | None:
        return next((one for one in self.newest_first if one.is_live), None)

    @property
    def newest_failed(self) -> Execution | None:
        """The one to retry: an earlier one would run again what already passed."""
        return next((one for one in self.newest_first if one.status in FAILED), None)


def is_stray(execution: Execution) -> bool:
    """Whether it is a retry, and the server does not tell of what: n8n-work's document has no field for that."""
    return execution.mode == "retry" and execution.retry_of is None


def find_ancestors(execution: Execution, known: dict[str, Execution], gone: set[str], get: t.Callable[[str], Execution]) -> None:
    """Read the ancestors of an execution, as far as they are still there, into ``known``; the others into ``gone``."""
    known[execution.id] = execution
    seen = {execution.id}
    parent = execution.retry_of
    while parent is not None and parent not in gone and parent not in seen:
        if parent not in known:
            try:
                known[parent] = get(parent)
            except NotFound:
                gone.add(parent)
                return
        seen.add(parent)
        parent = known[parent].retry_of


def floor(ancestors: t.Iterable[Execution]) -> int:
    """The order from which on there can be members of their chains: retries may outlive what they are a retry of."""
    known = list(ancestors)
    ids = {one.id for one in known}
    return min(one.order if one.retry_of in ids else min(one.order, one.order_of_retried) for one in known)


def group(selected: t.Iterable[Execution], ancestors: t.Iterable[Execution], retries: t.Iterable[Execution]) -> list[Chain]:
    """The chains of the selected executions, each whole, in the order of their originals."""
    chosen = sorted(selected, key=lambda execution: execution.order)
    # What was read later counts.
    rows = {execution.id: execution for execution in (*ancestors, *chosen, *retries)}
    chains: dict[str, Chain] = {}
    for execution in rows.values():
        chain = chains.setdefault(_root(execution, rows), Chain({}))
        chain.add(execution)
    for execution in chosen:
        chains[_root(execution, rows)].selected.append(execution)
    wanted = [chain for chain in chains.values() if chain.selected]
    return sorted(wanted, key=lambda chain: chain.original.order)


def gather(
    client: N8nClient,
    now: datetime,
    selected: t.Sequence[Execution],
    fail: t.Callable[[str, N8nError], None],
) -> list[Chain]:
    """The chains of the selected executions, each whole: from the rows of their workflows since the oldest ancestor.

    Costs a request for each ancestor that is not selected itself, and a walk through the rows of each workflow, once.
    ``fail`` is told of an execution whose ancestors cannot be read; an error that condemns all is raised.
    """
    known: dict[str, Execution] = {}
    gone: set[str] = set()
    traced: list[Execution] = []
    for execution in selected:
        try:
            find_ancestors(execution, known, gone, client.get)
            traced.append(execution)
        except N8nError as error:
            if error.condemns_all:
                raise
            fail(execution.id, error)
    by_workflow: dict[str, list[Execution]] = {}
    for execution in known.values():
        if execution.workflow_id:
            by_workflow.setdefault(execution.workflow_id, []).append(execution)
    retries: list[Execution] = []
    strays: dict[str, list[Execution]] = {}
    for workflow_id, ancestors in sorted(by_workflow.items()):
        rows = client.executions(Selection(now=now, workflows=(workflow_id,)), floor(ancestors))
        for row in rows:
            if row.retry_of is not None:
                retries.append(row)
            elif is_stray(row):
                strays.setdefault(workflow_id, []).append(row)
    chains = group(traced, known.values(), retries)
    for chain in chains:
        chain.take_strays(strays.get(chain.original.workflow_id or "", ()))
    return chains


def _root(execution: Execution, rows: t.Mapping[str, Execution]) -> str:
    """What names the chain: its first member, or the id that is no longer there but that members still name."""
    seen = {execution.id}
    while execution.retry_of is not None and execution.retry_of not in seen:
        if execution.retry_of not in rows:
            return execution.retry_of
        execution = rows[execution.retry_of]
        seen.add(execution.id)
    return execution.id
