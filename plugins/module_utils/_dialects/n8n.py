# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""n8n's public REST API, version 1: wire <-> Execution. Pure functions, no I/O.

Two eras are told apart only where they answer differently: n8n up to 2.38 validates requests
with one library ("validator era"), 2.39 and newer with another ("zod era").

The enveloped form, in which gateways hand n8n's answers on, is read as n8n's own: ``{"data": {…}}`` around what n8n
answers, ``results`` for the rows of a list, ids as ``exec-123``, errors as ``{"code", "message"}``.
"""

from __future__ import annotations

import base64
import json
import re
import typing as t
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.base import Dialect, pairs, plain_text, segment
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.n8n_errors import body_of
from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    UnknownParameter,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import (
    LIVE,
    STATUSES,
    Execution,
    Workflow,
    format_time,
    parse_time,
)
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Page, Query, StopQuery

# The most that every version allows; each page also counts the rows behind it, so few large pages.
PAGE_SIZE = 250

# Execution data can be as large as a string may be in Node.js.
DATA_BYTES = 512 * 1024 * 1024
# The answer to a retry carries all data, of which two fields are needed.
RETRY_BYTES = 64 * 1024 * 1024

# What only some versions or calls tell of an execution, under the collection's own names.
_EXTRA = (
    ("createdAt", "created_at"),
    ("deletedAt", "deleted_at"),
    ("storedAt", "stored_at"),
    ("jsonSizeBytes", "json_size_bytes"),
    ("binaryDataSizeBytes", "binary_data_size_bytes"),
    ("workflowVersionId", "workflow_version_id"),
    ("customData", "custom_data"),
    ("dataTooLargeToDisplay", "data_too_large"),
)

# Live executions as one becomes the other: of a list that is asked for later nothing has gone to one that was asked for before.
_ON_THE_WAY = ("new", "waiting", "running")

_PATHS = re.compile(r"^  (/[^\n:]*):\n((?:(?:    [^\n]*)?\n)+)", re.MULTILINE)
_ROW_ID = re.compile(r"(?!None$)[A-Za-z0-9_-]{1,80}")


class N8n(Dialect, dialect="n8n"):
    """n8n itself, and gateways in front of it."""

    platform = "n8n"
    summary = "n8n's public REST API, and gateways that put an envelope around its answers"
    api_path = "/api/v1"
    # Servers read 0x9 and 5.0 as other executions, so nothing but plain numbers goes out.
    # The second form is that of servers behind an enveloping gateway.
    id_form = re.compile(r"[1-9][0-9]{0,18}|exec[-_][A-Za-z0-9_-]{1,64}")
    id_words = "whole numbers such as 1234, behind a gateway exec-…"
    not_offered: t.ClassVar[t.Mapping[str, tuple[t.Any, str]]] = {
        "logs": (False, "n8n keeps no logs of executions"),
        "from_node": (None, "n8n always retries from the node that failed"),
        "start_nodes": (None, "n8n always retries from the node that failed"),
        "source": ("executions", "n8n counts nothing itself in its public API"),
    }
    # It came with n8n 2.13. n8n 1.x leaves out what it holds in memory, which is all that it has begun itself.
    tells_of_waiting = "new"
    stops_many = True
    has_workflows = True
    page_size = PAGE_SIZE

    def status_lists(self, statuses: frozenset[str] | None, live: frozenset[str]) -> list[str | None]:
        """The plain list leaves out what is running (n8n 1.x: all that it holds in memory), which has lists of its own."""
        under_way = [status for status in _ON_THE_WAY if status in live]
        over = None if statuses is None else statuses - LIVE
        if over is None or len(over) == len(set(STATUSES) - LIVE):
            return [*under_way, None]
        if live >= {"running", "waiting"}:
            # What has begun to wait in the meantime, the plain list would show.
            under_way.append("waiting")
        return [*under_way, *sorted(over)]

    def returned_for(self, status: str) -> frozenset[str]:
        """Before exact matching (n8n 2.30 at the latest) a filter for ``error`` returns ``crashed`` as well."""
        return frozenset({"error", "crashed"}) if status == "error" else frozenset({status})

    def wider_status(self, status: str) -> str | None:
        return "error" if status == "crashed" else None

    def key_headers(self, api_key: str) -> dict[str, str]:
        """The headers that carry the key; n8n takes it in no other form."""
        return {"X-N8N-API-KEY": api_key}

    def list_call(self, query: Query, cursor: str | None) -> Call:
        """A page of executions without their data. The cursor holds no filters, so they are repeated with it."""
        filters = {
            "limit": str(PAGE_SIZE),
            "cursor": cursor,
            "status": query.status,
            "workflowId": query.workflow,
            "projectId": query.project,
            "startedAfter": format_time(query.started_after),
            "startedBefore": format_time(query.started_before),
        }
        return Call("GET", "/executions", pairs(filters), scope="execution:list")

    def read_page(self, answer: Answer) -> Page:
        body = body_of(answer)
        listed = _opened(body)
        rows, cursor = listed.get("results" if listed is not body else "data"), listed.get("nextCursor")
        if not isinstance(rows, list) or not (cursor is None or isinstance(cursor, str)):
            raise answer.foreign("n8n's list of executions")
        return Page(tuple(_execution(row, answer) for row in rows), cursor or None)

    def cursor_below(self, place: int) -> str | None:
        """A cursor that n8n takes in every version; it wants the place as text."""
        return base64.b64encode(json.dumps({"lastId": str(place), "limit": PAGE_SIZE}).encode()).decode()

    def goes_on_below(self, page: Page) -> bool:
        """A gateway may have ids and cursors of its own."""
        if any(not row.id.isdecimal() for row in page.executions):
            return False
        if page.cursor is None:
            return True
        try:
            cursor = json.loads(base64.b64decode(page.cursor, validate=True))
        except (ValueError, RecursionError):
            return False
        return isinstance(cursor, dict) and cursor.get("lastId") == page.executions[-1].id

    def get_call(self, execution_id: str, include_data: bool, redact: bool | None = None) -> Call:
        """``redact`` counts only with data; n8n 2.16 and newer, and ``False`` needs the scope execution:reveal."""
        redacting = None if redact is None else str(redact).lower()
        query = pairs({"includeData": "true", "redactExecutionData": redacting}) if include_data else ()
        path = f"/executions/{segment(execution_id)}"
        if include_data:
            return Call("GET", path, query, scope="execution:read", max_bytes=DATA_BYTES)
        return Call("GET", path, query, scope="execution:read")

    def read_execution(self, answer: Answer) -> Execution:
        """Raises ``NotFound`` only for n8n's own ``Not Found``."""
        return _execution(_opened(body_of(answer)), answer)

    def read_snapshot(self, answer: Answer) -> Workflow:
        """The workflow that came with an execution's data; n8n leaves out what is too large to be shown."""
        body = _opened(body_of(answer))
        workflow = body.get("workflowData")
        if not isinstance(workflow, dict):
            return Workflow(id=str(body.get("workflowId")), name=None)
        return _workflow({"id": str(body.get("workflowId")), "name": "", **workflow}, answer)

    def delete_call(self, execution_id: str) -> Call:
        return Call("DELETE", f"/executions/{segment(execution_id)}", scope="execution:delete")

    def read_deleted(self, answer: Answer) -> None:
        """n8n answers with the deleted record, its id a number here and a string elsewhere; a gateway that it has succeeded."""
        body = body_of(answer)
        opened = _opened(body)
        if opened is not body and opened.get("success") is True:
            return
        asked = answer.call.path.rsplit("/", 1)[-1]
        if str(opened.get("id")) != asked:
            raise answer.foreign("the record that was deleted")

    def retry_call(self, execution_id: str, load_workflow: bool, from_node: str | None, start_nodes: t.Sequence[str]) -> Call:
        """n8n begins with the node that failed and takes no other."""
        return Call(
            "POST",
            f"/executions/{segment(execution_id)}/retry",
            body={"loadWorkflow": load_workflow},
            repeatable=False,
            scope="execution:retry",
            max_bytes=RETRY_BYTES,
        )

    def read_retry(self, answer: Answer) -> Execution:
        """n8n answers once the new execution is over or parked, a gateway as soon as it runs."""
        opened = _opened(body_of(answer))
        if "id" not in opened and "executionId" in opened:
            opened = {**opened, "id": opened["executionId"], "mode": "retry"}
        return _execution(opened, answer)

    def stop_call(self, execution_id: str) -> Call:
        """Repeatable: stopping what has been stopped changes nothing. n8n 2.10 and newer."""
        return Call("POST", f"/executions/{segment(execution_id)}/stop", scope="execution:stop")

    def read_stopped(self, answer: Answer) -> None:
        body_of(answer)

    def stop_many_call(self, query: StopQuery) -> Call:
        """Repeatable, as ``stop_call``. n8n 2.10 and newer, where a ``new`` execution is called queued."""
        filters = {
            "workflowId": query.workflow,
            "startedAfter": format_time(query.started_after),
            "startedBefore": format_time(query.started_before),
        }
        statuses = ["queued" if status == "new" else status for status in query.statuses]
        return Call("POST", "/executions/stop", body={"status": statuses, **dict(pairs(filters))}, scope="execution:stop")

    def read_stopped_many(self, answer: Answer) -> int:
        stopped = body_of(answer).get("stopped")
        if not isinstance(stopped, int):
            raise answer.foreign("the number of executions that were stopped")
        return stopped

    def tags_call(self, execution_id: str) -> Call:
        """Its annotation tags. n8n 2.10 and newer."""
        return Call("GET", f"/executions/{segment(execution_id)}/tags", scope="executionTags:list")

    def set_tags_call(self, execution_id: str, tag_ids: t.Sequence[str]) -> Call:
        """Repeatable: it replaces them all. The same tag twice has n8n fail (500)."""
        body = [{"id": tag_id} for tag_id in dict.fromkeys(tag_ids)]
        return Call("PUT", f"/executions/{segment(execution_id)}/tags", body=body, scope="executionTags:update")

    def read_tags(self, answer: Answer) -> tuple[str, ...]:
        rows = answer.json() if answer.status == 200 else body_of(answer)
        if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
            raise answer.foreign("the annotation tags of an execution")
        return tuple(row["id"] for row in rows)

    def workflow_call(self, workflow_id: str) -> Call:
        return Call(
            "GET",
            f"/workflows/{segment(workflow_id)}",
            pairs({"excludePinnedData": "true"}),
            scope="workflow:read",
        )

    def read_workflow(self, answer: Answer) -> Workflow:
        return _workflow(body_of(answer), answer)

    def workflows_call(self, name: str | None, cursor: str | None) -> Call:
        """A page of the workflows, of those whose name contains this; small pages, since each row holds a whole workflow."""
        filters = {"limit": "50", "cursor": cursor, "name": name, "excludePinnedData": "true"}
        return Call("GET", "/workflows", pairs(filters), scope="workflow:list", max_bytes=DATA_BYTES)

    def read_workflows(self, answer: Answer) -> tuple[list[Workflow], str | None]:
        body = body_of(answer)
        rows, cursor = body.get("data"), body.get("nextCursor")
        if not isinstance(rows, list) or not (cursor is None or isinstance(cursor, str)):
            raise answer.foreign("n8n's list of workflows")
        return [_workflow(row, answer) for row in rows], cursor or None

    def readiness_call(self) -> Call:
        """Of the server's root, without a key."""
        return Call("GET", "/healthz/readiness")

    def read_readiness(self, answer: Answer) -> bool | None:
        body = answer.json()
        told = body.get("status") if isinstance(body, dict) else None
        if answer.status == 200 and told == "ok":
            return True
        # Its address can be another (N8N_ENDPOINT_HEALTH), and a proxy may let nothing but the API pass.
        return False if answer.status == 503 and told == "error" else None

    def era_call(self) -> Call:
        """A small list with a parameter that no n8n knows."""
        return Call("GET", "/executions", pairs({"workflowId": "0", "flowops": "1"}), scope="execution:list")

    def read_era(self, answer: Answer) -> str:
        """``validator`` (n8n up to 2.38) refuses an unknown parameter, ``zod`` (2.39 and newer) passes over it."""
        try:
            self.read_page(answer)
        except UnknownParameter:
            return "validator"
        return "zod"

    def discover_call(self) -> Call:
        """What this key may do. n8n 2.14 and newer."""
        return Call("GET", "/discover")

    def read_scopes(self, answer: Answer) -> list[str]:
        body = body_of(answer)
        data = body.get("data")
        scopes = data.get("scopes") if isinstance(data, dict) else None
        if not isinstance(scopes, list):
            raise answer.foreign("n8n's list of what a key may do")
        return sorted(str(scope) for scope in scopes)

    def openapi_call(self) -> Call:
        """The description of the API, without a key; 70 KB on 1.123, 757 KB on 2.41."""
        return Call("GET", "/openapi.yml")

    def read_capabilities(self, answer: Answer | None) -> dict[str, t.Any]:
        """What the server's own description says it can do.

        Read line by line: modules have no YAML library, and the file's own layout is stable.
        Its version number says nothing, it is 1.1.1 on every n8n.
        """
        if answer is None:
            raise self._lacks("capabilities that are known without its description")
        if answer.status != 200:
            body_of(answer)
        text = answer.content.decode("utf-8", "replace")
        if "\npaths:" not in text:
            raise answer.foreign("n8n's description of its API")
        paths = {path.replace("{executionId}", "{id}"): block for path, block in _PATHS.findall(text)}
        listing = paths.get("/executions", "").split("\n      responses:")[0]
        one = paths.get("/executions/{id}", "").split("\n      responses:")[0]
        return {
            "retry": "/executions/{id}/retry" in paths,
            "stop": "/executions/{id}/stop" in paths,
            "stop_many": "/executions/stop" in paths,
            "tags": "/executions/{id}/tags" in paths,
            "discover": "/discover" in paths,
            "project_filter": "name: projectId" in listing,
            "started_filters": "name: startedBefore" in listing,
            "status_filters": [status for status in STATUSES if re.search(rf"\n\s+- {status}\b", listing)],
            "redact": "redactExecutionData" in listing + one,
            "ignore_data_size_limit": "ignoreDataSizeLimit" in listing + one,
        }


