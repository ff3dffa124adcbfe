# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of deletions did, and what it tells of that. No I/O."""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ansible_collections.flowops.n8n.plugins.module_utils._errors import ExecutionRunning, N8nError, NotFound
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    LISTED,
    Decision,
    Faults,
    Result,
    describe,
    plural,
)


class Refused(N8nError):
    """The rule itself forbids to start; nothing was deleted."""

    condemns_all = True


@dataclass
class Tally:
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
            self.listed.append(execution._replace(workflow_name=execution.workflow_name or name, data=None))

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
