"""How n8n up to 2.38 reads a request: an OpenAPI validator that knows every parameter by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

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
    js_number,
    js_text,
    js_type,
    raw_pairs,
    row_id,
    values,
)
from tests.simulator.profiles import Profile
from tests.simulator.store import Wanted, read_moment, stamp

_RESERVED = re.compile(r"[:/?#\[\]@!$&'()*+,;=]")


@dataclass(frozen=True)
class _Parameter:
    name: str
    kind: str = "string"
    allowed: tuple[str, ...] = ()
    reserved_allowed: bool = False


_LIMIT = _Parameter("limit", "number")
_CURSOR = _Parameter("cursor")
_INCLUDE_DATA = _Parameter("includeData", "boolean")
_WORKFLOWS = (
    _Parameter("active", "boolean"),
    _Parameter("tags", reserved_allowed=True),
    _Parameter("name", reserved_allowed=True),
    _Parameter("projectId", reserved_allowed=True),
    _Parameter("excludePinnedData", "boolean"),
    _LIMIT,
    _CURSOR,
)


class ValidatorReader:
    missing_key = "'X-N8N-API-KEY' header required"
    unknown_key = "unauthorized"

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._executions = (
            _INCLUDE_DATA,
            _Parameter("status", allowed=profile.statuses),
            _Parameter("workflowId"),
            _Parameter("projectId", reserved_allowed=True),
            _LIMIT,
            _CURSOR,
        )

    def execution_id(self, text: str) -> ExecutionId:
        number = js_number(text) if text.strip() else None
        if number is None:
            raise _wrong("params/id", "must be number")
        if number in (float("inf"), float("-inf")):
            raise Refusal(400, f"SQLITE_ERROR: no such column: {'-' * (number < 0)}Infinity")
        return ExecutionId(row_id(number), js_text(number))

    def executions(self, query: str) -> ListQuery:
        found = _checked(query, self._executions)
        limit, last_id = found.get("limit", 100.0), None
        if "cursor" in found:
            held = decoded_cursor(found["cursor"])
            if isinstance(held, dict):
                # Nobody checks what a cursor holds; its limit may be any.
                limit = held.get("limit", 100)
                last_id = None if "offset" in held else held.get("lastId")
            else:
                limit = 100
        status = found.get("status")
        wanted = Wanted(
            limit=_rows(limit),
            statuses=self._statuses(status),
            workflow_id=found.get("workflowId"),
            project_id=found.get("projectId"),
        )
        return ListQuery(wanted, DataOptions(found.get("includeData", False)), _whole(limit), last_id or None)

    def _statuses(self, status: str | None) -> tuple[str, ...] | None:
        if status is None or status not in self._profile.filtering:
            return None
        if status == "error" and self._profile.error_means_crashed_too:
            return ("error", "crashed")
        return (status,)

    def execution(self, query: str) -> DataOptions:
        return DataOptions(_checked(query, (_INCLUDE_DATA,)).get("includeData", False))

    def no_options(self, query: str) -> None:
        _checked(query, ())

    def retry(self, body: Any) -> bool:
        body = _typed("body", {} if body is None else body, "object")
        return bool(_typed("body/loadWorkflow", body.get("loadWorkflow", False), "boolean"))

    def stop(self, body: Any) -> StopQuery:
        body = _required("body", _typed("body", body, "object"), ("status",))
        statuses = _typed("body/status", body["status"], "array")
        if not statuses:
            raise _wrong("body/status", "must NOT have fewer than 1 items")
        for index, status in enumerate(statuses):
            if status not in STOPPABLE:
                raise _not_allowed(f"body/status/{index}", STOPPABLE)
        workflow_id = body.get("workflowId")
        if workflow_id is not None:
            _typed("body/workflowId", workflow_id, "string")
        moments = [_moment(body, name) for name in ("startedAfter", "startedBefore")]
        return StopQuery(tuple(STOPPABLE[status] for status in statuses), workflow_id, *moments)

    def tags(self, body: Any) -> list[str]:
        for index, tag in enumerate(_typed("body", body, "array")):
            _required(f"body/{index}", _typed(f"body/{index}", tag, "object"), ("id",))
            _closed(f"body/{index}", tag, {"id"})
            _typed(f"body/{index}/id", tag["id"], "string")
        return [tag["id"] for tag in body]

    def workflows(self, query: str) -> WorkflowsQuery:
        found = _checked(query, _WORKFLOWS)
        offset, limit = 0, found.get("limit", 100.0)
        if "cursor" in found:
            held = decoded_cursor(found["cursor"])
            if isinstance(held, dict):
                offset, limit = held.get("offset", 0), held.get("limit", 100)
        return WorkflowsQuery(
            found.get("name"), found.get("active"), found.get("projectId"), offset, _rows(limit) or _LARGEST_LIST
        )

    def workflow(self, query: str) -> None:
        _checked(query, (_Parameter("excludePinnedData", "boolean"),))

    def new_workflow(self, body: Any) -> dict[str, Any]:
        body = _required("body", _typed("body", body, "object"), WORKFLOW_REQUIRED)
        _closed("body", body, WORKFLOW_ALLOWED)
        return dict(body)


# Where a limit of none means all.
_LARGEST_LIST = 2**31


def _wrong(where: str, message: str) -> Refusal:
    return Refusal(400, f"request/{where} {message}")


def _not_allowed(where: str, allowed: Iterable[str]) -> Refusal:
    return _wrong(where, f"must be equal to one of the allowed values: {', '.join(allowed)}")


def _checked(query: str, parameters: tuple[_Parameter, ...]) -> dict[str, Any]:
    """The query's values in their types. The order of the checks is the validator's own."""
    raw = raw_pairs(query)
    for parameter in parameters:
        sent = [value for name, value in raw if name == parameter.name]
        if not parameter.reserved_allowed and any(_RESERVED.search(value) for value in sent):
            rule = "must be url encoded. Its value may not contain reserved characters."
            raise Refusal(400, f"Parameter '{parameter.name}' {rule}")
    known = {parameter.name for parameter in parameters}
    for name, value in raw:
        if name not in known:
            raise Refusal(400, f"Unknown query parameter '{name}'")
        if not unquote_plus(value):
            raise Refusal(400, f"Empty value found for query parameter '{name}'")
    found = values(query)
    return {item.name: _value(item, found[item.name]) for item in parameters if item.name in found}


def _value(parameter: _Parameter, value: str | list[str]) -> Any:
    where = f"query/{parameter.name}"
    if parameter.kind == "boolean":
        if value not in ("true", "false"):
            raise _wrong(where, "must be boolean")
        return value == "true"
    if parameter.kind == "number":
        number = js_number(value) if isinstance(value, str) else None
        if number is None:
            raise _wrong(where, "must be number")
        if number > 250:
            raise _wrong(where, "must be <= 250")
        return number
    if not isinstance(value, str):
        raise _wrong(where, "must be string")
    if parameter.allowed and value not in parameter.allowed:
        raise _not_allowed(where, parameter.allowed)
    return value


def _rows(limit: Any) -> int | None:
    """How many rows SQLite gives for this limit; none and less than none are all."""
    number = js_number(limit) if isinstance(limit, str) else limit
    if number is None:
        return None
    if not float(number).is_integer():
        raise Refusal(400, "SQLITE_MISMATCH: datatype mismatch")
    return int(number) if number > 0 else None


def _whole(limit: Any) -> Any:
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _typed(where: str, value: Any, kind: str) -> Any:
    if js_type(value) != kind:
        raise _wrong(where, f"must be {kind}")
    return value


def _required(where: str, body: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    for name in names:
        if name not in body:
            raise _wrong(where, f"must have required property '{name}'")
    return body


def _closed(where: str, body: dict[str, Any], allowed: Iterable[str]) -> None:
    if set(body) - set(allowed):
        raise _wrong(where, "must NOT have additional properties")


def _moment(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        moment = read_moment(_typed(f"body/{name}", value, "string"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _wrong(f"body/{name}", 'must match format "date-time"')
    return stamp(moment)