def _execution(row: t.Any, answer: Answer) -> Execution:
    number = row.get("id") if isinstance(row, dict) else None
    execution_id = "" if isinstance(number, bool) else str(number)
    if not _ROW_ID.fullmatch(execution_id):
        raise answer.foreign("an execution of n8n's")
    try:
        started, stopped, waits = _time(row.get("startedAt")), _time(row.get("stoppedAt")), _time(row.get("waitTill"))
    except ValueError:
        raise answer.foreign("an execution of n8n's: it has a time that cannot be read") from None
    workflow, data = row.get("workflowData"), row.get("data")
    extra = {ours: row[theirs] for theirs, ours in _EXTRA if theirs in row}
    if data is not None:
        extra.update(_redaction(data), **_error_beside(row))
    # In their order: with names it takes a quarter longer.
    return Execution(
        execution_id,
        plain_text(row.get("workflowId")),
        _status(row, answer),
        plain_text(row.get("mode")),
        started,
        stopped,
        waits,
        plain_text(row.get("retryOf")),
        plain_text(row.get("retrySuccessId")),
        plain_text(workflow.get("name")) if isinstance(workflow, dict) else None,
        data,
        {} if workflow is None else _node_types(workflow),
        extra,
    )


def _error_beside(row: dict[str, t.Any]) -> dict[str, t.Any]:
    """A gateway tells the error beside the data. It is data too: whoever the workflow works for wrote it."""
    return {"error": row["error"]} if row.get("error") is not None else {}


