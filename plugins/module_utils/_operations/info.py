# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at executions."""

from __future__ import annotations

import heapq
import itertools
import typing as t
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    Faults,
    Result,
    get_each,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# Ansible itself needs hundreds of megabytes for a result of 100,000 records.
MOST = 10_000

_KEYS: dict[str, t.Callable[[Execution], t.Any]] = {
    "id": lambda execution: execution.order,
    "started_at": lambda execution: execution.started_at.timestamp() if execution.started_at else 0.0,
    "duration": lambda execution: execution.duration or 0.0,
    "status": lambda execution: execution.status,
}


@dataclass(frozen=True)
class InfoRule:
    selection: Selection
    include_data: bool
    sort_by: str
    ascending: bool

    def key(self, execution: Execution) -> tuple[t.Any, int]:
        """What executions are ordered by; the id settles what is equal."""
        return (_KEYS[self.sort_by](execution), execution.order)


def parse(params: t.Mapping[str, t.Any], now: datetime) -> InfoRule:
    """Raises ``InvalidInput``. A limit of 0, or one above the most that is possible, means that most."""
    limit = min(params["limit"] or MOST, MOST)
    return InfoRule(
        selection=parse_selection({**params, "limit": limit}, now),
        include_data=params["include_data"],
        sort_by=params["sort_by"],
        ascending=params["order"] == "asc",
    )


def carry_out(client: N8nClient, rule: InfoRule, check_mode: bool) -> Result:
    """Nothing is changed, so check mode makes no difference."""
    selection, names = resolve_workflows(client, rule.selection)
    faults = Faults()
    absent: list[str] = []
    truncated = False
    if selection.ids is not None:
        found, absent = get_each(client, selection.ids, faults, rule.include_data)
    else:
        found, truncated = _first(client.executions(selection), rule, selection.limit or MOST)
        if rule.include_data:
            # n8n drops rows whose data is missing from a list with data, and may end its paging
            # there, so each is read by itself. What vanished meanwhile is not there any more.
            found, _vanished = get_each(client, [execution.id for execution in found], faults, include_data=True)
    found.sort(key=rule.key, reverse=not rule.ascending)
    named = (
        replace(execution, workflow_name=execution.workflow_name or names.get(execution.workflow_id or "")) for execution in found
    )
    records = [execution.record() for execution in named]
    values: dict[str, t.Any] = {
        "executions": records,
        "count": len(records),
        "truncated": truncated,
        "not_found": absent,
        "errors": faults.items,
        **faults.fields(),
    }
    warnings = []
    asked = selection.statuses or frozenset()
    if selection.ids is None and asked & {"new", "waiting"} and faults.end is None and not client.lists_what_waits():
        warnings.append(
            "This n8n is older than 2.13 and lists no new or waiting executions while it holds them in memory, so some may be "
            "missing. Each can be read by its execution_id."
        )
    return Result(
        changed=False,
        values=values,
        warnings=warnings,
        failure=faults.sentence(f"Read {plural(len(records))}."),
    )


def _first(executions: t.Iterable[Execution], rule: InfoRule, limit: int) -> tuple[list[Execution], bool]:
    """The first ``limit`` of them in the order of the rule, and whether there were more. At most ``limit`` are held."""
    if rule.sort_by == "id" and not rule.ascending:
        # The server's own order: the rest need not be read.
        found = list(itertools.islice(executions, limit + 1))
        return found[:limit], len(found) > limit
    pick = heapq.nsmallest if rule.ascending else heapq.nlargest
    found = pick(limit + 1, executions, key=rule.key)
    return found[:limit], len(found) > limit
