# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count executions over a stated window."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput, N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, format_time
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    Faults,
    Result,
    get_each,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils._statistics import Statistics
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# What a server that counts by itself (n8n-work) can be asked for.
_PERIODS = {timedelta(hours=1): "1h", timedelta(days=1): "24h", timedelta(days=7): "7d", timedelta(days=30): "30d"}


@dataclass(frozen=True)
class StatsRule:
    """``period`` is set where the server's own statistics are asked for."""

    selection: Selection
    granularity: str
    period: str | None = None


def parse(params: t.Mapping[str, t.Any], now: datetime) -> StatsRule:
    """Raises ``InvalidInput``."""
    selection = parse_selection(params, now)
    return StatsRule(selection, params["granularity"], _period(selection) if params["source"] == "server" else None)


def _period(selection: Selection) -> str:
    """What the server can be asked for, if that means what the selection means."""
    after, workflows = selection.started_after, selection.workflows or ()
    plain = Selection(now=selection.now, workflows=selection.workflows, started_after=after)
    period = _PERIODS.get(selection.now - after) if after is not None else None
    if selection != plain or len(workflows) > 1 or period is None:
        raise InvalidInput(
            "source: the server itself counts over newer_than of 1h, 1d, 7d or 30d, of all workflows or of one, and by no "
            "other filter. Choose so, or source=executions."
        )
    return period


def carry_out(client: N8nClient, rule: StatsRule, check_mode: bool) -> Result:
    """Nothing is changed, so check mode makes no difference."""
    selection, names = resolve_workflows(client, rule.selection)
    if rule.period is not None:
        workflow = selection.workflows[0] if selection.workflows else None
        counted = client.server_statistics(rule.period, workflow, rule.granularity)
        return Result(False, {**_values(rule, counted, complete=True), "not_found": [], "errors": []})
    statistics, faults, complete = Statistics(rule.granularity), Faults(), True
    absent: list[str] = []
    warnings = []
    try:
        if selection.ids is not None:
            found, absent = get_each(client, selection.ids, faults)
            for execution in found:
                statistics.add(execution)
        else:
            complete = _count(client.executions(selection), selection.limit, statistics)
            if selection.live_statuses & {"new", "waiting"} and not client.lists_what_waits():
                warnings.append(
                    "This n8n is older than 2.13 and lists no new or waiting executions while it holds them in memory, so they "
                    "are not counted."
                )
    except N8nError as error:
        faults.end = error
    whole = complete and not faults.count and faults.end is None
    values = _values(rule, statistics.summary(names), complete=whole)
    values.update(not_found=absent, errors=faults.items, **faults.fields())
    done = f"Counted {plural(statistics.total)}."
    return Result(False, values, warnings=warnings, failure=faults.sentence(done))


def _count(executions: t.Iterable[Execution], limit: int | None, statistics: Statistics) -> bool:
    """Whether all of them were counted."""
    for execution in executions:
        if limit is not None and statistics.total >= limit:
            return False
        statistics.add(execution)
    return True


def _values(rule: StatsRule, counted: dict[str, t.Any], complete: bool) -> dict[str, t.Any]:
    selection = rule.selection
    total = counted["total"]
    return {
        "statistics": counted,
        "window": {
            "started_after": format_time(selection.started_after),
            "started_before": format_time(selection.started_before),
            "ended_before": format_time(selection.ended_before),
            "read_at": format_time(selection.now),
            "complete": complete,
            "source": "executions" if rule.period is None else "server",
        },
        "msg": f"Counted {plural(total)}{'' if complete else '; there are more'}.",
    }