def _node_types(workflow: t.Any) -> dict[str, str]:
    """The types of a workflow's nodes by their names, as far as they can be read."""
    nodes = workflow.get("nodes") if isinstance(workflow, dict) else None
    named = (
        ((node.get("name"), node.get("type")) for node in nodes or () if isinstance(node, dict))
        if isinstance(nodes, list)
        else ()
    )
    return {name: kind for name, kind in named if isinstance(name, str) and isinstance(kind, str)}


def _redaction(data: t.Any) -> dict[str, t.Any]:
    """Whether the data came without what went through the nodes; n8n 2.16 and newer."""
    info = data.get("redactionInfo") if isinstance(data, dict) else None
    return {"data_redacted": True} if isinstance(info, dict) and info.get("isRedacted") else {}


def _status(row: dict[str, t.Any], answer: Answer) -> str:
    """n8n before 1.111 has no status: there it follows from the other fields."""
    status = row.get("status")
    if isinstance(status, str):
        # A status that a later n8n may bring is none that anything is done to.
        return status if status in STATUSES else "unknown"
    if "finished" not in row:
        raise answer.foreign("an execution of n8n's: it has no status")
    if row.get("stoppedAt") is None:
        return "waiting" if row.get("waitTill") is not None else "running"
    return "success" if row["finished"] else "error"


def _workflow(row: t.Any, answer: Answer) -> Workflow:
    if not isinstance(row, dict) or not isinstance(row.get("id"), (str, int)) or not isinstance(row.get("name"), str):
        raise answer.foreign("a workflow of n8n's")
    settings = row.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    saves = {"all": True, "none": False}
    return Workflow(
        id=str(row["id"]),
        name=row["name"] or None,
        saves_success=saves.get(str(settings.get("saveDataSuccessExecution"))),
        saves_failure=saves.get(str(settings.get("saveDataErrorExecution"))),
    )


def _time(value: t.Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("a time is text")
    return parse_time(value)


def _opened(body: dict[str, t.Any]) -> dict[str, t.Any]:
    """What is in the envelope, or the body where it has none: n8n's own answers with ``data`` have an ``id`` beside it."""
    inner = body.get("data")
    return inner if isinstance(inner, dict) and "id" not in body else body
