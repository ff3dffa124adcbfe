"""The operations on executions."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from tests.simulator.asking import DataOptions, ExecutionId, ListQuery, Refusal, StopQuery, encoded_cursor, row_below
from tests.simulator.engine import Engine, NoData, Refused
from tests.simulator.profiles import Profile
from tests.simulator.rundata import before_start, unpack
from tests.simulator.store import (
    LIST_COLUMNS,
    ONE_COLUMNS,
    WIDE_LIST_COLUMNS,
    WIDE_ONE_COLUMNS,
    Store,
    Wanted,
    iso,
)

# n8n's default for EXECUTIONS_DATA_MAX_DISPLAY_SIZE.
MAX_DISPLAY_SIZE = 100 * 1024 * 1024


class ExecutionsApi:
    """Each method answers one operation with JSON text, or raises Refusal."""

    def __init__(self, profile: Profile, store: Store, engine: Engine) -> None:
        self._profile = profile
        self._store = store
        self._engine = engine
        self._one_columns = WIDE_ONE_COLUMNS if profile.wide_rows else ONE_COLUMNS
        self._data_columns = WIDE_LIST_COLUMNS if profile.wide_rows else LIST_COLUMNS

    def listed(self, query: ListQuery) -> str:
        wanted = query.wanted
        if wanted.statuses != ("running",):
            hidden = self._engine.in_memory(self._profile.waiting_in_memory_hidden)
            wanted = _replaced(wanted, hidden=hidden)
        if query.last_id is not None:
            wanted = _replaced(wanted, below=row_below(query.last_id, bool(wanted.hidden)))
        page = self._store.page(wanted, self._data_columns if query.data.include else LIST_COLUMNS)
        if query.data.include:
            page = self._with_data(page, query.data)
        cursor = "null"
        # After a page whose rows were all dropped for want of data, n8n says that nothing follows.
        if page and self._store.any(_replaced(wanted, below=page[-1][0])):
            held = {"lastId": str(page[-1][0]), "limit": query.limit_in_cursor}
            cursor = f'"{encoded_cursor(held)}"'
        return f'{{"data":[{",".join(row for _unused, row in page)}],"nextCursor":{cursor}}}'

    def _with_data(self, page: list[tuple[int, str]], options: DataOptions) -> list[tuple[int, str]]:
        rows = []
        for number, row in page:
            try:
                rows.append((number, self._joined(number, row, options)))
            except NoData:
                continue
            except ValueError as error:
                # One row that cannot be read fails the whole page in the old days; later it is left out.
                if self._profile.raw_errors:
                    raise Refusal(400, str(error)) from None
        return rows

    def _joined(self, number: int, row: str, options: DataOptions) -> str:
        """The row with the data added to it. Raises NoData, ValueError."""
        stored = self._store.data(number)
        if stored is None:
            raise NoData("Cannot read properties of null (reading 'data')")
        extra: dict[str, Any] = {}
        if self._too_large(number, stored[1], options):
            data, extra = before_start(None), {"dataTooLargeToDisplay": True}
        else:
            data = unpack(stored[1])
        if data is not None:
            # Data from before n8n gave it a version is read as the first.
            data = {**data, "version": data.get("version", 1), "startData": data.get("startData", {})}
            extra["data"] = _redacted(data) if options.redact else data
        text = json.dumps({**extra, "customData": {}}, ensure_ascii=False, separators=(",", ":"))
        return f'{row[:-1]},{text[1:-1]},"workflowData":{stored[0]}}}'

    def _too_large(self, number: int, data: str, options: DataOptions) -> bool:
        if options.whatever_size or not self._profile.data_options:
            return False
        execution = self._store.execution(number)
        size = execution["jsonSizeBytes"] if execution else 0
        return (size or len(data)) > MAX_DISPLAY_SIZE

    def one(self, asked: ExecutionId, options: DataOptions) -> str:
        found = self._store.execution_json(asked.number, self._one_columns)
        if found is None:
            raise _not_found()
        if not options.include:
            return found[1]
        try:
            return self._joined(asked.number, found[1], options)
        except NoData as error:
            raise self._without_data(error, "Not Found") from None

    def _without_data(self, error: NoData, message: str) -> Refusal:
        return Refusal(400, str(error)) if self._profile.raw_errors else Refusal(404, message)

    def deleted(self, asked: ExecutionId) -> str:
        found = self._store.execution_json(asked.number, self._one_columns)
        if found is None:
            raise _not_found()
        if found[0] == "running":
            raise Refusal(400, "Cannot delete a running execution")
        self._store.delete(asked.number)
        # The one answer in which the id is a number.
        return found[1].replace(f'"id":"{asked.number}"', f'"id":{asked.number}', 1)

    async def retried(self, asked: ExecutionId, load_workflow: bool) -> str:
        missing = f'The execution with the ID "{asked.text}" does not exist.'
        try:
            answer = await self._engine.retry(asked.number, load_workflow)
        except NoData as error:
            raise self._without_data(error, missing) from None
        except LookupError:
            raise Refusal(404, missing) from None
        except Refused as refused:
            raise Refusal(self._retry_refusal(refused.kind), refused.message) from None
        if self._profile.zod:
            answer["retryOf"] = asked.text
        for name in ("startedAt", "waitTill"):
            if name in answer:
                answer[name] = iso(answer[name])
        answer["customData"] = {}
        if self._profile.wide_rows:
            answer["storedAt"] = "db"
        return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))

    def _retry_refusal(self, kind: str) -> int:
        if kind == "node":
            return 400 if self._profile.raw_errors else 500
        return self._profile.refusal if kind == "succeeded" else 409

    def stopped(self, asked: ExecutionId) -> str:
        try:
            execution = self._engine.stop(asked.number)
        except NoData as error:
            raise self._without_data(error, "Failed to find execution to stop") from None
        except LookupError:
            raise Refusal(404, "Failed to find execution to stop") from None
        except Refused as refused:
            raise Refusal(self._profile.refusal, refused.message) from None
        answer = {
            "mode": execution["mode"],
            # What JavaScript makes of the null of an execution that never started.
            "startedAt": iso(execution["startedAt"] or "1970-01-01 00:00:00.000"),
            "stoppedAt": iso(execution["stoppedAt"]),
            "finished": bool(execution["finished"]),
            "status": execution["status"],
        }
        return json.dumps(answer, separators=(",", ":"))

    def stopped_many(self, query: StopQuery) -> str:
        workflow_id = None if query.workflow_id == "all" else query.workflow_id
        if workflow_id and self._store.workflow(workflow_id) is None:
            raise Refusal(404, "Workflow not found or not accessible")
        wanted = Wanted(
            limit=None,
            statuses=query.statuses,
            workflow_id=workflow_id or None,
            started_after=query.started_after,
            started_before=query.started_before,
        )
        stopped = 0
        for number in self._store.ids(wanted):
            try:
                self._engine.stop(number)
            except (LookupError, Refused, ValueError):
                continue
            stopped += 1
        return f'{{"stopped":{stopped}}}'

    def tags(self, asked: ExecutionId) -> str:
        if self._store.execution(asked.number) is None:
            raise _not_found()
        tags = self._store.tags(asked.number)
        for tag in tags:
            tag["createdAt"], tag["updatedAt"] = iso(tag["createdAt"]), iso(tag["updatedAt"])
        return json.dumps(tags, separators=(",", ":"))

    def tagged(self, asked: ExecutionId, tag_ids: list[str]) -> str:
        if self._store.execution(asked.number) is None:
            raise _not_found()
        try:
            self._store.set_tags(asked.number, tag_ids)
        except sqlite3.IntegrityError as error:
            if "FOREIGN KEY" in str(error):
                raise Refusal(404, "Some tags not found") from None
            raise
        return self.tags(asked)


def _not_found() -> Refusal:
    return Refusal(404, "Not Found")


def _replaced(wanted: Wanted, **changes: Any) -> Wanted:
    return Wanted(**{**vars(wanted), **changes})


def _redacted(data: dict[str, Any]) -> dict[str, Any]:
    """The data without what went through the nodes and without the errors' texts."""

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(item) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("json"), dict):
            return {**value, "json": {}, "redaction": {"redacted": True, "reason": "user_requested"}}
        kept = {key: without(item) for key, item in value.items() if key != "error"}
        if isinstance(value.get("error"), dict):
            kept["redactedError"] = _left_of(value["error"])
        return kept

    redacted: dict[str, Any] = without(data)
    redacted["redactionInfo"] = {"isRedacted": True, "reason": "user_requested", "canReveal": True}
    return redacted


def _left_of(error: dict[str, Any]) -> dict[str, Any]:
    """What n8n leaves of an error: its type, and of one from a service the HTTP status."""
    kind = error.get("name")
    return {"type": kind, "httpCode": error.get("httpCode")} if kind == "NodeApiError" else {"type": kind}
