# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An execution's run in short: what failed, why, where the time went, and whether trying again may help. No I/O."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, format_time
from ansible_collections.flowops.n8n.plugins.module_utils._run_data import read_trace
from ansible_collections.flowops.n8n.plugins.module_utils._trace import NodeError, NodeRun, Trace

# Nodes by which a workflow fails on purpose: whatever they say, trying again says it again.
_ON_PURPOSE = ("stopAndError",)
# What a program gets wrong, it gets wrong again.
_MISTAKES = frozenset({"EvalError", "ExpressionError", "RangeError", "ReferenceError", "SyntaxError", "TypeError", "URIError"})

_WAITING_HELPS = frozenset({"408", "425", "429"})
_HTTP_ERROR = re.compile(r"[45][0-9]{2}")
_NETWORK_CODES = frozenset(
    {
        "EAI_AGAIN",
        "ECONNABORTED",
        "ECONNREFUSED",
        "ECONNRESET",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ENETDOWN",
        "ENETRESET",
        "ENETUNREACH",
        "ENOTFOUND",
        "EPIPE",
        "ERR_SOCKET_CONNECTION_TIMEOUT",
        "ESOCKETTIMEDOUT",
        "ETIME",
        "ETIMEDOUT",
        "UND_ERR_BODY_TIMEOUT",
        "UND_ERR_CONNECT_TIMEOUT",
        "UND_ERR_HEADERS_TIMEOUT",
        "UND_ERR_SOCKET",
    }
)
# Sentences of n8n's own and of what it is built on. Digits count only where they are said to be a status.
_WORDS = re.compile(
    "|".join(
        (
            rf"\b(?:{'|'.join(sorted(_NETWORK_CODES))})\b",
            r"\btimed[ -]out\b",
            r"\btime-?out (?:of \d+ ?m?s )?(?:exceeded|expired|reached|elapsed)\b",
            r"\btime-?out (?:error|while|waiting|after)\b",
            r"\b(?:connection|connect|request|read|socket|gateway|handshake|idle|query|statement|lock wait) time-?out\b",
            r"\brefused the connection\b",
            r"\bconnection (?:was |has been )?(?:refused|reset|aborted|lost|terminated|closed unexpectedly)\b",
            r"\bconnection to the server was closed unexpectedly\b",
            r"\bserver closed the connection unexpectedly\b",
            r"\bconnection cannot be established\b",
            r"\bsocket hang up\b",
            r"\bhost is unreachable\b",
            r"\bDNS server returned an error\b",
            r"\bperhaps (?:it|the server) is offline\b",
            r"\btoo many requests\b",
            r"\brate[ -]limit(?:s|ed|ing)? (?:is |was |has been )?(?:exceeded|reached|hit)\b",
            r"\bservice (?:is )?(?:temporarily )?unavailable\b",
            r"\btemporarily unavailable\b",
            r"\bbad gateway\b",
            r"\bservice was not able to process your request\b",
            r"\bservice failed to process your request\b",
            r"\binternal server error\b",
            r"\b(?:HTTP|status|status code|HTTP code|HTTP status|statusCode)(?:\W{1,3}|/[\d.]+ )(?:408|425|429|5\d\d)\b",
            # As n8n writes the answer of a service: the status, then the body.
            r"^(?:408|425|429|5\d\d) - ",
        )
    ),
    re.IGNORECASE,
)


def digest_of(execution: Execution) -> dict[str, t.Any]:
    """The digest of an execution that was read with its data, in whatever dialect that is written."""
    return digest(execution, read_trace(execution))


def digest(execution: Execution, trace: Trace | None) -> dict[str, t.Any]:
    """What matters of an execution, in plain JSON types; ``trace`` is what its data tells, ``None`` where that is not known.

    Never raises, whatever the data is. Texts are cut at 2,000 characters, names at 200.
    """
    known = trace if trace is not None else Trace()
    failed = _failing_run(execution, known)
    error = _error(execution, known, failed)
    node = failed.name if failed is not None else error.node if error is not None else None
    node_type = known.type_of(node)
    reason = None if error is None else _why_transient(error, node_type, execution.status)
    missing = _missing(execution, trace)
    flow = _flow(known)
    timed = [{"name": step["name"], "duration": step["duration"]} for step in flow if step["duration"] is not None]
    return {
        "id": execution.id,
        "workflow_id": execution.workflow_id,
        "workflow_name": execution.workflow_name,
        "status": execution.status,
        "failing_node": node,
        "failing_node_type": node_type,
        "message": error.message if error is not None else None,
        "description": _description(error) if error is not None else None,
        "error_type": error.type if error is not None else None,
        "http_status": _http_status(error) if error is not None else None,
        "transient": reason is not None,
        "transient_reason": reason,
        "flow": flow,
        "slowest": sorted(timed, key=lambda step: -t.cast(float, step["duration"])),
        "data_missing": missing is not None,
        "data_missing_reason": missing,
    }


