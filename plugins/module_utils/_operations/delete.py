# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delete executions."""

from __future__ import annotations

import itertools
import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._archive import Archive, check_archive
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
from ansible_collections.flowops.n8n.plugins.module_utils._execution import LIVE, STATUSES, Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    LISTED,
    Decision,
    Faults,
    Result,
    batches,
    describe,
    get_each,
    oldest,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.stop import stop_and_verify
from ansible_collections.flowops.n8n.plugins.module_utils._pool import each
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection_to
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient, check_seconds

DELETE = "delete"
STOP_AND_DELETE = "stop and delete"
KEEP = "keep"

# Executions of which the archive or the tags are seen to at once.
BATCH = 50


class Refused(N8nError):
    """The rule itself forbids to start; nothing was deleted."""

    condemns_all = True


class NotArchived(N8nError):
    """What cannot be put into the archive as it was is not deleted."""


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


def parse(params: t.Mapping[str, t.Any], now: datetime) -> DeleteRule:
    """Raises ``InvalidInput``."""
    selection = parse_selection_to("delete", params, now)
    if params["abort_above"] is not None and params["abort_above"] < 0:
        raise InvalidInput("abort_above: a number of executions is wanted, 0 or more.")
    if params["keep_last"] is not None and params["keep_last"] < 1:
        raise InvalidInput("keep_last: a number of executions is wanted, 1 or more.")
    if params["keep_last"] is not None and selection.ids is not None:
        raise InvalidInput("keep_last: execution_id names executions, of which all are meant; give one or the other.")
    if params["time_budget"] is not None:
        check_seconds(params, "time_budget")
    if params["archive_path"] is not None:
        check_archive(params["archive_path"])
    return DeleteRule(
        selection=selection,
        live=params["live"],
        abort_above=params["abort_above"],
        keep_last=params["keep_last"],
        keep_tagged=params["keep_tagged"],
        time_budget=params["time_budget"],
        archive_path=params["archive_path"],
        archive_data=params["archive_data"],
    )


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
    listed: list[Execution] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    not_found: list[str] = field(default_factory=list)
    kept_last: int = 0
    kept_tagged: int = 0
    archived: int = 0
    archive_path: str | None = None
    more_remaining: bool = False
    out_of_time: bool = False
    faults: Faults = field(default_factory=Faults)
    started: float = 0.0

    def delete(self, decision: Decision) -> None:
        execution = decision.execution
        self.deleted += 1
        self.by_status[execution.status] += 1
        self.by_workflow[execution.workflow_id or ""] += 1
        if len(self.listed) < LISTED:
            name = self.names.get(execution.workflow_id or "")
            self.listed.append(replace(execution, workflow_name=execution.workflow_name or name, data=None))

    def fail(self, decision: Decision, error: N8nError) -> None:
        if isinstance(error, NotFound):
            self.not_found.append(decision.execution.id)
        elif isinstance(error, ExecutionRunning):
            self.kept["running"] += 1
        else:
            self.faults.add(decision.execution.id, error)

    def sentence(self) -> str:
        said = f"{'Would delete' if self.check_mode else 'Deleted'} {plural(self.deleted)}"
        if self.archived:
            said += f", put {self.archived} into {self.archive_path} before that"
        if self.kept:
            said += f", left {sum(self.kept.values())} live alone"
        if self.kept_last:
            said += f", kept {self.kept_last} as the newest of their workflows"
        if self.kept_tagged:
            said += f", kept {self.kept_tagged} that have tags"
        if self.not_found:
            said += f", {len(self.not_found)} not there or not visible to this key"
        if self.out_of_time:
            said += "; the time budget is used up, and more may remain"
        elif self.more_remaining:
            said += "; more remain"
        return said + "."

    def result(self) -> Result:
        seconds = max(time.monotonic() - self.started, 0.001)
        # Several at once end in any order.
        listed = sorted(self.listed, key=lambda execution: execution.order)
        lines = [describe(execution) for execution in listed]
        if self.deleted > len(lines):
            lines.append(f"... and {self.deleted - len(lines)} more")
        text = "".join(f"{line}\n" for line in lines)
        values: dict[str, t.Any] = {
            "matched": self.matched,
            "deleted": self.deleted,
            "deleted_ids": [execution.id for execution in listed],
            "stopped": len(self.stopped),
            "by_status": dict(sorted(self.by_status.items())),
            "by_workflow": dict(sorted(self.by_workflow.items())),
            "kept": sum(self.kept.values()),
            "kept_by_status": dict(sorted(self.kept.items())),
            "kept_last": self.kept_last,
            "kept_tagged": self.kept_tagged,
            "archived": self.archived,
            "archive_path": self.archive_path,
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
    """Delete what the rule means. In check mode the same decisions are only counted, whatever time they would take."""
    tally = _Tally(check_mode, archive_path=rule.archive_path, started=time.monotonic())
    selection, tally.names = resolve_workflows(client, rule.selection)
    rule = replace(rule, selection=selection)
    deadline = None if rule.time_budget is None or check_mode else tally.started + rule.time_budget
    try:
        decisions = _decisions(client, rule, tally, deadline)
        if check_mode:
            for decision in decisions:
                tally.delete(decision)
        elif rule.archive_path is not None:
            with Archive(rule.archive_path) as archive:
                _archive_and_delete(client, rule, archive, decisions, tally)
        else:
            _delete_each(client, decisions, tally)
    except N8nError as error:
        tally.faults.end = tally.faults.end or error
    return tally.result()


def _archive_and_delete(
    client: N8nClient, rule: DeleteRule, archive: Archive, decisions: t.Iterable[Decision], tally: _Tally
) -> None:
    """Batch by batch: see that each is over, read it, have it on disk, and only then delete it."""
    for batch in batches(decisions, BATCH):
        whole: list[Decision] = []
        read = each(
            lambda decision: _as_it_was(client, rule, decision, tally.stopped),
            batch,
            concurrency=client.connection.concurrency,
            pushbacks=lambda: client.pushbacks,
        )
        for decision, outcome in read:
            if isinstance(outcome, N8nError):
                tally.fail(decision, outcome)
            else:
                whole.append(Decision(outcome, DELETE))
        if tally.faults.end is not None:
            return
        whole.sort(key=lambda decision: decision.execution.order)
        archive.add([decision.execution.record() for decision in whole])
        tally.archived += len(whole)
        _delete_each(client, whole, tally)
        if tally.faults.end is not None:
            return


def _as_it_was(client: N8nClient, rule: DeleteRule, decision: Decision, stopped: list[str]) -> Execution:
    """The execution as it is to be archived, once it is over. Raises ``NotArchived`` where n8n does not show all of it."""
    execution = decision.execution
    if decision.action == STOP_AND_DELETE:
        execution = stop_and_verify(client, execution, stopped)
    if not rule.archive_data:
        return execution
    whole = client.get(execution.id, include_data=True)
    for mark, why in (("data_too_large", "too large to be shown"), ("data_redacted", "redacted for this key")):
        if whole.extra.get(mark):
            raise NotArchived(
                f"execution {execution.id} is not deleted: its data is {why}, so the archive would lack it. "
                "archive_data=false archives such without their data."
            )
    return replace(whole, workflow_name=whole.workflow_name or execution.workflow_name)


def _delete_each(client: N8nClient, decisions: t.Iterable[Decision], tally: _Tally) -> None:
    done = each(
        lambda decision: _delete(client, decision, tally.stopped),
        decisions,
        concurrency=client.connection.concurrency,
        pushbacks=lambda: client.pushbacks,
        alike=True,
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
    except (NoAnswer, NotAnN8nAnswer, ServerFault, TooBusy) as lost:
        # It may have been deleted all the same; the result must not say otherwise.
        try:
            client.get(execution_id)
        except NotFound:
            return
        except N8nError:
            # Nobody knows. The first error says what was tried, and the next run finds what is there.
            raise lost from None
        raise


def _decisions(client: N8nClient, rule: DeleteRule, tally: _Tally, deadline: float | None) -> t.Iterable[Decision]:
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
    tally: _Tally,
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


def _first(decisions: t.Iterable[Decision], most: int, tally: _Tally) -> t.Iterator[Decision]:
    """The first ones, and whether there were more."""
    for number, decision in enumerate(decisions):
        if number == most:
            tally.more_remaining = True
            return
        yield decision


def _all_but_the_floors(
    client: N8nClient, executions: t.Iterable[Execution], rule: DeleteRule, tally: _Tally
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


def _all_but_the_last(executions: t.Iterable[Execution], rule: DeleteRule, tally: _Tally) -> t.Iterator[Execution]:
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


def _deletions(executions: t.Iterable[Execution], rule: DeleteRule, tally: _Tally) -> t.Iterator[Decision]:
    for execution in executions:
        tally.matched += 1
        decision = rule.decide(execution)
        if decision.action == KEEP:
            tally.kept[decision.reason] += 1
        else:
            yield decision


def _in_time(decisions: t.Iterable[Decision], deadline: float | None, tally: _Tally) -> t.Iterator[Decision]:
    """The decisions, as long as there is time to carry them out."""
    for decision in decisions:
        if deadline is not None and time.monotonic() >= deadline:
            tally.out_of_time = tally.more_remaining = True
            return
        yield decision


def _untagged(client: N8nClient, decisions: t.Iterable[Decision], tally: _Tally) -> t.Iterator[Decision]:
    """Those without annotation tags. One whose tags cannot be read is a fault, and stays."""
    for batch in batches(decisions, BATCH):
        tags: dict[str, t.Any] = {}
        read = each(
            lambda decision: client.tags(decision.execution.id),
            batch,
            concurrency=client.connection.concurrency,
            pushbacks=lambda: client.pushbacks,
            alike=True,
        )
        for decision, outcome in read:
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
