# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An n8n-work in memory, in the place of the transport: what its document says it answers, and a log of what was asked."""

from __future__ import annotations

import json
import typing as t
from urllib.parse import urlencode

from ansible_collections.flowops.n8n.plugins.module_utils._transport import Connection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient
from ansible_collections.flowops.n8n.tests.unit.rows import Row, at

URL = "https://api.n8n-work.example"


def row(
    number: int, status: str = "success", *, start: float = 1, workflow: str = "wf_1", mode: str = "webhook", **more: t.Any
) -> Row:
    """An execution as the document shows it."""
    ended = {} if status in ("queued", "running") else {"stoppedAt": at(start + 1), "duration": 3600.0}
    return {
        "id": f"exec_{number}",
        "workflowId": workflow,
        "workflowName": "Nightly",
        "status": status,
        "mode": mode,
        "startedAt": at(start),
        "createdAt": at(start),
        "updatedAt": at(start),
        **ended,
        **more,
    }


class FakeN8nWork:
    """``names_retries`` has executions name what they are a retry of, which the document does not."""

    def __init__(self, *rows: Row, page: int = 100, wrapping: int = 0, names_retries: bool = False) -> None:
        self.rows = {one["id"]: dict(one) for one in rows}
        self.page = page
        self.wrapping = wrapping
        self.names_retries = names_retries
        self.retries_end = "success"
        self.log: list[str] = []
        self.pushbacks = 0

    def client(self) -> N8nClient:
        client = N8nClient(Connection(url=URL, api_path="/v1", dialect="n8n_work", concurrency=1))
        client._transport = t.cast(t.Any, self)
        return client

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, call: Call, *, timeout: float | None = None, root: bool = False) -> Answer:  # noqa: ARG002
        query = f"?{urlencode(call.query, safe='[],')}" if call.query else ""
        body = f" {json.dumps(call.body)}" if call.body is not None else ""
        self.log.append(f"{call.method} {call.path}{query}{body}")
        assert len(self.log) < 500, f"the calls do not end: {self.log[-3:]}"
        status, answer = self._answer(call)
        if status < 300 and answer is not None:
            for _unused in range(self.wrapping):
                answer = {"success": True, "data": answer}
        content = b"" if answer is None else json.dumps(answer).encode()
        return Answer(call, f"{URL}/v1{call.path}", status, {"Content-Type": "application/json"}, content)

    def _answer(self, call: Call) -> tuple[int, t.Any]:
        query, parts = dict(call.query), call.path.split("/")[2:]
        if not parts:
            return 200, self._list(query)
        if parts[0] == "statistics":
            return 200, {"totalExecutions": 3, "successfulExecutions": 2, "failedExecutions": 1, "byStatus": {"failed": 1}}
        found = self.rows.get(parts[0])
        if found is None:
            return 404, {"error": {"code": "EXECUTION_NOT_FOUND", "message": f"Execution with ID '{parts[0]}' not found"}}
        if call.method == "DELETE":
            del self.rows[parts[0]]
            return 204, None
        if parts[-1] == "logs":
            return 200, {"executionId": parts[0], "logs": [{"level": "info", "message": "began"}]}
        if parts[-1] == "cancel":
            if found["status"] not in ("queued", "running"):
                return 409, {
                    "error": {"code": "CANNOT_CANCEL_EXECUTION", "message": "Cannot cancel execution", "status": "success"}
                }
            found.update(status="cancelled", stoppedAt=at(20))
            return 200, {"message": "Execution cancelled successfully", "executionId": parts[0], "status": "cancelled"}
        if parts[-1] == "retry":
            if call.body.get("fromNode") == "nobody":
                return 400, {"error": {"code": "NODE_NOT_FOUND", "message": "Node 'nobody' not found in the workflow"}}
            return self._retry(found)
        data = {"executionData": [], "error": {"message": "refused"}} if "data" in query.get("include", "") else {}
        return 200, {**found, **data}

    def _retry(self, found: Row) -> tuple[int, t.Any]:
        if found["status"] == "success":
            return 400, {"error": {"code": "CANNOT_RETRY_EXECUTION", "message": "Cannot retry", "status": "success"}}
        number = len(self.rows) + 100
        named = {"retryOf": found["id"]} if self.names_retries else {}
        made = row(number, self.retries_end, start=21, workflow=found["workflowId"], mode="retry", **named)
        self.rows[made["id"]] = made
        return 200, {"executionId": made["id"], "status": "running", "retryOf": found["id"], "startedAt": at(21)}

    def _list(self, query: dict[str, str]) -> t.Any:
        wanted = {key: query.get(f"filter[{key}]") for key in ("workflowId", "status", "mode")}
        rows = [one for one in self.rows.values() if all(value in (None, one[key]) for key, value in wanted.items())]
        rows.sort(key=lambda one: (one["startedAt"], one["id"]), reverse=True)
        begin = int(query.get("cursor", 0))
        more = begin + self.page < len(rows)
        paging = {"limit": self.page, "hasMore": more, "total": len(rows)}
        return {
            "data": rows[begin : begin + self.page],
            "pagination": {**paging, **({"nextCursor": str(begin + self.page)} if more else {})},
        }
