# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at executions."""

from __future__ import annotations

import heapq
import itertools
import typing as t
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._digest import digest_of
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput, N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, format_time, sort_key
from ansible_collections.flowops.n8n.plugins.module_utils._operations.chain import gather
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    Faults,
    Result,
    get_each,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._run_data import keep_nodes
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import nests_deeper
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# Ansible itself needs hundreds of megabytes for a result of 100,000 records.
MOST = 10_000

# Levels of JSON in what is returned of an execution. ansible-playbook complains at three hundred, and hangs at some more.
DEEPEST_RETURNED = 100

# What strangers write and servers tell outside the data.
_BESIDE_DATA = frozenset({"custom_data", "error"})


@dataclass(frozen=True)
class InfoRule:
    """``now`` is fixed at the start. ``nodes`` are those whose data is kept, ``None`` for all of them."""

    now: datetime
    selection: Selection
    include_data: bool
    digest: bool
    logs: bool
    nodes: frozenset[str] | None
    redact: bool | None
    retry_chain: bool
    sort_by: str
    ascending: bool

    @property
    def reads_data(self) -> bool:
        return self.include_data or self.digest

    @property
    def reads_each(self) -> bool:
        """Whether what the list tells of an execution is not enough."""
        return self.reads_data or self.logs

    def key(self, execution: Execution) -> tuple[t.Any, int]:
        """What executions are ordered by; the id settles what is equal."""
        return sort_key(self.sort_by)(execution)


def parse(params: t.Mapping[str, t.Any], now: datetime) -> InfoRule:
    """Raises ``InvalidInput``. A limit of 0, or one above the most that is possible, means that most."""
    limit = min(params["limit"] or MOST, MOST)
    nodes = params["nodes"]
    if nodes is not None and not (nodes and all(node.strip() for node in nodes)):
        raise InvalidInput("nodes: names of nodes are wanted, not an empty value. Leave the option out for all of them.")
    rule = InfoRule(
        now=now,
        selection=parse_selection({**params, "limit": limit}, now),
        include_data=params["include_data"] or nodes is not None,
        digest=params["digest"],
        logs=params["logs"],
        nodes=None if nodes is None else frozenset(nodes),
        redact=params["redact"],
        retry_chain=params["retry_chain"],
        sort_by=params["sort_by"],
        ascending=params["order"] == "asc",
    )
    if rule.redact is not None and not rule.reads_data:
        raise InvalidInput("redact: it is about the data of executions, which is not asked for; set include_data or digest.")
    return rule


def carry_out(client: N8nClient, rule: InfoRule, check_mode: bool) -> Result:
    """Nothing is changed, so check mode makes no difference."""
    selection, names = resolve_workflows(client, rule.selection)
    faults = Faults()
    absent: list[str] = []
    truncated = False

    def shape(execution: Execution) -> Execution:
        name = names.get(execution.workflow_id or "")
        if name is not None and not execution.workflow_name:
            execution = execution._replace(workflow_name=name)
        return _shape(client, rule, execution)

    if selection.ids is not None:
        found, absent = get_each(client, selection.ids, faults, rule.reads_data, rule.redact, shape)
    else:
        found, truncated = _first(client.executions(selection), rule, selection.limit or MOST)
        if rule.reads_each:
            # n8n drops rows whose data is missing from a list with data, and may end its paging
            # there, so each is read by itself. What vanished meanwhile is not there any more.
            wanted = [execution.id for execution in found]
            found, _vanished = get_each(client, wanted, faults, rule.reads_data, rule.redact, shape)
        else:
            found = [shape(execution) for execution in found]
    found.sort(key=rule.key, reverse=not rule.ascending)
    chains = _chains(client, rule, found, faults) if rule.retry_chain and faults.end is None else {}
    records = [{**execution.record(), **chains.get(execution.id, {})} for execution in found]
    values: dict[str, t.Any] = {
        "executions": records,
        "count": len(records),
        "truncated": truncated,
        "not_found": absent,
        "errors": faults.items,
        **faults.fields(),
    }
    warnings = _warn_of_deep(found)
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


def _shape(client: N8nClient, rule: InfoRule, execution: Execution) -> Execution:
    """What is returned of an execution that was read; the data is let go where only its digest is wanted."""
    if not rule.reads_each and execution.data is None and not _BESIDE_DATA & execution.extra.keys():
        return execution
    extra = dict(execution.extra)
    if rule.digest:
        extra["digest"] = digest_of(execution)
    if rule.logs:
        extra["logs"] = client.logs(execution.id)
    data = execution.data if rule.nodes is None else keep_nodes(execution.data, rule.nodes)
    if not rule.include_data:
        data = None
        for beside in _BESIDE_DATA:
            extra.pop(beside, None)
    deep = [key for key, value in extra.items() if nests_deeper(value, DEEPEST_RETURNED)]
    if deep or nests_deeper(data, DEEPEST_RETURNED):
        data = None
        extra = {**{key: value for key, value in extra.items() if key not in deep}, "data_too_deep": True}
    return execution._replace(data=data, extra=extra)


def _warn_of_deep(found: t.Sequence[Execution]) -> list[str]:
    deep = [execution.id for execution in found if execution.extra.get("data_too_deep")]
    if not deep:
        return []
    return [
        f"The data of {plural(len(deep))} is left out, {deep[0]} first: it nests deeper than {DEEPEST_RETURNED} levels, which "
        "Ansible cannot take. n8n_execution_export writes it into a file."
    ]


def _chains(client: N8nClient, rule: InfoRule, found: t.Sequence[Execution], faults: Faults) -> dict[str, dict[str, t.Any]]:
    """The chains of what was found, each under the ids of those that were found of it."""
    # The oldest first: what is a retry of another one that was found too needs no request for that.
    rows = sorted((execution._replace(data=None, extra={}) for execution in found), key=lambda execution: execution.order)
    try:
        chains = gather(client, rule.now, rows, faults.add)
    except N8nError as error:
        faults.end = error
        return {}
    told = {}
    for chain in chains:
        members = [_member(execution) for execution in reversed(chain.newest_first)]
        told.update({execution.id: {"retry_chain": members} for execution in chain.selected})
    return told


def _member(execution: Execution) -> dict[str, t.Any]:
    return {
        "id": execution.id,
        "status": execution.status,
        "started_at": format_time(execution.started_at),
        "retry_of": execution.retry_of,
    }


def _first(executions: t.Iterable[Execution], rule: InfoRule, limit: int) -> tuple[list[Execution], bool]:
    """The first ``limit`` of them in the order of the rule, and whether there were more. At most ``limit`` are held."""
    if rule.sort_by == "id" and not rule.ascending:
        # The server's own order: the rest need not be read.
        found = list(itertools.islice(executions, limit + 1))
        return found[:limit], len(found) > limit
    pick = heapq.nsmallest if rule.ascending else heapq.nlargest
    found = pick(limit + 1, executions, key=rule.key)
    return found[:limit], len(found) > limit
