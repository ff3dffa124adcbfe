# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delete executions."""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._archive import Archive, check_archive
from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
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
    Decision,
    Result,
    batches,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.deletable import (
    BATCH,
    DELETE,
    STOP_AND_DELETE,
    DeleteRule,
    decisions_of,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.deleted import Tally
from ansible_collections.flowops.n8n.plugins.module_utils._operations.stop import stop_and_verify
from ansible_collections.flowops.n8n.plugins.module_utils._selection import parse_selection_to
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient, check_seconds


class NotArchived(N8nError):
    """What cannot be put into the archive as it was is not deleted."""


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


def carry_out(client: N8nClient, rule: DeleteRule, check_mode: bool) -> Result:
    """Delete what the rule means. In check mode the same decisions are only counted, whatever time they would take."""
    tally = Tally(check_mode, archive_path=rule.archive_path, started=time.monotonic())
    selection, tally.names = resolve_workflows(client, rule.selection)
    rule = replace(rule, selection=selection)
    deadline = None if rule.time_budget is None or check_mode else tally.started + rule.time_budget
    try:
        decisions = decisions_of(client, rule, tally, deadline)
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
    client: N8nClient, rule: DeleteRule, archive: Archive, decisions: t.Iterable[Decision], tally: Tally
) -> None:
    """Batch by batch: see that each is over, read it, have it on disk, and only then delete it."""
    for batch in batches(decisions, BATCH):
        over: list[tuple[Decision, Execution]] = []
        for decision, outcome in client.each(lambda decision: _as_it_was(client, rule, decision, tally.stopped), batch):
            if isinstance(outcome, N8nError):
                tally.fail(decision, outcome)
            else:
                over.append((replace(decision, action=DELETE), outcome))
        if tally.faults.end is not None:
            return
        over.sort(key=lambda one: one[1].order)
        archive.add([execution.record() for _decision, execution in over])
        tally.archived += len(over)
        _delete_each(client, [decision for decision, _execution in over], tally)
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
    return whole._replace(workflow_name=whole.workflow_name or execution.workflow_name)


def _delete_each(client: N8nClient, decisions: t.Iterable[Decision], tally: Tally) -> None:
    for decision, outcome in client.each(lambda decision: _delete(client, decision, tally.stopped), decisions, alike=True):
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
