# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which executions are deleted: a frozen rule, and the stream of decisions that it makes of a history."""

from __future__ import annotations

import itertools
import time
import typing as t
from collections import Counter
from dataclasses import dataclass, replace

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._execution import LIVE, STATUSES, Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    Decision,
    Faults,
    batches,
    get_each,
    oldest,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.deleted import Refused, Tally
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

DELETE = "delete"
STOP_AND_DELETE = "stop and delete"
KEEP = "keep"

# Executions of which the archive or the tags are seen to at once.
BATCH = 50


@dataclass(frozen=True)
class DeleteRule:
    """``time_budget`` is in seconds."""

    selection: Selection
    live: str
    abort_above: int | None
    keep_last: int | None = None
    keep_tagged: bool = False
    time_budget: float | None = None
    archive_path: str | None = None
    archive_data: bool = True

    @property
    def walked(self) -> Selection:
        """What must be looked at: to know the newest of each workflow, those too that are too young to be deleted."""
        if self.keep_last is None:
            return self.selection
        statuses = self.selection.statuses or frozenset(STATUSES)
        if self.selection.ended_before is not None:
            statuses = statuses - LIVE
        return replace(self.selection, statuses=statuses, started_before=None, ended_before=None)

    def decide(self, execution: Execution) -> Decision:
        """What becomes of an execution that the selection means."""
        if not execution.is_live:
            return Decision(execution, DELETE)
        if self.live == "stop":
            return Decision(execution, STOP_AND_DELETE)
        # n8n deletes waiting and new ones without complaint, so protecting them is up to us.
        if self.live == "delete" and execution.status != "running":
            return Decision(execution, DELETE)
        return Decision(execution, KEEP, execution.status)


def decisions_of(client: N8nClient, rule: DeleteRule, tally: Tally, deadline: float | None) -> t.Iterable[Decision]:
    """The deletions to be made, what is kept being counted on the way. Raises ``Refused`` before the first."""
    selection = rule.selection
    if selection.ids is not None:
        found, tally.not_found = _found(client, selection.ids, tally.faults)
        if tally.faults.end is not None:
            raise tally.faults.end
        found.sort(key=lambda execution: execution.order)
        executions: t.Iterable[Execution] = found
        if rule.live == "fail":
            _refuse_live(execution for execution in found if execution.is_live)
        return _chosen(client, rule, executions, deadline, tally)
    if rule.live == "fail" and selection.live_statuses:
        _refuse_live(client.executions(selection.with_statuses(selection.live_statuses)))
    rising = client.oldest_first(selection)
    if rising is not None:
        return _chosen(client, rule, _all_but_the_floors(client, rising, rule, tally), deadline, tally, rising=True)
    return _chosen(client, rule, _all_but_the_last(client.executions(rule.walked), rule, tally), deadline, tally)


def _found(client: N8nClient, execution_ids: t.Sequence[str], faults: Faults) -> tuple[list[Execution], list[str]]:
    """The executions with these ids, by pages of the list as far as they stand close together, and the ids that are not there."""
    found = client.rows_of(execution_ids)
    known = {execution.id for execution in found}
    others, absent = get_each(client, [one for one in execution_ids if one not in known], faults)
    return [*found, *others], absent


def _chosen(
    client: N8nClient,
    rule: DeleteRule,
    executions: t.Iterable[Execution],
    deadline: float | None,
    tally: Tally,
    rising: bool = False,
) -> t.Iterable[Decision]:
    """The deletions among these executions, ``rising`` telling that the oldest come first."""
    limit = rule.selection.limit if rule.selection.ids is None else None
    deletions: t.Iterable[Decision] = _in_time(_deletions(executions, rule, tally), deadline, tally)
    if rule.keep_tagged:
        deletions = _untagged(client, deletions, tally)
    if rule.abort_above is not None:
        deletions = _at_most(deletions, rule.abort_above)
    if limit is not None and rising:
        deletions = _first(deletions, limit, tally)
    elif limit is not None:
        deletions, more = oldest(deletions, limit)
        tally.more_remaining = more or tally.more_remaining
    if tally.out_of_time and (rule.abort_above is not None or (limit is not None and not rising)):
        # It was used up by looking, so neither how many there are nor which are the oldest is known.
        return []
    return _in_time(deletions, deadline, tally)


