# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""n8n-work's REST API, version 1, after its published document: wire <-> Execution. Pure functions, no I/O.

The platform's published code does not start and differs from that document, which is the contract therefore. What the code
shows besides is read as well: answers in ``{"success": true, "data": …}``, once or twice, and executions that name what they
are a retry of.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.base import Dialect, pairs, plain_text, segment
from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    ExecutionRunning,
    Forbidden,
    N8nError,
    NoSuchRoute,
    NotBegun,
    NotFound,
    NotOffered,
    NotRetryable,
    RateLimited,
    ServerFault,
    TooBusy,
    Unauthorized,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, format_time, parse_time, shifted
from ansible_collections.flowops.n8n.plugins.module_utils._wire import QUOTE, Answer, Call, Page, Query

PAGE_SIZE = 100
LOG_ENTRIES = 1000
DATA_BYTES = 512 * 1024 * 1024

# Theirs -> ours. A time-out is a failure that names its cause.
STATUSES = {
    "queued": "new",
    "running": "running",
    "success": "success",
    "failed": "error",
    "timeout": "error",
    "cancelled": "canceled",
}
MODES = {"manual": "manual", "trigger": "trigger", "scheduled": "trigger", "webhook": "webhook", "retry": "retry"}

# The document does not say whether a range includes its ends, nor how fine it is; every row is checked again.
_RANGE_MARGIN = timedelta(seconds=1)
_ENVELOPES = 2
_ROW_ID = re.compile(r"(?!None$)[A-Za-z0-9_-]{1,80}")
_DATA = ("executionData", "inputData", "outputData", "error", "trigger")


