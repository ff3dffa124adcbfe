"""The openapi.yml that a server hands out without a key: the way to learn what it can do."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulator.operations import Operation, operations, public_path
from tests.simulator.profiles import Profile

_HEAD = """\
openapi: 3.0.0
info:
  title: n8n Public API
  description: n8n Public API
  version: 1.1.1
servers:
  - url: /api/v1
security:
  - ApiKeyAuth: []
paths:
"""

_TAIL = """\
components:
  parameters:
    limit:
      name: limit
      in: query
      description: The maximum number of items to return.
      required: false
      schema:
        type: number
        example: 100
        default: 100
        maximum: 250
    cursor:
      name: cursor
      in: query
      description: Paginate by setting the cursor parameter to the nextCursor attribute of the answer before.
      required: false
      schema:
        type: string
  securitySchemes:
    ApiKeyAuth:
      type: apiKey
      in: header
      name: X-N8N-API-KEY
"""

_REFERENCED = ("limit", "cursor")


def document(profile: Profile) -> str:
    by_path: dict[str, list[Operation]] = {}
    for operation in operations(profile):
        by_path.setdefault(public_path(operation, profile), []).append(operation)
    lines = []
    for path, there in sorted(by_path.items()):
        lines.append(f"  {path}:")
        for operation in there:
            lines.extend(_operation(operation, profile))
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


def _operation(operation: Operation, profile: Profile) -> Iterator[str]:
    yield f"    {operation.method.lower()}:"
    if profile.zod:
        yield f"      operationId: {operation.name}"
    else:
        yield f"      x-eov-operation-id: {operation.name}"
    yield "      tags:"
    # The validator era's document speaks of one execution, the later one of all.
    yield f"        - {operation.tag if profile.zod else operation.tag.removesuffix('s')}"
    if profile.zod and operation.scope:
        yield f"      x-required-scope: {operation.scope}"
    parameters = list(_parameters(operation, profile))
    if parameters:
        yield "      parameters:"
        for name, kind, place, allowed in parameters:
            yield from _parameter(name, kind, place, allowed, profile)
    if profile.zod and operation.tag == "Executions":
        # Which of the two eras answers is told by nothing else.
        yield "      x-decorator-routed: true"
    yield "      responses:"
    yield "        '200':"
    yield "          description: Operation successful."


def _parameters(operation: Operation, profile: Profile) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Name, type, place and allowed values."""
    path = public_path(operation, profile)
    if "{" in path:
        kind = ("integer" if profile.zod else "number") if operation.tag == "Executions" else "string"
        yield path[path.index("{") + 1 : path.index("}")], kind, "path", ()
    switch = ("string", "query", ("true", "false")) if profile.zod else ("boolean", "query", ())
    if operation.name in ("getExecutions", "getExecution"):
        yield "includeData", *switch
        if profile.data_options:
            yield "ignoreDataSizeLimit", *switch
            yield "redactExecutionData", *switch
    if operation.name == "getExecutions":
        yield "status", "string", "query", profile.statuses
        yield "workflowId", "string", "query", ()
        yield "projectId", "string", "query", ()
        if profile.started_filters:
            yield "startedAfter", "string", "query", ()
            yield "startedBefore", "string", "query", ()
    if operation.name == "getWorkflows":
        for name in ("active", "tags", "name", "projectId"):
            yield name, "boolean" if name == "active" else "string", "query", ()
    if operation.name in ("getExecutions", "getWorkflows"):
        for name in _REFERENCED:
            yield name, "", "query", ()
    if operation.name == "getDiscover":
        yield "include", "string", "query", ("schemas",)
        yield "resource", "string", "query", ()
        yield "operation", "string", "query", ()


def _parameter(name: str, kind: str, place: str, allowed: tuple[str, ...], profile: Profile) -> Iterator[str]:
    """One list item; the era of zod puts the schema before the name."""
    if name in _REFERENCED:
        yield f"        - $ref: '#/components/parameters/{name}'"
        return
    required = "true" if place == "path" else "false"
    rest = [f"required: {required}", f"name: {name}", f"in: {place}"]
    schema = ["schema:", f"  type: {kind}"]
    if allowed:
        quoted = [f"'{value}'" if value in ("true", "false") else value for value in allowed]
        schema += ["  enum:", *(f"    - {value}" for value in quoted)]
    lines = [*schema, *rest] if profile.zod else [rest[1], rest[2], rest[0], *schema]
    yield f"        - {lines[0]}"
    yield from (f"          {line}" for line in lines[1:])
