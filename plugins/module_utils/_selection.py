# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user asked for, parsed once; whether an execution is meant by it. No I/O."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.base import Dialect
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DEFAULT, DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._execution import (
    LIVE,
    Execution,
    parse_span,
    parse_time,
)


@dataclass(frozen=True)
class Selection:
    """A frozen rule: which executions are meant. ``None`` means that a filter is not set.

    ``workflows`` and ``exclude_workflows`` are as the user wrote them until
    ``with_workflows`` has put ids in their place.
    """

    now: datetime
    ids: tuple[str, ...] | None = None
    workflows: tuple[str, ...] | None = None
    exclude_workflows: tuple[str, ...] = ()
    project: str | None = None
    statuses: frozenset[str] | None = None
    modes: frozenset[str] | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    ended_before: datetime | None = None
    min_duration: timedelta | None = None
    limit: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the user named neither executions nor a filter, so that all would be meant."""
        return self == Selection(now=self.now, limit=self.limit)

    def with_workflows(self, workflows: tuple[str, ...] | None, exclude_workflows: tuple[str, ...]) -> Selection:
        """The same with workflow ids in place of what the user wrote."""
        return replace(self, workflows=workflows, exclude_workflows=exclude_workflows)

    def with_statuses(self, statuses: t.Iterable[str]) -> Selection:
        """The same, for these statuses."""
        return replace(self, statuses=frozenset(statuses))

    @property
    def latest_start(self) -> datetime | None:
        """No execution that is meant started later: what ended before a time started before it too."""
        bounds = [bound for bound in (self.started_before, self.ended_before) if bound is not None]
        return min(bounds) if bounds else None

    @property
    def live_statuses(self) -> frozenset[str]:
        """The live statuses that it can match."""
        if self.ended_before is not None:
            return frozenset()
        return LIVE if self.statuses is None else LIVE & self.statuses

    def matches(self, execution: Execution) -> bool:
        """Whether this row is meant, by its own fields alone. The project is the server's to check: rows lack it."""
        if self.ids is not None:
            return execution.id in self.ids
        started = execution.started_at
        if self.workflows is not None and execution.workflow_id not in self.workflows:
            return False
        if execution.workflow_id in self.exclude_workflows:
            return False
        if self.statuses is not None and execution.status not in self.statuses:
            return False
        if self.modes is not None and execution.mode not in self.modes:
            return False
        if self.started_after is not None and (started is None or started < self.started_after):
            return False
        if self.started_before is not None and (started is None or started > self.started_before):
            return False
        if self.ended_before is not None:
            stopped = execution.stopped_at
            if execution.is_live or stopped is None or stopped > self.ended_before:
                return False
        if self.min_duration is not None:
            ran = execution.ran_for(self.now)
            if ran is None or ran < self.min_duration.total_seconds():
                return False
        return True


def parse_selection_to(verb: str, params: t.Mapping[str, t.Any], now: datetime) -> Selection:
    """As ``parse_selection``, where something is done to what is selected: everything must be asked for by ``all``."""
    selection = parse_selection(params, now)
    if selection.is_empty and not params["all"]:
        raise InvalidInput(
            f"Nothing selects what to {verb}: name executions or filters, such as older_than or newer_than. "
            "If every execution is meant, say so with all=true."
        )
    return selection


def parse_selection(params: t.Mapping[str, t.Any], now: datetime) -> Selection:
    """The selection options of a module as a rule; ``now`` is an aware time.

    Raises ``InvalidInput`` for whatever cannot be meant, before any request.
    """
    if params.get("older_than") and params.get("started_before"):
        raise InvalidInput("older_than and started_before exclude each other: one goes by the end, the other by the start.")
    if params.get("newer_than") and params.get("started_after"):
        raise InvalidInput("newer_than and started_after exclude each other.")
    started_after = _time(params, "started_after")
    newer_than = _span(params, "newer_than")
    older_than = _span(params, "older_than")
    selection = Selection(
        now=now,
        ids=_ids(params.get("execution_id"), DIALECTS[params.get("dialect", DEFAULT)]),
        workflows=_words(params, "workflow"),
        exclude_workflows=_words(params, "exclude_workflow") or (),
        project=_project(params.get("project")),
        statuses=_set(params, "status"),
        modes=_set(params, "mode"),
        started_after=_ago(now, newer_than, "newer_than") if newer_than is not None else started_after,
        started_before=_time(params, "started_before"),
        ended_before=_ago(now, older_than, "older_than") if older_than is not None else None,
        min_duration=_span(params, "min_duration"),
        limit=params.get("limit"),
    )
    if selection.ids is not None and selection != Selection(now=now, ids=selection.ids, limit=selection.limit):
        raise InvalidInput("execution_id names executions, so it excludes the filters; give one or the other.")
    after, before = selection.started_after, selection.latest_start
    if after is not None and before is not None and after > before:
        raise InvalidInput("The start is asked for after a time that is later than the one before which it is asked for.")
    if selection.limit is not None and selection.limit < 1:
        raise InvalidInput("limit: a number of executions is wanted, 1 or more.")
    return selection


def check_id(value: str, dialect: Dialect) -> str:
    """The id without surrounding blanks. Raises ``InvalidInput`` if it cannot be one: it goes into a path."""
    stripped = value.strip()
    if not dialect.id_form.fullmatch(stripped):
        raise InvalidInput(
            f"execution_id: {value!r} is not the id of an execution; those of {dialect.platform} are {dialect.id_words}."
        )
    return stripped


def _ids(values: list[str] | None, dialect: Dialect) -> tuple[str, ...] | None:
    if values is None:
        return None
    # An empty list means none, never all: it is what a search that found nothing hands on.
    return tuple(dict.fromkeys(check_id(value, dialect) for value in values))


def _words(params: t.Mapping[str, t.Any], option: str) -> tuple[str, ...] | None:
    values = params.get(option)
    if values is None:
        return None
    if not values or not all(value.strip() for value in values):
        raise InvalidInput(f"{option}: ids or names of workflows are wanted, not an empty value.")
    return tuple(dict.fromkeys(value.strip() for value in values))


def _project(value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise InvalidInput("project: the id of a project is wanted, not an empty value.")
    return value.strip() if value is not None else None


def _set(params: t.Mapping[str, t.Any], option: str) -> frozenset[str] | None:
    values = params.get(option)
    if values is None:
        return None
    # It comes from a variable that was not filled in, and must not come to mean "any".
    if not values:
        raise InvalidInput(f"{option}: the list is empty. Name what is wanted, or leave the option out.")
    return frozenset(values)


def _time(params: t.Mapping[str, t.Any], option: str) -> datetime | None:
    value = params.get(option)
    if value is None:
        return None
    try:
        return parse_time(value)
    except ValueError as error:
        raise InvalidInput(f"{option}: {error}.") from None


def _span(params: t.Mapping[str, t.Any], option: str) -> timedelta | None:
    value = params.get(option)
    if value is None:
        return None
    try:
        return parse_span(value)
    except ValueError as error:
        raise InvalidInput(f"{option}: {error}.") from None


def _ago(now: datetime, span: timedelta, option: str) -> datetime:
    try:
        return now - span
    except OverflowError:
        raise InvalidInput(f"{option}: that long ago there was no calendar.") from None