def _first(decisions: t.Iterable[Decision], most: int, tally: Tally) -> t.Iterator[Decision]:
    """The first ones, and whether there were more."""
    for number, decision in enumerate(decisions):
        if number == most:
            tally.more_remaining = True
            return
        yield decision


def _all_but_the_floors(
    client: N8nClient, executions: t.Iterable[Execution], rule: DeleteRule, tally: Tally
) -> t.Iterator[Execution]:
    """What the selection means, without the newest of each workflow that are to stay. Oldest first."""
    floors: dict[str | None, int] = {}
    for execution in executions:
        if rule.keep_last is not None and not execution.is_live:
            workflow = execution.workflow_id
            if workflow not in floors:
                floors[workflow] = _floor(client, rule, workflow, rule.keep_last)
            if execution.order >= floors[workflow]:
                tally.matched += 1
                tally.kept_last += 1
                continue
        yield execution


def _floor(client: N8nClient, rule: DeleteRule, workflow: str | None, keep_last: int) -> int:
    """The place of the oldest of those of a workflow that are to stay; everything does where there are no more."""
    walked = rule.walked if workflow is None else rule.walked.with_workflows((workflow,), rule.walked.exclude_workflows)
    newest = (one.order for one in client.executions(walked) if one.workflow_id == workflow and not one.is_live)
    return next(itertools.islice(newest, keep_last - 1, None), 0)


def _all_but_the_last(executions: t.Iterable[Execution], rule: DeleteRule, tally: Tally) -> t.Iterator[Execution]:
    """The same, newest first, from a walk that goes on to the end."""
    seen: Counter[str | None] = Counter()
    for execution in executions:
        among_last = False
        if rule.keep_last is not None and not execution.is_live:
            seen[execution.workflow_id] += 1
            among_last = seen[execution.workflow_id] <= rule.keep_last
        if not rule.selection.matches(execution):
            continue
        if among_last:
            tally.matched += 1
            tally.kept_last += 1
        else:
            yield execution


def _deletions(executions: t.Iterable[Execution], rule: DeleteRule, tally: Tally) -> t.Iterator[Decision]:
    for execution in executions:
        tally.matched += 1
        decision = rule.decide(execution)
        if decision.action == KEEP:
            tally.kept[decision.reason] += 1
        else:
            yield decision


def _in_time(decisions: t.Iterable[Decision], deadline: float | None, tally: Tally) -> t.Iterator[Decision]:
    """The decisions, as long as there is time to carry them out."""
    for decision in decisions:
        if deadline is not None and time.monotonic() >= deadline:
            tally.out_of_time = tally.more_remaining = True
            return
        yield decision


def _untagged(client: N8nClient, decisions: t.Iterable[Decision], tally: Tally) -> t.Iterator[Decision]:
    """Those without annotation tags. One whose tags cannot be read is a fault, and stays."""
    for batch in batches(decisions, BATCH):
        tags: dict[str, t.Any] = {}
        for decision, outcome in client.each(lambda decision: client.tags(decision.execution.id), batch, alike=True):
            if isinstance(outcome, N8nError):
                tally.fail(decision, outcome)
            else:
                tags[decision.execution.id] = outcome
        if tally.faults.end is not None:
            raise tally.faults.end
        for decision in batch:
            if decision.execution.id in tags:
                if tags[decision.execution.id]:
                    tally.kept_tagged += 1
                else:
                    yield decision


def _refuse_live(executions: t.Iterable[Execution]) -> None:
    for execution in executions:
        raise Refused(
            f"Nothing was deleted: execution {execution.id} of workflow {execution.workflow_id} is {execution.status}, "
            "and live=fail forbids to start while a selected execution is live. Select by status, or choose another live."
        )


def _at_most(decisions: t.Iterable[Decision], most: int) -> list[Decision]:
    """All of them, unless there are more: then nothing is begun."""
    held: list[Decision] = []
    for decision in decisions:
        held.append(decision)
        if len(held) > most:
            raise Refused(
                f"Nothing was deleted: more than {most} executions match, and abort_above={most} forbids that. "
                "Narrow the selection, cut it by limit, or raise abort_above."
            )
    return held
