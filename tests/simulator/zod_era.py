"""How n8n 2.39 and later read a request: zod schemas, silent about what they do not know."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from tests.simulator.asking import (
    STOPPABLE,
    WORKFLOW_ALLOWED,
    WORKFLOW_REQUIRED,
    DataOptions,
    ExecutionId,
    ListQuery,
    Refusal,
    StopQuery,
    WorkflowsQuery,
    decoded_cursor,
    js_text,
    js_type,
    row_id,
    values,
)
from tests.simulator.profiles import Profile
from tests.simulator.store import Wanted, read_moment, stamp

_ID = re.compile(r"(?!0+$)\d+", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_PARSE_INT = re.compile(r"\s*([+-]?\d+)", re.ASCII)

_LARGEST_PAGE = 250

Query = dict[str, str | list[str]]


class ZodReader:
    missing_key = "Unauthorized"
    unknown_key = "Unauthorized"

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def execution_id(self, text: str) -> ExecutionId:
        if not _ID.fullmatch(text):
            raise _wrong("params/executionId", "must be a positive integer")
        return ExecutionId(row_id(int(text)), text)

    def executions(self, query: str) -> ListQuery:
        found = values(query)
        data = _data_options(found)
        status = _one_of(found, "status", self._profile.statuses)
        workflow_id, project_id = _text(found, "workflowId"), _text(found, "projectId")
        after, before = _moment(found, "startedAfter"), _moment(found, "startedBefore")
        limit, cursor = _limit(found), _text(found, "cursor")
        last_id = None
        if cursor:
            held = decoded_cursor(cursor)
            held = held if isinstance(held, dict) else {}
            last_id = _last_id(held.get("lastId"))
            asked = held.get("limit")
            if isinstance(asked, (int, float)) and not isinstance(asked, bool) and asked == int(asked):
                limit = min(max(int(asked), 1), _LARGEST_PAGE)
        wanted = Wanted(
            # A page of none is n8n's word for one without an end.
            limit=limit or None,
            statuses=None if status is None else (status,),
            workflow_id=workflow_id or None,
            project_id=project_id or None,
            started_after=after,
            started_before=before,
        )
        return ListQuery(wanted, data, limit, last_id)

    def execution(self, query: str) -> DataOptions:
        return _data_options(values(query))

    def no_options(self, query: str) -> None:
        pass

    def retry(self, body: Any) -> bool:
        body = _object({} if body is None else body)
        load = body.get("loadWorkflow", False)
        if not isinstance(load, bool):
            raise _wrong("body/loadWorkflow", f"Expected boolean, received {js_type(load)}")
        return load

    def stop(self, body: Any) -> StopQuery:
        body = _object(body)
        if "status" not in body:
            raise _wrong("body", "must have required property 'status'")
        statuses = body["status"]
        if not isinstance(statuses, list):
            raise _wrong("body/status", f"Expected array, received {js_type(statuses)}")
        if not statuses:
            raise _wrong("body/status", "must include at least one status")
        for index, status in enumerate(statuses):
            if status not in STOPPABLE:
                raise _not_one_of(f"body/status/{index}", STOPPABLE, status)
        workflow_id = _body_text(body, "workflowId")
        moments = [_body_moment(body, name) for name in ("startedAfter", "startedBefore")]
        return StopQuery(tuple(STOPPABLE[status] for status in statuses), workflow_id, *moments)

    def tags(self, body: Any) -> list[str]:
        if not isinstance(body, list):
            raise _wrong("body", f"Expected array, received {js_type(body)}")
        for index, tag in enumerate(body):
            if not isinstance(tag, dict):
                raise _wrong(f"body/{index}", f"Expected object, received {js_type(tag)}")
            if "id" not in tag:
                raise _wrong(f"body/{index}", "must have required property 'id'")
            if not isinstance(tag["id"], str):
                raise _wrong(f"body/{index}/id", f"Expected string, received {js_type(tag['id'])}")
            _strict(f"body/{index}", tag, {"id"})
        return [tag["id"] for tag in body]

    def workflows(self, query: str) -> WorkflowsQuery:
        found = values(query)
        active = _boolean(found, "active")
        name, project_id = _text(found, "name"), _text(found, "projectId")
        limit, cursor, offset = _limit(found), _text(found, "cursor"), 0
        if cursor:
            held = decoded_cursor(cursor)
            held = held if isinstance(held, dict) else {}
            offset = held.get("offset", 0)
            limit = held.get("limit") or limit
        return WorkflowsQuery(name, active, project_id, offset, limit)

    def workflow(self, query: str) -> None:
        _boolean(values(query), "excludePinnedData")

    def new_workflow(self, body: Any) -> dict[str, Any]:
        workflow = _object(body)
        for name in WORKFLOW_REQUIRED:
            if name not in workflow:
                raise _wrong("body", f"must have required property '{name}'")
        _strict("body", workflow, WORKFLOW_ALLOWED)
        return workflow


def _wrong(where: str, message: str) -> Refusal:
    return Refusal(400, f"request/{where} {message}")


def _not_one_of(where: str, allowed: Collection[str], value: Any) -> Refusal:
    expected = " | ".join(f"'{item}'" for item in allowed)
    if not isinstance(value, str):
        return _wrong(where, f"Expected {expected}, received {js_type(value)}")
    return _wrong(where, f"Invalid enum value. Expected {expected}, received '{value}'")


def _one_of(found: Query, name: str, allowed: Collection[str]) -> str | None:
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in allowed:
        raise _not_one_of(f"query/{name}", allowed, value)
    return value


def _boolean(found: Query, name: str) -> bool | None:
    value = _one_of(found, name, ("true", "false"))
    return None if value is None else value == "true"


def _text(found: Query, name: str) -> str | None:
    value = found.get(name)
    if isinstance(value, list):
        raise _wrong(f"query/{name}", "Expected string, received array")
    return value


def _limit(found: Query) -> int:
    value = _text(found, "limit")
    if not value:
        return 100
    match = _PARSE_INT.match(value)
    if match is None:
        raise _wrong("query/limit", "Param `limit` must be a valid integer")
    if int(match[1]) < 0:
        raise _wrong("query/limit", "Param `limit` must be a non-negative integer")
    return min(int(match[1]), _LARGEST_PAGE)


def _data_options(found: Query) -> DataOptions:
    include = _boolean(found, "includeData")
    whatever_size = _boolean(found, "ignoreDataSizeLimit")
    redact = _boolean(found, "redactExecutionData")
    return DataOptions(bool(include), bool(redact), bool(whatever_size))


def _moment(found: Query, name: str) -> str | None:
    value = _text(found, name)
    return None if value is None else _stored(f"query/{name}", value)


def _stored(where: str, value: str) -> str:
    if not _DATETIME.fullmatch(value):
        raise _wrong(where, "Invalid datetime")
    try:
        return stamp(read_moment(value))
    except ValueError:
        raise _wrong(where, "Invalid datetime") from None


def _last_id(value: Any) -> str | None:
    """The text of an id that is a text or a number."""
    if value == "" or js_type(value) not in ("string", "number"):
        return None
    return value if isinstance(value, str) else js_text(float(value))


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _wrong("body", f"Expected object, received {js_type(body)}")
    return body


def _strict(where: str, body: dict[str, Any], allowed: Collection[str]) -> None:
    unknown = [name for name in body if name not in allowed]
    if unknown:
        names = ", ".join(f"'{name}'" for name in unknown)
        raise _wrong(where, f"Unrecognized key(s) in object: {names}")


def _body_text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if name in body and not isinstance(value, str):
        raise _wrong(f"body/{name}", f"Expected string, received {js_type(value)}")
    return value


def _body_moment(body: dict[str, Any], name: str) -> str | None:
    value = _body_text(body, name)
    return None if value is None else _stored(f"body/{name}", value)
