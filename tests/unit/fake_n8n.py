# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An n8n in memory, in the place of the transport: rows in a dictionary, and the answers that n8n gives.

It writes down every call, so that a test can state all of them and fails on one more.
"""

from __future__ import annotations

import base64
import json
import threading
import typing as t
from urllib.parse import unquote, urlencode

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.n8n import PAGE_SIZE
from ansible_collections.flowops.n8n.plugins.module_utils._execution import parse_time
from ansible_collections.flowops.n8n.plugins.module_utils._transport import Connection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient
from ansible_collections.flowops.n8n.tests.unit.rows import Row, at, row

URL = "http://n8n.example.com"
MOST_CALLS = 3000
LIVE = ("new", "running", "waiting")
OLD_STATUSES = ("canceled", "error", "running", "success", "waiting")

Turn = t.Callable[[Call], t.Optional[Answer]]


class FakeN8n:
    """``statuses`` is how it filters: ``exact`` (2.30 on), ``ignored`` (2.13 to 2.28) or ``refused`` (1.123)."""

    def __init__(self, *rows: Row, statuses: str = "exact", page: int = 250) -> None:
        self.rows: dict[int, Row] = {int(one["id"]): dict(one) for one in rows}
        self.workflows: dict[str, dict[str, t.Any]] = {}
        self.statuses = statuses
        self.zod = statuses == "exact"
        self.page = page
        # n8n leaves these out of every list but that of their own status: it holds them in memory.
        self.in_memory: set[int] = set()
        self.without_data: set[int] = set()
        self.snapshot_settings: dict[str, t.Any] = {}
        self.retries_end: list[str] = []
        self.scopes_missing: set[str] = set()
        self.tags: dict[int, list[str]] = {}
        # None: every tag is known.
        self.known_tags: set[str] | None = None
        self.log: list[str] = []
        self.pushbacks = 0
        self.timeouts: dict[str, float | None] = {}
        self._turns: list[tuple[str, Turn]] = []
        self._lock = threading.Lock()

    def client(self, concurrency: int = 1, timeout: float = 30.0) -> N8nClient:
        client = N8nClient(Connection(url=URL, api_path="/api/v1", concurrency=concurrency, timeout=timeout))
        client._transport = t.cast(t.Any, self)
        return client

    def script(self, said: str, turn: Turn, times: int = 1) -> None:
        """At the next call of these words do ``turn`` first; an answer of its own takes the place of n8n's."""
        self._turns += [(said, turn)] * times

    def forget(self, number: int) -> None:
        """Somebody else deletes an execution."""
        del self.rows[number]

    def refuse(self, said: str, status: int, message: str, times: int = 1) -> None:
        self.script(said, lambda call: reply(call, status, {"message": message}), times)

    def close(self) -> None:
        """There is nothing to close."""

    def send(self, call: Call, *, timeout: float | None = None, root: bool = False) -> Answer:
        said = words(call, root)
        with self._lock:
            self.log.append(said)
            self.timeouts[said] = timeout
            assert len(self.log) < MOST_CALLS, f"the calls do not end: {self.log[-3:]}"
            turn = next((one for one in self._turns if one[0] == said or one[0] == said.split("?")[0]), None)
            if turn is not None:
                self._turns.remove(turn)
        answer = turn[1](call) if turn is not None else None
        if answer is not None:
            return answer
        with self._lock:
            return self.answer(call)

    def answer(self, call: Call) -> Answer:
        """What n8n answers to a call, which is carried out."""
        if call.scope in self.scopes_missing:
            return reply(call, 403, {"message": "Forbidden"})
        parts = [unquote(part) for part in call.path.split("/")[1:]]
        query = dict(call.query)
        if call.path == "/healthz/readiness":
            return reply(call, 200, {"status": "ok"})
        if call.path == "/executions":
            return self._list(call, query)
        if call.path == "/executions/stop":
            return self._stop_many(call)
        if parts[0] == "executions" and len(parts) == 2:
            return self._get(call, parts[1], query) if call.method == "GET" else self._delete(call, parts[1])
        if parts[0] == "executions" and call.method == "POST" and parts[2] == "retry":
            return self._retry(call, parts[1])
        if parts[0] == "executions" and call.method == "POST" and parts[2] == "stop" and self.statuses != "refused":
            return self._stop(call, parts[1])
        if parts[0] == "executions" and parts[2] == "tags" and self.statuses != "refused":
            return self._tags(call, parts[1])
        if parts[0] == "workflows" and len(parts) == 2:
            workflow = self.workflows.get(parts[1])
            return reply(call, 200, workflow) if workflow else reply(call, 404, {"message": "Not Found"})
        if parts[0] == "workflows":
            return self._list_workflows(call, query)
        return reply(call, 404, {"message": "not found"})

    def _list(self, call: Call, query: dict[str, str]) -> Answer:
        for parameter in query:
            modern = parameter in ("startedAfter", "startedBefore") and self.statuses == "exact"
            if parameter not in ("limit", "cursor", "status", "workflowId", "projectId") and not modern and not self.zod:
                return reply(call, 400, {"message": f"Unknown query parameter '{parameter}'"})
        status = query.get("status")
        if self.statuses == "refused" and status is not None and status not in OLD_STATUSES:
            allowed = "request/query/status must be equal to one of the allowed values: " + ", ".join(OLD_STATUSES)
            return reply(call, 400, {"message": allowed})
        below = json.loads(base64.b64decode(query["cursor"]))["lastId"] if "cursor" in query else None
        found = [one for one in self.newest_first() if self._passes(one, query)]
        rest = [one for one in found if below is None or int(one["id"]) < int(below)]
        page, more = rest[: self.page], len(rest) > self.page
        cursor = json.dumps({"lastId": page[-1]["id"], "limit": self.page}) if more else None
        encoded = base64.b64encode(cursor.encode()).decode() if cursor else None
        return reply(call, 200, {"data": [listed(one) for one in page], "nextCursor": encoded})

    def _passes(self, one: Row, query: dict[str, str]) -> bool:
        status, workflow = query.get("status"), query.get("workflowId")
        if workflow is not None and one["workflowId"] != workflow:
            return False
        if query.get("projectId", one.get("projectId")) != one.get("projectId"):
            return False
        if self.zod and not _started_within(one, query.get("startedAfter"), query.get("startedBefore")):
            return False
        if self.statuses == "ignored" and status in ("crashed", "new", "unknown"):
            status = None
        if int(one["id"]) in self.in_memory and status != "running":
            return False
        if status is None:
            return True
        return bool(one["status"] == status or (status == "error" and one["status"] == "crashed" and not self.zod))

    def _get(self, call: Call, wanted: str, query: dict[str, str]) -> Answer:
        one = self.rows.get(int(wanted))
        if one is None:
            return reply(call, 404, {"message": "Not Found"})
        if "includeData" not in query:
            return reply(call, 200, listed(one))
        if int(wanted) in self.without_data:
            if self.zod:
                return reply(call, 404, {"message": "Not Found"})
            return reply(call, 400, {"message": "Cannot read properties of null (reading 'data')"})
        if "redactExecutionData" in query and self.statuses != "exact":
            return reply(call, 400, {"message": "Unknown query parameter 'redactExecutionData'"})
        data = one.get("data", {"of": wanted})
        return reply(call, 200, {**listed(one), "data": data, "workflowData": self._snapshot(one)})

    def _snapshot(self, one: Row) -> dict[str, t.Any]:
        return {"id": one["workflowId"] or "w", "name": "as it ran", "settings": self.snapshot_settings}

    def _delete(self, call: Call, wanted: str) -> Answer:
        one = self.rows.get(int(wanted))
        if one is None:
            return reply(call, 404, {"message": "Not Found"})
        if one["status"] == "running":
            return reply(call, 400, {"message": "Cannot delete a running execution"})
        del self.rows[int(wanted)]
        return reply(call, 200, {**one, "id": int(one["id"])})

    def _retry(self, call: Call, wanted: str) -> Answer:
        one = self.rows.get(int(wanted))
        if one is None or (int(wanted) in self.without_data and self.zod):
            return reply(call, 404, {"message": f'The execution with the ID "{wanted}" does not exist.'})
        if int(wanted) in self.without_data:
            return reply(call, 400, {"message": "Cannot read properties of null (reading 'data')"})
        if one["status"] == "success":
            said = {"message": "The execution succeeded, so it cannot be retried."}
            return reply(call, 409 if self.zod else 400, said)
        if one["status"] == "new":
            return reply(call, 409, {"message": "Execution is queued to run (not yet started) so it cannot be retried"})
        new = self.begin_retry(wanted, self.retries_end.pop(0) if self.retries_end else "success")
        settings = self.snapshot_settings
        if call.body.get("loadWorkflow"):
            settings = self.workflows[one["workflowId"]].get("settings", {})
        key = {"success": "saveDataSuccessExecution"}.get(new["status"], "saveDataErrorExecution")
        if settings.get(key) == "none":
            del self.rows[int(new["id"])]
            self.rows[int(wanted)]["retrySuccessId"] = None
        body = {**new, "retryOf": wanted if self.zod else int(wanted), "workflowData": self._snapshot(one), "data": {}}
        del body["stoppedAt"], body["retrySuccessId"]
        return reply(call, 200, body)

    def begin_retry(self, of: str, status: str) -> Row:
        """A new execution that is a retry, whoever asked for it."""
        number = max(self.rows) + 1
        new = row(number, status, workflow=self.rows[int(of)]["workflowId"], retry_of=of, mode="retry")
        self.rows[number] = new
        if status == "success":
            self.rows[int(of)]["retrySuccessId"] = str(number)
        return new

    def end(self, number: int, status: str) -> None:
        """What was live is over."""
        self.rows[number].update(status=status, stoppedAt=at(9), finished=status == "success")
        self.in_memory.discard(number)
        if status == "success" and self.rows[number]["retryOf"] is not None:
            self.rows[int(self.rows[number]["retryOf"])]["retrySuccessId"] = str(number)

    def _stop(self, call: Call, wanted: str) -> Answer:
        one = self.rows.get(int(wanted))
        if one is None:
            return reply(call, 404, {"message": "Failed to find execution to stop"})
        if one["status"] not in LIVE:
            said = f"Only running or waiting executions can be stopped and {wanted} is currently {one['status']}"
            return reply(call, 409 if self.zod else 500, {"message": said if self.zod else "Internal server error"})
        self.end(int(wanted), "canceled")
        kept = ("mode", "startedAt", "stoppedAt", "finished", "status")
        return reply(call, 200, {key: one[key] for key in kept})

    def _stop_many(self, call: Call) -> Answer:
        """n8n passes over those that it cannot stop."""
        if self.statuses == "refused":
            return reply(call, 405, {"message": "POST method not allowed"})
        statuses = ["new" if status == "queued" else status for status in call.body["status"]]
        stopped = 0
        for one in list(self.rows.values()):
            within = _started_within(one, call.body.get("startedAfter"), call.body.get("startedBefore"))
            if one["status"] in statuses and within and call.body.get("workflowId", one["workflowId"]) == one["workflowId"]:
                stopped += self._stop(call, one["id"]).status == 200
        return reply(call, 200, {"stopped": stopped})

    def _tags(self, call: Call, wanted: str) -> Answer:
        number = int(wanted)
        if number not in self.rows:
            return reply(call, 404, {"message": "Not Found"})
        if call.method == "PUT":
            asked = [tag["id"] for tag in call.body]
            if self.known_tags is not None and not set(asked) <= self.known_tags:
                return reply(call, 404, {"message": "Some tags not found"})
            self.tags[number] = asked
        return reply(call, 200, [{"id": tag, "name": f"tag {tag}"} for tag in self.tags.get(number, [])])

    def _list_workflows(self, call: Call, query: dict[str, str]) -> Answer:
        found = [one for one in self.workflows.values() if query.get("name", "").lower() in one["name"].lower()]
        offset = int(base64.b64decode(query["cursor"])) if "cursor" in query else 0
        rest = found[offset:]
        cursor = base64.b64encode(str(offset + self.page).encode()).decode() if len(rest) > self.page else None
        return reply(call, 200, {"data": rest[: self.page], "nextCursor": cursor})

    def newest_first(self) -> list[Row]:
        return [self.rows[number] for number in sorted(self.rows, reverse=True)]


