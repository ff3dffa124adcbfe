# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set the annotation tags of executions."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    InvalidInput,
    N8nError,
    NoAnswer,
    NotAnN8nAnswer,
    NotFound,
    ServerFault,
    TooBusy,
    UnknownTag,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, order_of
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    LISTED,
    Faults,
    Result,
    batches,
    get_each,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection_to
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# So many executions are looked at before those among them that need it are changed.
BATCH = 100

# n8n makes ids of 16 letters and digits. This leaves room, but not for a name with blanks.
_TAG_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")

_Tags = t.Tuple[str, ...]


class NotTagged(N8nError):
    """n8n has accepted the tags, and the execution has others."""


@dataclass(frozen=True)
class TagRule:
    """``exactly`` is ``None`` where tags are added and removed; it excludes both."""

    selection: Selection
    exactly: _Tags | None
    add: _Tags
    remove: _Tags

    def decide(self, tags: _Tags) -> _Tags | None:
        """The tags that an execution with these is to have; ``None`` where it has them already, in whatever order."""
        wanted = self.exactly
        if wanted is None:
            kept = tuple(tag for tag in tags if tag not in self.remove)
            wanted = kept + tuple(tag for tag in self.add if tag not in kept)
        return None if set(wanted) == set(tags) else wanted


def parse(params: t.Mapping[str, t.Any], now: datetime) -> TagRule:
    """Raises ``InvalidInput``."""
    exactly, add, remove = (_tag_ids(params, option) for option in ("set", "add", "remove"))
    if exactly is None and add is None and remove is None:
        raise InvalidInput("Nothing says which tags: give set, add or remove. An empty list for set removes all.")
    if exactly is not None and (add is not None or remove is not None):
        raise InvalidInput("set names all the tags there are to be, so it excludes add and remove.")
    for option, given in (("add", add), ("remove", remove)):
        # It comes from a variable that was not filled in.
        if given == ():
            raise InvalidInput(f"{option}: the list is empty. Name tags, or leave the option out.")
    both = [tag for tag in add or () if tag in (remove or ())]
    if both:
        raise InvalidInput(f"add and remove both name {both[0]}.")
    return TagRule(selection=parse_selection_to("tag", params, now), exactly=exactly, add=add or (), remove=remove or ())


def _tag_ids(params: t.Mapping[str, t.Any], option: str) -> _Tags | None:
    values = params[option]
    if values is None:
        return None
    ids = tuple(dict.fromkeys(value.strip() for value in values))
    for tag_id in ids:
        if not _TAG_ID.fullmatch(tag_id):
            raise InvalidInput(f"{option}: {tag_id!r} is not the id of an annotation tag; its name does not do.")
    return ids


@dataclass(frozen=True)
class _Change:
    execution: Execution
    before: _Tags
    after: _Tags


