# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of an execution, as each dialect writes it -> Trace. Pure functions, no I/O.

Which dialect wrote it is told by the data itself: a record that a module returned earlier does not say. Whoever the workflow
works for wrote much of it, so nothing in it is taken for granted.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, parse_time
from ansible_collections.flowops.n8n.plugins.module_utils._trace import (
    NodeError,
    NodeRun,
    Trace,
    mapping,
    moment,
    name,
    seconds,
    sequence,
    text,
)

# Codes of an error are looked for in this order; n8n writes the HTTP status, or a name such as ECONNREFUSED, into the first.
_CODES = ("httpCode", "code", "statusCode", "status", "errno")
# How many errors, each the cause of the one before, are looked at.
_CAUSES = 4
_MOST_HINTS = 20
# What a node of n8n 2.41 may declare about its failure, and whether that passes by itself.
_RECOVERS = {
    "rate-limited": True,
    "quota-exhausted": True,
    "temporarily-unavailable": True,
    "credential-invalid": False,
    "configuration-invalid": False,
    "node-defect": False,
}


def read_trace(execution: Execution) -> Trace | None:
    """What the data of an execution tells of its run; ``None`` where there is none, or it has no form that is known."""
    data = execution.data
    if isinstance(data, list):
        # n8n-work's list of nodes by itself.
        data = {"executionData": data}
    if not isinstance(data, dict):
        return None
    if isinstance(data.get("resultData"), dict):
        trace = _read_n8n(data, execution.node_types)
        beside = execution.extra.get("error")
        return replace(trace, error=_error(beside)) if trace.error is None and beside else trace
    if isinstance(data.get("executionData"), list):
        return _read_n8n_work(data)
    return None


def keep_nodes(data: t.Any, nodes: frozenset[str]) -> t.Any:
    """The data with the runs of these nodes alone; whatever else it tells stays. Data of no known form stays whole."""
    if not isinstance(data, dict):
        return data
    result = data.get("resultData")
    if isinstance(result, dict):
        runs = mapping(result.get("runData"))
        return {**data, "resultData": {**result, "runData": {node: run for node, run in runs.items() if node in nodes}}}
    if isinstance(data.get("executionData"), list):
        # There a node has an id beside its name, and people know it by either.
        kept = [run for run in data["executionData"] if nodes & {name(mapping(run).get(key)) for key in ("nodeName", "nodeId")}]
        return {**data, "executionData": kept}
    return data


def _read_n8n(data: t.Mapping[str, t.Any], node_types: t.Mapping[str, str]) -> Trace:
    """n8n's: the runs of each node by its name, and an error that ended it all."""
    result = mapping(data.get("resultData"))
    found: list[tuple[tuple[float, float], NodeRun]] = []
    for node, runs in mapping(result.get("runData")).items():
        for run in sequence(runs):
            if isinstance(run, dict):
                found.append((_position(run), _n8n_run(node, run)))
    # Sorting keeps the order of those that are equal.
    found.sort(key=lambda one: one[0])
    types = {**_types_within(data, result), **node_types}
    return Trace(
        runs=tuple(run for _unused, run in found),
        error=_n8n_error(result),
        last_node=name(result.get("lastNodeExecuted")),
        node_types=tuple((name(node) or "", name(kind) or "") for node, kind in types.items()),
        missing=_redacted(data),
    )


def _position(run: t.Mapping[str, t.Any]) -> tuple[float, float]:
    """n8n numbers the runs from 1.93 on; before, their start is all there is."""
    index, start = run.get("executionIndex"), run.get("startTime")
    return (_number(index), _number(start))


def _number(value: t.Any) -> float:
    if not isinstance(value, (int, float)) or (isinstance(value, float) and math.isnan(value)):
        return 0.0
    return min(max(value, -1.0), 1e18)


def _n8n_run(node: t.Any, run: t.Mapping[str, t.Any]) -> NodeRun:
    error = _n8n_error(run)
    status = name(run.get("executionStatus"))
    return NodeRun(
        name=name(node) or "?",
        type=None,
        started_at=moment(run.get("startTime")),
        duration=seconds(run.get("executionTime")),
        status=status or ("error" if error is not None else None),
        error=error,
    )


def _n8n_error(holder: t.Mapping[str, t.Any]) -> NodeError | None:
    """The error in a run or in the whole; where n8n redacts, its type and its HTTP status are left of it."""
    error = holder.get("error")
    if error:
        return _error(error)
    redacted = holder.get("redactedError")
    if not isinstance(redacted, dict):
        return None
    return NodeError(type=name(redacted.get("type")), codes=tuple(_codes(redacted)))