def reply(call: Call, status: int, body: t.Any) -> Answer:
    content = json.dumps(body).encode()
    return Answer(call, URL + "/api/v1" + call.path, status, {"Content-Type": "application/json"}, content)


def words(call: Call, root: bool = False) -> str:
    """A call as a test states it; the size of a page is left to the dialect's own test."""
    query = urlencode([pair for pair in call.query if pair[0] != "limit"])
    body = f" {json.dumps(call.body)}" if call.body is not None else ""
    return f"{call.method} {'root:' if root else ''}{call.path}{'?' if query else ''}{query}{body}"


def listed(one: Row) -> Row:
    return {key: value for key, value in one.items() if key not in ("projectId", "data")}


def cursor_after(number: int, page: int) -> str:
    """What n8n says to go on behind an execution, as it stands in an address."""
    cursor = base64.b64encode(json.dumps({"lastId": str(number), "limit": page}).encode()).decode()
    return urlencode({"cursor": cursor})


def cursor_below(number: int) -> str:
    """A cursor that is built here, as it stands in an address."""
    return cursor_after(number, PAGE_SIZE)


def _started_within(one: Row, after: str | None, before: str | None) -> bool:
    if after is None and before is None:
        return True
    if one["startedAt"] is None:
        return False
    started = parse_time(one["startedAt"])
    return (after is None or started >= parse_time(after)) and (before is None or started <= parse_time(before))