@dataclass
class _Tally:
    """What was changed, or in check mode would be."""

    check_mode: bool
    names: dict[str, str] = field(default_factory=dict)
    matched: int = 0
    tagged: int = 0
    unchanged: int = 0
    not_found: list[str] = field(default_factory=list)
    more_remaining: bool = False
    records: list[dict[str, t.Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    # So many have got tags, but not those that were asked for.
    otherwise: int = 0

    def change(self, change: _Change) -> None:
        self.tagged += 1
        if len(self.records) < LISTED:
            execution = change.execution
            self.records.append(
                {
                    "id": execution.id,
                    "workflow_id": execution.workflow_id,
                    "workflow_name": execution.workflow_name or self.names.get(execution.workflow_id or ""),
                    "tags_before": list(change.before),
                    "tags": list(change.after),
                }
            )

    def fail(self, execution: Execution, error: N8nError) -> None:
        if isinstance(error, NotFound):
            self.not_found.append(execution.id)
        else:
            self.faults.add(execution.id, error)

    def sentence(self) -> str:
        said = f"{'Would change' if self.check_mode else 'Changed'} the tags of {plural(self.tagged)}"
        if self.unchanged:
            said += f", {self.unchanged} had them already"
        if self.not_found:
            said += f", {len(self.not_found)} not there or not visible to this key"
        if self.more_remaining:
            said += "; more remain"
        return said + "."

    def result(self) -> Result:
        # Several at once end in any order.
        records = sorted(self.records, key=lambda record: order_of(record["id"]))
        values: dict[str, t.Any] = {
            "matched": self.matched,
            "tagged": self.tagged,
            "unchanged": self.unchanged,
            "executions": records,
            "not_found": self.not_found[:LISTED],
            "more_remaining": self.more_remaining,
            "errors": self.faults.items,
            "msg": self.sentence(),
            **self.faults.fields(),
        }
        more = f"... and {self.tagged - len(records)} more\n" if self.tagged > len(records) else ""
        diff = {
            "before_header": "annotation tags",
            "after_header": "annotation tags",
            "before": "".join(_line(one, "tags_before") for one in records) + more,
            "after": "".join(_line(one, "tags") for one in records) + more,
        }
        return Result(
            changed=self.tagged > 0 or self.otherwise > 0,
            values=values,
            diff=diff,
            failure=self.faults.sentence(self.sentence()),
        )


def _line(record: dict[str, t.Any], key: str) -> str:
    return f"execution {record['id']}: {', '.join(sorted(record[key])) or 'no tags'}\n"


def carry_out(client: N8nClient, rule: TagRule, check_mode: bool) -> Result:
    """Give the selected executions their tags. In check mode the same decisions are only counted."""
    tally = _Tally(check_mode)
    selection, tally.names = resolve_workflows(client, rule.selection)
    rule = replace(rule, selection=selection)
    left = selection.limit if selection.ids is None else None
    try:
        source = _selected(client, rule, tally)
        for batch in batches(source, BATCH):
            tally.matched += len(batch)
            changes = _changes(client, rule, batch, tally)
            if left is not None:
                tally.more_remaining = len(changes) > left
                changes = changes[:left]
                left -= len(changes)
            if check_mode:
                for change in changes:
                    tally.change(change)
            else:
                _write(client, changes, tally)
            if tally.faults.end is not None:
                break
            if left == 0:
                tally.more_remaining = tally.more_remaining or next(source, None) is not None
                break
    except N8nError as error:
        tally.faults.end = error
    return tally.result()


def _selected(client: N8nClient, rule: TagRule, tally: _Tally) -> t.Iterator[Execution]:
    selection = rule.selection
    if selection.ids is not None:
        found, tally.not_found = get_each(client, selection.ids, tally.faults)
        if tally.faults.end is not None:
            raise tally.faults.end
        executions: t.Iterable[Execution] = sorted(found, key=lambda execution: execution.order)
    elif selection.limit is not None:
        # The oldest come first, and how many of them have their tags already is not known before they are looked at.
        executions = reversed(list(client.executions(selection)))
    else:
        executions = client.executions(selection)
    return iter(executions)


def _changes(client: N8nClient, rule: TagRule, batch: list[Execution], tally: _Tally) -> list[_Change]:
    """What is to be changed among these, in their order."""
    changes: dict[str, _Change] = {}
    for execution, tags in client.each(lambda one: client.tags(one.id), batch):
        if isinstance(tags, N8nError):
            tally.fail(execution, tags)
            continue
        wanted = rule.decide(tags)
        if wanted is None:
            tally.unchanged += 1
        else:
            changes[execution.id] = _Change(execution, tags, wanted)
    return [changes[execution.id] for execution in batch if execution.id in changes]


def _write(client: N8nClient, changes: list[_Change], tally: _Tally) -> None:
    # Where a tag is unknown, even the refused call leaves a mark; so one goes ahead of all others.
    ahead = 0 if tally.tagged else 1
    for group in (changes[:ahead], changes[ahead:]):
        if tally.faults.end is not None:
            return
        for change, outcome in client.each(lambda change: _put(client, change), group):
            if isinstance(outcome, N8nError):
                tally.otherwise += isinstance(outcome, NotTagged)
                tally.fail(change.execution, outcome)
            else:
                tally.change(change)


def _put(client: N8nClient, change: _Change) -> None:
    execution_id = change.execution.id
    try:
        now = client.set_tags(execution_id, change.after)
    except UnknownTag as error:
        error.args = (
            f"{error} Asked for: {', '.join(change.after)}. n8n has changed no tags of execution {execution_id}, but its own "
            "pruning spares that execution from now on.",
        )
        raise
    except (NoAnswer, NotAnN8nAnswer, ServerFault, TooBusy):
        # They may have been set all the same; the result must not say otherwise.
        now = client.tags(execution_id)
        if set(now) != set(change.after):
            raise
    if set(now) != set(change.after):
        raise NotTagged(f"execution {execution_id} has the tags {', '.join(sorted(now)) or 'none'} after they were set.")