def _failing_run(execution: Execution, trace: Trace) -> NodeRun | None:
    """The run at which the execution failed. A node may fail and its workflow go on, so its error alone says nothing."""
    if trace.error is None and execution.status not in ("error", "crashed"):
        return None
    failed = [run for run in trace.runs if run.error is not None or run.status in ("error", "crashed")]
    wanted = (trace.error.node if trace.error is not None else None, trace.last_node)
    for name in wanted:
        found = next((run for run in reversed(failed) if run.name == name), None)
        if name is not None and found is not None:
            return found
    # An execution that was stopped has an error of its own, with no node to it.
    return failed[-1] if failed and execution.status != "canceled" else None


def _error(execution: Execution, trace: Trace, failed: NodeRun | None) -> NodeError | None:
    """The execution's own error, completed by what its node told."""
    if trace.error is None:
        return failed.error if failed is not None else None
    told = failed.error if failed is not None and failed.error is not None else NodeError()
    whole = trace.error
    return NodeError(
        type=whole.type or told.type,
        message=whole.message or told.message,
        description=whole.description or told.description,
        codes=(*whole.codes, *told.codes),
        hints=(*whole.hints, *told.hints),
        node=whole.node or told.node,
        recovers=whole.recovers if whole.recovers is not None else told.recovers,
    )


def _why_transient(error: NodeError, node_type: str | None, status: str) -> str | None:
    """The code or the words by which trying again may help; ``None`` where nothing speaks for it.

    A status that the service answered settles it. Without one the name of a network error does, and without that the words.
    """
    kind = error.type or ""
    if node_type is not None and node_type.rpartition(".")[2] in _ON_PURPOSE:
        return None
    if kind in _MISTAKES or error.description in _MISTAKES:
        return None
    if status == "canceled" and not kind.startswith("Timeout"):
        return None
    answered = _http_status(error)
    if answered is not None:
        return f"HTTP {answered}" if answered in _WAITING_HELPS or answered.startswith("5") else None
    named = next((code for code in error.codes if code.upper() in _NETWORK_CODES), None)
    if named is not None:
        return named.upper()
    if error.recovers is not None:
        return "the node says so" if error.recovers else None
    for words in (error.message, *error.hints, error.description):
        found = _WORDS.search(words) if words else None
        if found is not None:
            return found.group().strip(" -")
    return None


def _description(error: NodeError) -> str | None:
    """What is said beside the message. n8n often puts a sentence of its own in the place of an error's words, and keeps those."""
    return error.description or next((hint for hint in error.hints if hint != error.message), None)


def _http_status(error: NodeError) -> str | None:
    """The status of 400 or above that the service answered, as far as it is told."""
    return next((code for code in error.codes if _HTTP_ERROR.fullmatch(code)), None)


def _flow(trace: Trace) -> list[dict[str, t.Any]]:
    """One entry a node, in the order of their first runs; the status is that of the last run."""
    runs: dict[str, list[NodeRun]] = {}
    for run in trace.runs:
        runs.setdefault(run.name, []).append(run)
    return [
        {
            "name": name,
            "type": trace.type_of(name),
            "runs": len(of_node),
            "status": of_node[-1].status,
            "started_at": format_time(next((run.started_at for run in of_node if run.started_at is not None), None)),
            "duration": _total([run.duration for run in of_node]),
        }
        for name, of_node in runs.items()
    ]


def _total(durations: list[float | None]) -> float | None:
    known = [duration for duration in durations if duration is not None]
    return round(sum(known), 3) if known else None


def _missing(execution: Execution, trace: Trace | None) -> str | None:
    """Why the digest cannot be whole, ``None`` where it is."""
    if execution.extra.get("data_too_large") is True:
        # What it sends then has the form of data, and nothing in it.
        return "the data is too large for n8n to show"
    if trace is not None:
        return trace.missing
    if execution.data is None:
        return "there is no data: it was not kept, or not read"
    return "the data is in no form that is known"
