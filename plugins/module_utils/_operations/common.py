# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every verb works with: a decision about one execution, and the result of the whole."""

from __future__ import annotations

import itertools
import typing as t
from collections import deque
from dataclasses import dataclass, field

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError, NotFound
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, format_time
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# Lists in results are cut here; their counts are not. Ansible itself slows down with large results.
LISTED = 1000

_Item = t.TypeVar("_Item")


@dataclass(frozen=True)
class Decision:
    """What is to be done with an execution, and why."""

    execution: Execution
    action: str
    reason: str = ""


@dataclass
class Result:
    """What a module returns. ``failure`` is the sentence for a run that failed, whatever was done before it did."""

    changed: bool
    values: dict[str, t.Any]
    diff: dict[str, str] | None = None
    warnings: list[str] = field(default_factory=list)
    failure: str | None = None


@dataclass
class Faults:
    """The errors of single items, and the one that ended the run, if any."""

    items: list[dict[str, t.Any]] = field(default_factory=list)
    count: int = 0
    end: N8nError | None = None

    def add(self, execution_id: str, error: N8nError) -> None:
        """Take note of an item's error; one that condemns all is the end."""
        self.count += 1
        if len(self.items) < LISTED:
            self.items.append({"id": execution_id, "msg": str(error), **error.fields()})
        if error.condemns_all and self.end is None:
            self.end = error

    def sentence(self, done: str) -> str | None:
        """What to tell, after what was done so far; ``None`` where nothing went wrong."""
        if self.end is not None:
            return f"{self.end} That ended the run. So far: {done}"
        if self.count:
            first = self.items[0]
            return f"{done} {plural(self.count)} failed, the first being {first['id']}: {first['msg']}"
        return None

    def fields(self) -> dict[str, t.Any]:
        """The facts of the error that stands for all of them."""
        if self.end is not None:
            return self.end.fields()
        if self.items:
            return {key: value for key, value in self.items[0].items() if key not in ("id", "msg")}
        return {}


def plural(count: int) -> str:
    return f"{count} execution" if count == 1 else f"{count} executions"


def describe(execution: Execution) -> str:
    """One line for a diff."""
    name = f" ({execution.workflow_name})" if execution.workflow_name else ""
    times = f"started {format_time(execution.started_at) or 'not yet'}"
    if execution.stopped_at is not None:
        times += f", ended {format_time(execution.stopped_at)}"
    return f"execution {execution.id}: {execution.status}, workflow {execution.workflow_id}{name}, {times}"


def batches(items: t.Iterable[_Item], size: int) -> t.Iterator[list[_Item]]:
    """The items in lists of this size, the last one of what is left."""
    source = iter(items)
    while batch := list(itertools.islice(source, size)):
        yield batch


def oldest(items: t.Iterable[_Item], most: int) -> tuple[list[_Item], bool]:
    """The last ones of a walk from the newest, oldest first, and whether there were more. At most ``most`` are held."""
    held: deque[_Item] = deque(maxlen=most)
    more = False
    for item in items:
        more = more or len(held) == most
        held.append(item)
    return list(reversed(held)), more


def resolve_workflows(client: N8nClient, selection: Selection) -> tuple[Selection, dict[str, str]]:
    """The selection with ids in place of workflow names, and the names by id as far as they came to be known."""
    names: dict[str, str] = {}

    def ids(wanted: tuple[str, ...]) -> tuple[str, ...]:
        found = [client.find_workflow(one) for one in wanted]
        names.update({workflow.id: workflow.name for workflow in found if workflow.name is not None})
        return tuple(dict.fromkeys(workflow.id for workflow in found))

    workflows = None if selection.workflows is None else ids(selection.workflows)
    return selection.with_workflows(workflows, ids(selection.exclude_workflows)), names


def get_each(
    client: N8nClient,
    execution_ids: t.Iterable[str],
    faults: Faults,
    include_data: bool = False,
    redact: bool | None = None,
    shape: t.Callable[[Execution], Execution] | None = None,
) -> tuple[list[Execution], list[str]]:
    """Read executions by id, several at once: those that are there, and the ids of those that are not.

    ``shape`` makes of each, as soon as it is read, what is to be kept of it: data can be large.
    """

    def read(execution_id: str) -> Execution:
        execution = client.get(execution_id, include_data, redact)
        return execution if shape is None else shape(execution)

    found: list[Execution] = []
    absent: list[str] = []
    # Data is as large as a workflow makes it.
    for execution_id, got in client.each(read, execution_ids, alike=not include_data):
        if isinstance(got, NotFound):
            absent.append(execution_id)
        elif isinstance(got, N8nError):
            faults.add(execution_id, got)
        else:
            found.append(got)
    return found, sorted(absent, key=lambda one: (len(one), one))
