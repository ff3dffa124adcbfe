"""A gateway in front of n8n that hands its executions on in an envelope, as its document describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.simulator.asking import Refusal, decoded_cursor, encoded_cursor
from tests.simulator.engine import Engine, NoData, Refused
from tests.simulator.rundata import unpack
from tests.simulator.store import ONE_COLUMNS, Store, Wanted

PATH = "/api/v1/executions"


class Gateway:
    """The ASGI application of ``/api/v1/executions``; all else is n8n's own."""

    def __init__(self, store: Store, engine: Engine, keys: Mapping[str, frozenset[str]]) -> None:
        self._store = store
        self._engine = engine
        self._keys = keys
        routes = [
            Route(PATH, self._list, methods=["GET"]),
            Route(PATH + "/{id}", self._one, methods=["GET", "DELETE"]),
            Route(PATH + "/{id}/retry", self._retry, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes, exception_handlers={Refusal: _refused})

    def _authorize(self, request: Request) -> None:
        if request.headers.get("x-n8n-api-key", "") not in self._keys:
            raise Refusal(401, "UNAUTHORIZED: Invalid API key")

    def _number(self, request: Request) -> int:
        asked = request.path_params["id"]
        number = asked.removeprefix("exec-")
        if not asked.startswith("exec-") or not number.isdecimal() or self._store.execution(int(number)) is None:
            raise Refusal(404, f"EXECUTION_NOT_FOUND: Execution with ID '{asked}' not found")
        return int(number)

    async def _list(self, request: Request) -> Response:
        self._authorize(request)
        query = request.query_params
        limit, status = int(query.get("limit", 20)), query.get("status")
        held = decoded_cursor(query["cursor"]) if "cursor" in query else None
        wanted = Wanted(
            limit=limit + 1,
            below=held["lastId"] if isinstance(held, dict) else None,
            statuses=None if status is None else (status,),
            workflow_id=query.get("workflowId"),
        )
        page = self._store.page(wanted, ONE_COLUMNS)
        listed: dict[str, Any] = {"results": [self._record(json.loads(row), False) for _unused, row in page[:limit]]}
        if len(page) > limit:
            listed["nextCursor"] = encoded_cursor({"lastId": page[limit - 1][0]})
        return JSONResponse({"data": listed})

    async def _one(self, request: Request) -> Response:
        self._authorize(request)
        number = self._number(request)
        if request.method == "DELETE":
            self._store.delete(number)
            return JSONResponse({"data": {"success": True}})
        found = self._store.execution_json(number, ONE_COLUMNS)
        assert found is not None
        return JSONResponse({"data": self._record(json.loads(found[1]), request.query_params.get("includeData") == "true")})

    async def _retry(self, request: Request) -> Response:
        self._authorize(request)
        number = self._number(request)
        body = await request.json() if await request.body() else {}
        try:
            run = self._engine.begin_retry(number, body.get("loadWorkflow") is True)
        except (NoData, Refused):
            raise Refusal(400, "CANNOT_RETRY_SUCCESS: Cannot retry successful execution") from None
        answer = {"executionId": f"exec-{run.execution_id}", "status": "running", "retryOf": request.path_params["id"]}
        return JSONResponse({"data": answer})

    def _record(self, row: dict[str, Any], with_data: bool) -> dict[str, Any]:
        for name in ("id", "retryOf", "retrySuccessId"):
            if row[name] is not None:
                row[name] = f"exec-{row[name]}"
        number = int(row["id"].removeprefix("exec-"))
        workflow = self._store.workflow(row["workflowId"])
        row["workflowName"] = workflow["name"] if workflow else None
        stored = self._store.data(number)
        result = (unpack(stored[1]) or {"resultData": {}})["resultData"] if stored else {}
        error = result.get("error")
        if error:
            row["error"] = {"message": error.get("message"), "node": result.get("lastNodeExecuted")}
        if with_data and stored:
            # The error is beside the data there, not in it.
            kept = {key: result[key] for key in ("runData", "lastNodeExecuted") if key in result}
            row["data"] = {"resultData": kept}
        return row


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    code, _colon, message = error.message.partition(": ")
    return JSONResponse({"code": code, "message": message}, error.status)