class N8nWork(Dialect, dialect="n8n_work"):
    """n8n-work, another platform than n8n. The document is all there is of it: no real server was spoken to."""

    platform = "n8n-work"
    summary = "the API of n8n-work, another platform, after its document"
    api_path = "/v1"
    id_form = re.compile(r"[A-Za-z0-9_-]{1,80}")
    id_words = "letters, digits, _ and -, such as exec_1234567890"
    page_size = PAGE_SIZE
    not_offered: t.ClassVar[t.Mapping[str, tuple[t.Any, str]]] = {
        "project": (None, "it has no projects in its API"),
        "redact": (None, "it does not redact data"),
        "keep_tagged": (False, "it has no annotation tags"),
        "add": (None, "it has no annotation tags"),
        "remove": (None, "it has no annotation tags"),
        "set": (None, "it has no annotation tags"),
    }

    def key_headers(self, api_key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {api_key}"}

    def status_lists(self, statuses: frozenset[str] | None, live: frozenset[str]) -> list[str | None]:
        """The list without the filter holds all of them, live ones too. Raises ``NotOffered`` if none of ours exists there."""
        if statuses is None:
            return [None]
        return list(_theirs("status", STATUSES, statuses))

    def mode_lists(self, modes: frozenset[str] | None) -> list[str | None]:
        return [None] if modes is None else list(_theirs("mode", MODES, modes))

    def returned_for(self, status: str) -> frozenset[str]:
        return frozenset({STATUSES[status]})

    def list_call(self, query: Query, cursor: str | None) -> Call:
        """The cursor may hold no filters, so they are repeated with it."""
        after, before = query.started_after, query.started_before
        filters = {
            "limit": str(PAGE_SIZE),
            "cursor": cursor,
            "sort": "-startedAt",
            "filter[workflowId]": query.workflow,
            "filter[status]": query.status,
            "filter[mode]": query.mode,
            "filter[dateRange]": "custom" if after is not None or before is not None else None,
            "filter[startDate]": format_time(shifted(after, -_RANGE_MARGIN)),
            "filter[endDate]": format_time(shifted(before, _RANGE_MARGIN)),
        }
        return Call("GET", "/executions", pairs(filters), scope="executions:read")

    def read_page(self, answer: Answer) -> Page:
        body = _body(answer)
        rows, paging = body.get("data"), body.get("pagination")
        if not isinstance(rows, list) or not isinstance(paging, dict):
            raise answer.foreign("n8n-work's list of executions")
        cursor = paging.get("nextCursor")
        if not (cursor is None or isinstance(cursor, str)) or (paging.get("hasMore") and not cursor):
            raise answer.foreign("a page of n8n-work's list of executions that leads to the next one")
        more = paging.get("hasMore", cursor is not None)
        return Page(tuple(_execution(row, answer) for row in rows), cursor if more else None)

    def get_call(self, execution_id: str, include_data: bool, redact: bool | None = None) -> Call:
        path = f"/executions/{segment(execution_id)}"
        if include_data:
            query = (("include", "data,error,metadata"),)
            return Call("GET", path, query, scope="executions:read", max_bytes=DATA_BYTES)
        return Call("GET", path, scope="executions:read")

    def read_execution(self, answer: Answer) -> Execution:
        """Raises ``NotFound`` only for ``EXECUTION_NOT_FOUND``."""
        return _execution(_body(answer), answer, with_data=bool(answer.call.query))

    def delete_call(self, execution_id: str) -> Call:
        return Call("DELETE", f"/executions/{segment(execution_id)}", scope="executions:delete")

    def read_deleted(self, answer: Answer) -> None:
        """The document shows no answer, so any good one will do, an empty one too; a web page is none."""
        if answer.status in (200, 202, 204) and not answer.content.strip():
            return
        _body(answer)

    def retry_call(self, execution_id: str, load_workflow: bool, from_node: str | None, start_nodes: t.Sequence[str]) -> Call:
        body: dict[str, t.Any] = {"loadWorkflow": load_workflow}
        if from_node is not None:
            body["fromNode"] = from_node
        if start_nodes:
            body["startNodes"] = list(start_nodes)
        path = f"/executions/{segment(execution_id)}/retry"
        return Call("POST", path, body=body, repeatable=False, scope="executions:write")

    def read_retry(self, answer: Answer) -> Execution:
        """It answers as soon as the new execution runs, and with no more than a few of its fields."""
        body = _body(answer)
        return _execution({**body, "id": body.get("executionId"), "mode": "retry"}, answer)

    def stop_call(self, execution_id: str) -> Call:
        return Call("POST", f"/executions/{segment(execution_id)}/cancel", scope="executions:write")

    def read_stopped(self, answer: Answer) -> None:
        _body(answer)

    def logs_call(self, execution_id: str) -> Call:
        query = (("limit", str(LOG_ENTRIES)),)
        return Call("GET", f"/executions/{segment(execution_id)}/logs", query, scope="executions:read", max_bytes=DATA_BYTES)

    def read_logs(self, answer: Answer) -> list[t.Any]:
        entries = _body(answer).get("logs")
        if not isinstance(entries, list):
            raise answer.foreign("n8n-work's log of an execution")
        return entries

    def statistics_call(self, period: str, workflow: str | None, granularity: str) -> Call:
        query = pairs({"period": period, "workflowId": workflow, "granularity": granularity})
        return Call("GET", "/executions/statistics", query, scope="executions:read")

    def read_statistics(self, answer: Answer) -> dict[str, t.Any]:
        said = _body(answer)
        total, succeeded, failed = (_number(said.get(f"{what}Executions")) for what in ("total", "successful", "failed"))
        if total is None or succeeded is None or failed is None:
            raise answer.foreign("n8n-work's statistics")
        by_status: dict[str, t.Any] = {}
        counts = said.get("byStatus")
        for theirs, count in (counts if isinstance(counts, dict) else {}).items():
            ours = STATUSES.get(theirs, "unknown")
            by_status[ours] = by_status.get(ours, 0) + (_number(count) or 0)
        buckets = _rows(said.get("data"))
        longest = [row["maxTime"] for row in buckets if _number(row.get("maxTime")) is not None]
        return {
            "total": total,
            "by_status": dict(sorted(by_status.items())),
            "by_mode": None,
            "succeeded": succeeded,
            "failed": failed,
            "success_rate": succeeded / (succeeded + failed) if succeeded + failed else None,
            "duration": {
                "count": None,
                "mean": _number(said.get("averageExecutionTime")),
                "p50": None,
                "p95": None,
                "p99": None,
                "max": max(longest, default=None),
            },
            "granularity": plain_text(said.get("granularity")),
            "buckets": [
                {
                    "start": plain_text(row.get("timestamp")),
                    "total": _number(row.get("executions")),
                    "succeeded": _number(row.get("successes")),
                    "failed": _number(row.get("failures")),
                    "mean": _number(row.get("avgTime")),
                }
                for row in buckets
            ],
            "workflows": [
                {
                    "workflow_id": plain_text(row.get("workflowId")),
                    "workflow_name": plain_text(row.get("workflowName")),
                    "total": _number(row.get("executions")),
                    "succeeded": None,
                    "failed": None,
                    "success_rate": _number(row.get("successRate")),
                    "mean": _number(row.get("avgTime")),
                    "slowest": None,
                    "last_failed_id": None,
                    "last_failed_at": None,
                }
                for row in _rows(said.get("byWorkflow"))
            ],
            "data_bytes": None,
            "first_started_at": None,
            "last_started_at": None,
        }

    def read_capabilities(self, answer: Answer | None) -> dict[str, t.Any]:
        """What the document promises: the server does not describe itself."""
        return {
            "retry": True,
            "stop": True,
            "stop_many": False,
            "tags": False,
            "discover": False,
            "project_filter": False,
            "started_filters": True,
            "status_filters": sorted(set(STATUSES.values())),
            "redact": False,
            "ignore_data_size_limit": False,
        }


def _theirs(option: str, words: t.Mapping[str, str], wanted: frozenset[str]) -> list[str]:
    """Their words for what is wanted; what does not exist there matches nothing, unless it is all that is wanted."""
    found = [theirs for theirs, ours in words.items() if ours in wanted]
    if not found:
        named = ", ".join(sorted(wanted))
        raise NotOffered(f"{option}: n8n-work knows no execution with {named}; it has {', '.join(sorted(set(words.values())))}.")
    return found


def _execution(row: t.Any, answer: Answer, with_data: bool = False) -> Execution:
    if not isinstance(row, dict) or isinstance(row.get("id"), bool) or not _ROW_ID.fullmatch(str(row.get("id"))):
        raise answer.foreign("an execution of n8n-work's")
    status, mode = row.get("status"), plain_text(row.get("mode"))
    if not isinstance(status, str):
        raise answer.foreign("an execution of n8n-work's: it has no status")
    times = {key: _time(row.get(key), answer) for key in ("startedAt", "stoppedAt", "createdAt", "updatedAt")}
    extra: dict[str, t.Any] = {
        "raw_status": status,
        "raw_mode": mode,
        "created_at": format_time(times["createdAt"]),
        "updated_at": format_time(times["updatedAt"]),
        "metadata": row.get("metadata"),
    }
    begun = times["startedAt"] or times["createdAt"]
    return Execution(
        id=str(row["id"]),
        workflow_id=plain_text(row.get("workflowId")),
        # A status that a later version may bring is none that anything is done to.
        status=STATUSES.get(status, "unknown"),
        mode=MODES.get(mode or "", mode),
        started_at=times["startedAt"],
        stopped_at=times["stoppedAt"],
        # Not in the document, where only the answer to a retry names it; it is used where it comes.
        retry_of=plain_text(row.get("retryOf")),
        retry_success_id=plain_text(row.get("retrySuccessId")),
        workflow_name=plain_text(row.get("workflowName")),
        data={key: row[key] for key in _DATA if key in row} if with_data else None,
        extra={key: value for key, value in extra.items() if value is not None},
        # The list is in the order of the start; its ids tell nothing.
        rank=round(begun.timestamp() * 1000) if begun is not None else 0,
    )


def _time(value: t.Any, answer: Answer) -> datetime | None:
    try:
        return None if value is None else parse_time(value if isinstance(value, str) else "")
    except ValueError:
        raise answer.foreign("an execution of n8n-work's: it has a time that cannot be read") from None


def _number(value: t.Any) -> t.Any:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _rows(value: t.Any) -> list[dict[str, t.Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _body(answer: Answer) -> dict[str, t.Any]:
    """The JSON object of a good answer, out of its envelopes; any other answer as the error that it is."""
    body = answer.json()
    for _unused in range(_ENVELOPES):
        if isinstance(body, dict) and body.get("success") is True and isinstance(body.get("data"), dict):
            body = body["data"]
    if 200 <= answer.status < 300 and not (isinstance(body, dict) and body.get("success") is False):
        if not isinstance(body, dict):
            raise answer.foreign("what n8n-work answers to this call")
        return body
    error = body.get("error") if isinstance(body, dict) else None
    raise _error(answer, error if isinstance(error, dict) else {})


def _error(answer: Answer, error: t.Mapping[str, t.Any]) -> N8nError:
    call, status, code = answer.call, answer.status, plain_text(error.get("code")) or ""
    message = (plain_text(error.get("message")) or "")[:QUOTE] or code
    facts = answer.facts(message or answer.text() or None)
    where = f"{call.method} {answer.url}"
    if status in (429, 502, 503, 504):
        kind = RateLimited if status == 429 and error else TooBusy
        return kind(
            f"{where}: the server, or the proxy in front of it, is down or overloaded ({status}). "
            "Try again later, with a lower concurrency or a higher max_request_retries.",
            **facts,
        )
    if not message:
        return answer.foreign("n8n-work's form of an error")
    if status == 401:
        return Unauthorized(f"{where}: n8n-work does not accept the token ({message}). Check api_key: is it expired?", **facts)
    if status == 403:
        wanted = plain_text(error.get("requiredPermission")) or call.scope
        return Forbidden(f"{where}: the token may not do this ({message}). It needs the permission {wanted}.", **facts)
    if status == 404:
        if code == "EXECUTION_NOT_FOUND" and call.path.count("/") >= 2:
            return NotFound(f"{where}: not there or not visible to this key.", **facts)
        return NoSuchRoute(f"{where}: this server has no such call ({message}).", **facts)
    if call.method == "DELETE" and status in (400, 409) and "RUNNING" in code:
        return ExecutionRunning(f"{where}: {message}", **facts)
    if call.path.endswith("/retry") and code.startswith("CANNOT_RETRY"):
        return NotRetryable(message, succeeded=error.get("status") == "success" or code == "CANNOT_RETRY_SUCCESS", **facts)
    if status >= 500:
        return ServerFault(f"{where}: n8n-work failed at this call ({status}: {message}).", **facts)
    return NotBegun(f"{where}: n8n-work refused the call ({status}: {message}).", **facts)
