"""n8n-work's API, as its document describes it, over the same executions as n8n's.

No real server of that platform is to be had: this one is made after the document alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.simulator.engine import Engine, NoData, Refused
from tests.simulator.rundata import unpack
from tests.simulator.store import Execution, Store, Wanted, iso, now, read_moment, stamp

API = "/v1"

STATUSES = {
    "new": "queued",
    "running": "running",
    "waiting": "running",
    "success": "success",
    "error": "failed",
    "unknown": "failed",
    "crashed": "timeout",
    "canceled": "cancelled",
}
MODES = {"manual": "manual", "retry": "retry", "webhook": "webhook", "trigger": "scheduled", "integrated": "trigger"}
LIVE = ("queued", "running")

_PERIODS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_RANGES = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
_PARAMETERS = {"limit", "cursor", "sort", "include"} | {
    f"filter[{name}]" for name in ("workflowId", "status", "mode", "dateRange", "startDate", "endDate")
}
_INCLUDED = {"data", "error", "logs", "metadata"}
_PERMISSIONS = {
    "executions:read": ("execution:list", "execution:read"),
    "executions:write": ("execution:retry", "execution:stop"),
    "executions:delete": ("execution:delete",),
}


class Refusal(Exception):
    """An error in the document's form."""

    def __init__(self, http_status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.error = {"code": code, "message": message, **details}


class N8nWork:
    """The ASGI application below ``/v1``."""

    def __init__(self, store: Store, engine: Engine, keys: Mapping[str, frozenset[str]], wrapping: Callable[[], int]) -> None:
        self._store = store
        self._engine = engine
        self._keys = keys
        self._wrapping = wrapping
        read, write, remove = _PERMISSIONS
        routes = [
            self._route("/executions", "GET", read, self._list),
            self._route("/executions/statistics", "GET", read, self._statistics),
            self._route("/executions/{id}", "GET", read, self._one),
            self._route("/executions/{id}", "DELETE", remove, self._delete),
            self._route("/executions/{id}/cancel", "POST", write, self._cancel),
            self._route("/executions/{id}/retry", "POST", write, self._retry),
            self._route("/executions/{id}/data", "GET", read, self._data),
            self._route("/executions/{id}/nodes/{node}/data", "GET", read, self._node_data),
            self._route("/executions/{id}/logs", "GET", read, self._logs),
        ]
        handlers: dict[Any, Any] = {404: _nowhere, 405: _nowhere}
        self.app = Starlette(routes=routes, exception_handlers=handlers)

    def _route(self, path: str, method: str, permission: str, act: Callable[[Request, Any], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                self._authorize(request, permission)
                body = await request.json() if await request.body() else {}
                answer = act(request, body)
            except Refusal as refusal:
                return JSONResponse({"error": refusal.error}, refusal.http_status)
            except ValueError as error:
                return JSONResponse({"error": {"code": "INVALID_REQUEST", "message": str(error)}}, 400)
            if answer is None:
                return Response(status_code=204)
            for _unused in range(self._wrapping()):
                answer = {"success": True, "data": answer}
            return JSONResponse(answer)

        return Route(API + path, endpoint, methods=[method])

    def _authorize(self, request: Request, permission: str) -> None:
        kind, _blank, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or token not in self._keys:
            raise Refusal(401, "UNAUTHORIZED", "Invalid or missing access token")
        if not set(_PERMISSIONS[permission]) & self._keys[token]:
            message = "You don't have permission to access this execution"
            raise Refusal(403, "INSUFFICIENT_PERMISSIONS", message, requiredPermission=permission)

    def _found(self, request: Request) -> Execution:
        asked = request.path_params["id"]
        number = asked.removeprefix("exec_")
        found = self._store.execution(int(number)) if asked.startswith("exec_") and number.isdecimal() else None
        if found is None:
            message = f"Execution with ID '{asked}' not found"
            raise Refusal(404, "EXECUTION_NOT_FOUND", message, timestamp=_moment(now()))
        return found

    def _everything(self) -> list[Execution]:
        """All rows; the newest start first, as the list has them by default."""
        rows = [row for number in self._store.ids(Wanted(limit=None)) if (row := self._store.execution(number))]
        return sorted(rows, key=lambda row: (_started(row), row["id"]), reverse=True)

    # One function an operation

    def _list(self, request: Request, _body: Any) -> dict[str, Any]:
        query = request.query_params
        unknown = set(query) - _PARAMETERS
        if unknown:
            raise Refusal(400, "INVALID_REQUEST", f"Unknown parameter {sorted(unknown)[0]}")
        limit = int(query.get("limit", 20))
        if not 1 <= limit <= 100:
            raise Refusal(400, "INVALID_REQUEST", "limit must be between 1 and 100")
        rows = [row for row in self._everything() if _passes(row, query)]
        sort = query.get("sort", "-startedAt")
        if sort not in ("startedAt", "-startedAt", "duration"):
            raise Refusal(400, "INVALID_REQUEST", f"Unknown sort order {sort}")
        if sort == "startedAt":
            rows.reverse()
        elif sort == "duration":
            rows.sort(key=lambda row: _duration(row) or 0.0)
        total = len(rows)
        if "cursor" in query:
            # What has been deleted meanwhile must not shift the page, so the cursor names the row's own place.
            last = json.loads(base64.b64decode(query["cursor"]))
            place = (last["startedAt"], last["id"])
            if sort == "-startedAt":
                rows = [row for row in rows if (_started(row), row["id"]) < place]
            else:
                rows = rows[1 + next((i for i, row in enumerate(rows) if row["id"] == last["id"]), -1) :]
        page, more = rows[:limit], len(rows) > limit
        paging: dict[str, Any] = {"limit": limit, "hasMore": more, "total": total}
        if more:
            held = json.dumps({"id": page[-1]["id"], "startedAt": _started(page[-1])})
            paging["nextCursor"] = base64.b64encode(held.encode()).decode()
        included = _included(query.get("include"))
        return {"data": [self._record(row, included) for row in page], "pagination": paging}

    def _one(self, request: Request, _body: Any) -> dict[str, Any]:
        return self._record(self._found(request), _included(request.query_params.get("include")))

    def _delete(self, request: Request, _body: Any) -> None:
        self._store.delete(self._found(request)["id"])

    def _cancel(self, request: Request, _body: Any) -> dict[str, Any]:
        row = self._found(request)
        status = STATUSES[row["status"]]
        try:
            if status not in LIVE:
                raise Refused("over", "it is over")
            self._engine.stop(row["id"])
        except (NoData, Refused):
            message = "Cannot cancel execution that is already completed"
            asked = request.path_params["id"]
            raise Refusal(409, "CANNOT_CANCEL_EXECUTION", message, executionId=asked, status=status) from None
        return {
            "message": "Execution cancelled successfully",
            "executionId": request.path_params["id"],
            "status": "cancelled",
            "cancelledAt": _moment(now()),
        }

    def _retry(self, request: Request, body: Any) -> dict[str, Any]:
        row = self._found(request)
        status = STATUSES[row["status"]]
        if status not in ("failed", "timeout", "cancelled"):
            message = f"Cannot retry execution with status {status}"
            raise Refusal(400, "CANNOT_RETRY_EXECUTION", message, status=status)
        try:
            run = self._engine.begin_retry(row["id"], body.get("loadWorkflow") is True, self._start(row, body))
        except NoData:
            raise Refusal(400, "CANNOT_RETRY_EXECUTION", "The execution's data is gone", status=status) from None
        except Refused as refused:
            raise Refusal(400, "CANNOT_RETRY_EXECUTION", refused.message, status=status) from None
        return {
            "executionId": f"exec_{run.execution_id}",
            "status": "running",
            "retryOf": request.path_params["id"],
            "startedAt": _moment(run.started_at),
        }

    def _start(self, row: Execution, body: Mapping[str, Any]) -> str | None:
        """The name of the node to begin with, if one is asked for by its id."""
        ids = [body["fromNode"]] if body.get("fromNode") else list(body.get("startNodes") or ())
        if not ids:
            return None
        names = {node["id"]: node["name"] for node in self._workflow(row)["nodes"]}
        unknown = [one for one in ids if one not in names]
        if unknown:
            raise Refusal(400, "NODE_NOT_FOUND", f"Node '{unknown[0]}' not found in the workflow")
        return str(names[ids[0]])

    def _data(self, request: Request, _body: Any) -> dict[str, Any]:
        wanted = request.query_params.get("nodeId")
        nodes = [node for node in self._nodes(self._found(request)) if wanted in (None, node["nodeId"])]
        held = {node["nodeId"]: {"input": node["inputData"], "output": node["outputData"]} for node in nodes}
        return {"executionId": request.path_params["id"], "nodes": held}

    def _node_data(self, request: Request, _body: Any) -> dict[str, Any]:
        wanted = request.path_params["node"]
        for node in self._nodes(self._found(request)):
            if node["nodeId"] == wanted:
                named = {"nodeId": wanted, "nodeName": node["nodeName"]}
                return {**named, "input": node["inputData"], "output": node["outputData"]}
        raise Refusal(404, "NODE_NOT_FOUND", f"Node '{wanted}' has not run in this execution")

    def _logs(self, request: Request, _body: Any) -> dict[str, Any]:
        query = request.query_params
        limit = int(query.get("limit", 100))
        if not 1 <= limit <= 1000:
            raise Refusal(400, "INVALID_REQUEST", "limit must be between 1 and 1000")
        entries = [
            entry
            for entry in self._entries(self._found(request))
            if query.get("level") in (None, entry["level"]) and query.get("nodeId") in (None, entry["nodeId"])
        ]
        return {"executionId": request.path_params["id"], "logs": entries[:limit]}

    def _statistics(self, request: Request, _body: Any) -> dict[str, Any]:
        query = request.query_params
        period, granularity = query.get("period", "24h"), query.get("granularity", "hour")
        if period not in _PERIODS or granularity not in ("hour", "day", "week"):
            raise Refusal(400, "INVALID_REQUEST", "Unknown period or granularity")
        since = stamp(datetime.now(timezone.utc) - _PERIODS[period])
        workflow = query.get("workflowId")
        rows = [row for row in self._everything() if _started(row) >= since and workflow in (None, row["workflowId"])]
        groups: dict[str, list[Execution]] = {}
        for row in rows:
            groups.setdefault(_bucket(_started(row), granularity), []).append(row)
        workflows: dict[str, list[Execution]] = {}
        for row in rows:
            workflows.setdefault(row["workflowId"], []).append(row)
        statuses = [STATUSES[row["status"]] for row in rows]
        return {
            "period": period,
            "granularity": granularity,
            **_counted(rows, "totalExecutions", "successfulExecutions", "failedExecutions", "averageExecutionTime"),
            "data": [
                {
                    "timestamp": start,
                    **_counted(group, "executions", "successes", "failures", "avgTime"),
                    "minTime": min((_duration(row) or 0.0 for row in group), default=0.0),
                    "maxTime": max((_duration(row) or 0.0 for row in group), default=0.0),
                }
                for start, group in sorted(groups.items())
            ],
            "byWorkflow": [
                {
                    "workflowId": workflow_id,
                    "workflowName": self._name(workflow_id),
                    "executions": len(group),
                    "successRate": sum(row["status"] == "success" for row in group) / len(group),
                    "avgTime": _mean(group),
                }
                for workflow_id, group in sorted(workflows.items())
            ],
            "byStatus": {status: statuses.count(status) for status in sorted(set(statuses))},
        }

    # What is told of an execution

    def _record(self, row: Execution, included: set[str]) -> dict[str, Any]:
        """The document names no field for what it is a retry of."""
        nodes = self._nodes(row) if included & {"data", "error", "metadata"} else []
        record: dict[str, Any] = {
            "id": f"exec_{row['id']}",
            "workflowId": row["workflowId"],
            "workflowName": self._name(row["workflowId"]),
            "status": STATUSES[row["status"]],
            "mode": MODES.get(row["mode"], "manual"),
            "trigger": {"type": MODES.get(row["mode"], "manual"), "timestamp": _moment(_started(row))},
            "startedAt": _moment(_started(row)),
            "createdAt": _moment(row["createdAt"]),
            "updatedAt": _moment(row["stoppedAt"] or row["createdAt"]),
        }
        if row["stoppedAt"] and STATUSES[row["status"]] not in LIVE:
            record["stoppedAt"] = _moment(row["stoppedAt"])
            record["duration"] = _duration(row)
        if "data" in included:
            record["executionData"] = nodes
        if "error" in included and (error := self._error(row)) is not None:
            record["error"] = error
        if "metadata" in included:
            record["metadata"] = {"retryCount": 0, "queueTime": 0.1, "memoryUsage": 32.1, "nodeCount": len(nodes)}
        if "logs" in included:
            record["logs"] = self._entries(row)
        return record

    def _name(self, workflow_id: str) -> str:
        workflow = self._store.workflow(workflow_id)
        return str(workflow["name"]) if workflow else ""

    def _workflow(self, row: Execution) -> dict[str, Any]:
        stored = self._store.data(row["id"])
        return dict(json.loads(stored[0])) if stored else {"nodes": []}

    def _result(self, row: Execution) -> dict[str, Any]:
        stored = self._store.data(row["id"])
        data = unpack(stored[1]) if stored else None
        return dict(data["resultData"]) if data else {"runData": {}}

    def _nodes(self, row: Execution) -> list[dict[str, Any]]:
        """The runs of its nodes, in their order."""
        workflow, result = self._workflow(row), self._result(row)
        known = {node["name"]: node for node in workflow["nodes"]}
        runs = [(run, name) for name, of_node in result["runData"].items() for run in of_node]
        told: list[dict[str, Any]] = []
        for run, name in sorted(runs, key=lambda one: one[0].get("executionIndex", 0)):
            node = known.get(name, {})
            seconds = run["executionTime"] / 1000
            error = run.get("error")
            told.append(
                {
                    "nodeId": node.get("id", name),
                    "nodeName": name,
                    "nodeType": node.get("type", ""),
                    "status": "failed" if error else "success",
                    "startedAt": _at(run["startTime"]),
                    "stoppedAt": _at(run["startTime"] + run["executionTime"]),
                    "duration": seconds,
                    "inputData": told[-1]["outputData"] if told else [],
                    "outputData": ((run.get("data") or {}).get("main") or [[]])[0] or [],
                    **({"error": _told_error(error, node.get("id", name))} if error else {}),
                }
            )
        return told

    def _error(self, row: Execution) -> dict[str, Any] | None:
        result = self._result(row)
        error = result.get("error")
        if not error:
            return None
        ids = {node["name"]: node.get("id", node["name"]) for node in self._workflow(row)["nodes"]}
        return _told_error(error, ids.get(result.get("lastNodeExecuted"), ""))

    def _entries(self, row: Execution) -> list[dict[str, Any]]:
        return [
            {
                "timestamp": node["startedAt"],
                "level": "error" if "error" in node else "info",
                "nodeId": node["nodeId"],
                "message": node["error"]["message"] if "error" in node else f"{node['nodeName']} finished",
                "data": {"items": len(node["outputData"])},
            }
            for node in self._nodes(row)
        ]


def _passes(row: Execution, query: Mapping[str, str]) -> bool:
    asked = {name: query.get(f"filter[{name}]") for name in ("workflowId", "status", "mode")}
    shown = {
        "workflowId": row["workflowId"],
        "status": STATUSES[row["status"]],
        "mode": MODES.get(row["mode"], "manual"),
    }
    if any(value is not None and value != shown[name] for name, value in asked.items()):
        return False
    span, started = query.get("filter[dateRange]"), _started(row)
    if span in _RANGES:
        return started >= stamp(datetime.now(timezone.utc) - _RANGES[span])
    if span not in (None, "custom"):
        raise Refusal(400, "INVALID_REQUEST", f"Unknown dateRange {span}")
    bounds = {name: query.get(f"filter[{name}]") for name in ("startDate", "endDate")}
    if span is None:
        # Without the range its ends mean nothing.
        return True
    after, before = (None if text is None else stamp(read_moment(text)) for text in bounds.values())
    return (after is None or started >= after) and (before is None or started <= before)


def _included(text: str | None) -> set[str]:
    wanted = set(filter(None, (text or "").split(",")))
    if not wanted <= _INCLUDED:
        raise Refusal(400, "INVALID_REQUEST", f"Unknown include {sorted(wanted - _INCLUDED)[0]}")
    return wanted


def _started(row: Execution) -> str:
    return str(row["startedAt"] or row["createdAt"])


def _duration(row: Execution) -> float | None:
    if row["stoppedAt"] is None or STATUSES[row["status"]] in LIVE:
        return None
    ended, begun = (datetime.fromisoformat(text) for text in (row["stoppedAt"], _started(row)))
    return (ended - begun).total_seconds()


def _mean(rows: list[Execution]) -> float:
    known = [seconds for row in rows if (seconds := _duration(row)) is not None]
    return sum(known) / len(known) if known else 0.0


def _counted(rows: list[Execution], total: str, succeeded: str, failed: str, mean: str) -> dict[str, Any]:
    statuses = [STATUSES[row["status"]] for row in rows]
    return {
        total: len(rows),
        succeeded: statuses.count("success"),
        failed: statuses.count("failed") + statuses.count("timeout"),
        mean: _mean(rows),
    }


def _bucket(started: str, granularity: str) -> str:
    begun = datetime.fromisoformat(started).replace(minute=0, second=0, microsecond=0)
    if granularity != "hour":
        begun = begun.replace(hour=0)
    if granularity == "week":
        begun -= timedelta(days=begun.weekday())
    return f"{begun.isoformat()}Z"


def _told_error(error: Mapping[str, Any], node_id: str) -> dict[str, Any]:
    told = {"type": error.get("name", "Error"), "message": error.get("message", ""), "nodeId": node_id}
    return {**told, "timestamp": _at(error["timestamp"]) if "timestamp" in error else _moment(now())}


def _at(milliseconds: float) -> str:
    return _moment(stamp(datetime.fromtimestamp(milliseconds / 1000, timezone.utc)))


def _moment(stored: str) -> str:
    return str(iso(stored))


async def _nowhere(request: Request, _error: HTTPException) -> Response:
    message = f"Cannot {request.method} {request.url.path}"
    return JSONResponse({"error": {"code": "NOT_FOUND", "message": message}}, 404)