def _error(error: t.Any) -> NodeError:
    if not isinstance(error, dict):
        return NodeError(message=text(error))
    node = error.get("node")
    codes: list[str] = []
    hints = [text(hint) for hint in sequence(error.get("messages"))[:_MOST_HINTS]]
    cause: t.Any = error
    for _unused in range(_CAUSES):
        codes += _codes(cause)
        for key in ("errorResponse", "response", "context"):
            codes += _codes(mapping(cause.get(key)))
        cause = cause.get("cause")
        if not isinstance(cause, dict):
            hints.append(text(cause))
            break
        hints.append(text(cause.get("message")))
    failure = error.get("failure")
    declared = name(failure.get("cause")) if isinstance(failure, dict) else name(failure)
    return NodeError(
        type=name(error.get("name")),
        message=text(error.get("message")),
        description=text(error.get("description")),
        codes=tuple(codes),
        hints=tuple(hint for hint in hints if hint is not None),
        node=name(node.get("name")) if isinstance(node, dict) else name(node),
        recovers=_RECOVERS.get(declared or ""),
    )


def _codes(error: t.Mapping[str, t.Any]) -> list[str]:
    return [code for code in (name(error.get(key)) for key in _CODES) if code is not None]


def _types_within(data: t.Mapping[str, t.Any], result: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The types of the nodes that the data names in full: those that failed and those whose turn was next."""
    nodes = [mapping(result.get("error")).get("node")]
    nodes += [mapping(entry).get("node") for entry in sequence(mapping(data.get("executionData")).get("nodeExecutionStack"))]
    nodes += [
        mapping(mapping(run).get("error")).get("node")
        for runs in mapping(result.get("runData")).values()
        for run in sequence(runs)
    ]
    named = ((node.get("name"), node.get("type")) for node in nodes if isinstance(node, dict))
    return {node: kind for node, kind in named if isinstance(node, str) and isinstance(kind, str)}


def _redacted(data: t.Mapping[str, t.Any]) -> str | None:
    info = mapping(data.get("redactionInfo"))
    if info.get("isRedacted") is not True:
        return None
    return f"the data is redacted ({name(info.get('reason')) or 'no reason told'})"


def _read_n8n_work(data: t.Mapping[str, t.Any]) -> Trace:
    """n8n-work's: a list of nodes, each with its times, and an error that names its node by an id."""
    nodes = [node for node in sequence(data.get("executionData")) if isinstance(node, dict)]
    names = {node.get("nodeId"): name(node.get("nodeName")) for node in nodes if isinstance(node.get("nodeId"), str)}
    runs = [
        NodeRun(
            name=name(node.get("nodeName")) or name(node.get("nodeId")) or "?",
            type=name(node.get("nodeType")),
            started_at=_time(node.get("startedAt")),
            duration=_span(node.get("duration")),
            status=_N8N_WORK_STATUSES.get(name(node.get("status")) or "", name(node.get("status"))),
            error=_n8n_work_error(node.get("error"), names),
        )
        for node in nodes
    ]
    # What has not begun comes last; sorting keeps the order of those that are equal.
    runs.sort(key=lambda run: (run.started_at is None, run.started_at.timestamp() if run.started_at is not None else 0.0))
    return Trace(runs=tuple(runs), error=_n8n_work_error(data.get("error"), names))


_N8N_WORK_STATUSES = {"failed": "error", "timeout": "error", "cancelled": "canceled", "queued": "new"}


def _n8n_work_error(error: t.Any, names: t.Mapping[t.Any, str | None]) -> NodeError | None:
    if not error:
        return None
    if not isinstance(error, dict):
        return NodeError(message=text(error))
    node = error.get("nodeId")
    return NodeError(
        type=name(error.get("type")) or name(error.get("name")),
        message=text(error.get("message")),
        description=text(error.get("description")),
        codes=tuple(_codes(error)),
        node=(names.get(node) or name(node)) if isinstance(node, str) else None,
    )


def _span(value: t.Any) -> float | None:
    """n8n-work counts in seconds."""
    return seconds(value * 1000) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _time(value: t.Any) -> datetime | None:
    try:
        return parse_time(value) if isinstance(value, str) else None
    except ValueError:
        return None
