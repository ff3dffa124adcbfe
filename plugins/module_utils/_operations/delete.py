# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delete executions."""

from __future__ import annotations

import time
import typing as t
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    ExecutionRunning,
    InvalidInput,
    N8nError,
    NoAnswer,
    NotAnN8nAnswer,
    NotFound,
    ServerFault,
    TooBusy,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    LISTED,
    Decision,
    Faults,
    Result,
    describe,
    get_each,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.stop import stop_and_verify
from ansible_collections.flowops.n8n.plugins.module_utils._pool import each
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection_to
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

DELETE = "delete"
STOP_AND_DELETE = "stop and delete"
KEEP = "keep"


class Refused(N8nError):
    """The rule itself forbids to start; nothing was deleted."""

    condemns_all = True


@dataclass(frozen=True)
class DeleteRule:
    selection: Selection
    live: str
    abort_above: int | None

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


def parse(params: t.Mapping[str, t.Any], now: datetime) -> DeleteRule:
    """Raises ``InvalidInput``."""
    selection = parse_selection_to("delete", params, now)
    if params["abort_above"] is not None and params["abort_above"] < 0:
        raise InvalidInput("abort_above: a number of executions is wanted, 0 or more.")
    return DeleteRule(selection=selection, live=params["live"], abort_above=params["abort_above"])


@dataclass
class _Tally:
    """What was done, or in check mode would be."""

    check_mode: bool
    names: dict[str, str] = field(default_factory=dict)
    matched: int = 0
    deleted: int = 0
    by_status: Counter[str] = field(default_factory=Counter)
    by_workflow: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    ids: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    more_remaining: bool = False
    faults: Faults = field(default_factory=Faults)
    started: float = field(default_factory=time.monotonic)

    def delete(self, decision: Decision) -> None:
        execution = decision.execution
        self.deleted += 1
        self.by_status[execution.status] += 1
        self.by_workflow[execution.workflow_id or ""] += 1
        if len(self.ids) < LISTED:
            self.ids.append(execution.id)
            name = self.names.get(execution.workflow_id or "")
            self.lines.append(describe(replace(execution, workflow_name=execution.workflow_name or name)))

    def fail(self, decision: Decision, error: N8nError) -> None:
        if isinstance(error, NotFound):
            self.not_found.append(decision.execution.id)
        elif isinstance(error, ExecutionRunning):
            self.kept["running"] += 1
        else:
            self.faults.add(decision.execution.id, error)

    def sentence(self) -> str:
        said = f"{'Would delete' if self.check_mode else 'Deleted'} {plural(self.deleted)}"
        if self.kept:
            said += f", left {sum(self.kept.values())} live alone"
        if self.not_found:
            said += f", {len(self.not_found)} not there or not visible to this key"
        if self.more_remaining:
            said += "; more remain"
        return said + "."

    def result(self) -> Result:
        seconds = max(time.monotonic() - self.started, 0.001)
        lines = list(self.lines)
        if self.deleted > len(lines):
            lines.append(f"... and {self.deleted - len(lines)} more")
        text = "".join(f"{line}\n" for line in lines)
        values: dict[str, t.Any] = {
            "matched": self.matched,
            "deleted": self.deleted,
            "deleted_ids": self.ids,
            "stopped": len(self.stopped),
            "by_status": dict(sorted(self.by_status.items())),
            "by_workflow": dict(sorted(self.by_workflow.items())),
            "kept": sum(self.kept.values()),
            "kept_by_status": dict(sorted(self.kept.items())),
            "not_found": self.not_found[:LISTED],
            "more_remaining": self.more_remaining,
            "rate": None if self.check_mode else round(self.deleted / seconds, 1),
            "errors": self.faults.items,
            "msg": self.sentence(),
            **self.faults.fields(),
        }
        failure = self.faults.sentence(self.sentence())
        if isinstance(self.faults.end, Refused):
            failure = str(self.faults.end)
        diff = {"before_header": "executions", "after_header": "executions", "before": text, "after": ""}
        changed = self.deleted > 0 or bool(self.stopped)
        return Result(changed=changed, values=values, diff=diff, failure=failure)


def carry_out(client: N8nClient, rule: DeleteRule, check_mode: bool) -> Result:
    """Delete what the rule means. In check mode the same decisions are only counted."""
    tally = _Tally(check_mode)
    selection, tally.names = resolve_workflows(client, rule.selection)
    rule = replace(rule, selection=selection)
    try:
        decisions = _decisions(client, rule, tally)
        if check_mode:
            for decision in decisions:
                tally.delete(decision)
        else:
            _delete_each(client, decisions, tally)
    except N8nError as error:
        tally.faults.end = error
    return tally.result()


def _delete_each(client: N8nClient, decisions: t.Iterable[Decision], tally: _Tally) -> None:
    done = each(
        lambda decision: _delete(client, decision, tally.stopped),
        decisions,
        concurrency=client.connection.concurrency,
        pushbacks=lambda: client.pushbacks,
    )
    for decision, outcome in done:
        if isinstance(outcome, N8nError):
            tally.fail(decision, outcome)
        else:
            tally.delete(decision)


def _delete(client: N8nClient, decision: Decision, stopped: list[str]) -> None:
    execution_id = decision.execution.id
    if decision.action == STOP_AND_DELETE:
        stop_and_verify(client, decision.execution, stopped)
    try:
        client.delete(execution_id)
    except (NoAnswer, NotAnN8nAnswer, ServerFault, TooBusy):
        # It may have been deleted all the same; the result must not say otherwise.
        try:
            client.get(execution_id)
        except NotFound:
            return
        raise


def _decisions(client: N8nClient, rule: DeleteRule, tally: _Tally) -> t.Iterator[Decision]:
    """The deletions to be made, what is kept being counted on the way. Raises ``Refused`` before the first."""
    selection = rule.selection
    if selection.ids is not None:
        found, tally.not_found = get_each(client, selection.ids, tally.faults)
        if tally.faults.end is not None:
            raise tally.faults.end
        found.sort(key=lambda execution: execution.order)
        executions: t.Iterable[Execution] = found
    else:
        if rule.live == "fail" and selection.live_statuses:
            _refuse_live(client.executions(selection.with_statuses(selection.live_statuses)))
        executions = client.executions(selection)
    if selection.ids is not None and rule.live == "fail":
        _refuse_live(execution for execution in executions if execution.is_live)
    deletions = _deletions(executions, rule, tally)
    if rule.abort_above is not None:
        deletions = iter(_at_most(deletions, rule.abort_above))
    if selection.ids is None and selection.limit is not None:
        # Oldest first where one acts: the last ones of a walk from the newest.
        oldest: deque[Decision] = deque(maxlen=selection.limit)
        for decision in deletions:
            tally.more_remaining = len(oldest) == selection.limit
            oldest.append(decision)
        deletions = reversed(oldest)
    return deletions


def _deletions(executions: t.Iterable[Execution], rule: DeleteRule, tally: _Tally) -> t.Iterator[Decision]:
    for execution in executions:
        tally.matched += 1
        decision = rule.decide(execution)
        if decision.action == KEEP:
            tally.kept[decision.reason] += 1
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
