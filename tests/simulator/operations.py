"""The operations of the public API: which a version has, and which scope each one needs."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulator.profiles import Profile


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    """Below /api/v1; ``{id}`` stands for an execution's or a workflow's id."""
    tag: str
    scope: str | None


_EXECUTIONS: tuple[Operation, ...] = (
    Operation("getExecutions", "GET", "/executions", "Executions", "execution:list"),
    Operation("getExecution", "GET", "/executions/{id}", "Executions", "execution:read"),
    Operation("deleteExecution", "DELETE", "/executions/{id}", "Executions", "execution:delete"),
    Operation("retryExecution", "POST", "/executions/{id}/retry", "Executions", "execution:retry"),
)
_STOPS_AND_TAGS = (
    Operation("getExecutionTags", "GET", "/executions/{id}/tags", "Executions", "executionTags:list"),
    Operation("updateExecutionTags", "PUT", "/executions/{id}/tags", "Executions", "executionTags:update"),
    Operation("stopManyExecutions", "POST", "/executions/stop", "Executions", "execution:stop"),
    Operation("stopExecution", "POST", "/executions/{id}/stop", "Executions", "execution:stop"),
)
_WORKFLOWS: tuple[Operation, ...] = (
    Operation("createWorkflow", "POST", "/workflows", "Workflow", "workflow:create"),
    Operation("getWorkflows", "GET", "/workflows", "Workflow", "workflow:list"),
    Operation("getWorkflow", "GET", "/workflows/{id}", "Workflow", "workflow:read"),
    Operation("updateWorkflow", "PUT", "/workflows/{id}", "Workflow", "workflow:update"),
    Operation("deleteWorkflow", "DELETE", "/workflows/{id}", "Workflow", "workflow:delete"),
    Operation("activateWorkflow", "POST", "/workflows/{id}/activate", "Workflow", "workflow:activate"),
    Operation("deactivateWorkflow", "POST", "/workflows/{id}/deactivate", "Workflow", "workflow:deactivate"),
)
_DISCOVER = (Operation("getDiscover", "GET", "/discover", "Discover", None),)

SCOPES = tuple(sorted({item.scope for item in _EXECUTIONS + _STOPS_AND_TAGS + _WORKFLOWS if item.scope}))


def operations(profile: Profile) -> tuple[Operation, ...]:
    """What this version has; a path without a parameter before one that would swallow it."""
    found = _WORKFLOWS + _EXECUTIONS
    if profile.stops_and_tags:
        found += _STOPS_AND_TAGS
    if profile.discovers:
        found += _DISCOVER
    return tuple(sorted(found, key=lambda operation: "{" in operation.path))


def discovered(profile: Profile, scopes: frozenset[str], resource: str | None, operation: str | None) -> dict[str, object]:
    """What GET /discover tells the holder of these scopes."""
    permitted = [item for item in operations(profile) if item.scope is None or item.scope in scopes]
    keys = list(dict.fromkeys(item.tag.lower() for item in permitted))
    resources: dict[str, object] = {}
    for key in keys:
        of_this = [item for item in permitted if item.tag.lower() == key]
        matching = [item for item in of_this if operation in (None, _verb(item))]
        if resource in (None, key) and matching:
            resources[key] = {
                "operations": list(dict.fromkeys(verb for item in matching if (verb := _verb(item)))),
                "endpoints": [
                    {"method": item.method, "path": f"/api/v1{public_path(item, profile)}", "operationId": item.name}
                    for item in matching
                ],
            }
    verbs = list(dict.fromkeys(verb for item in permitted if (verb := _verb(item))))
    return {
        "scopes": sorted(scopes),
        "resources": resources,
        "filters": {
            "resource": {"description": "Filter to a specific resource", "values": keys},
            "operation": {"description": "Filter to a specific operation", "values": verbs},
            "include": {"description": "Include additional data", "values": ["schemas"]},
        },
        "specUrl": "/api/v1/openapi.yml",
    }


def public_path(operation: Operation, profile: Profile) -> str:
    """The path as this version's own documents spell it."""
    if not profile.zod:
        return operation.path
    return operation.path.replace("{id}", "{executionId}" if operation.tag == "Executions" else "{workflowId}")


def _verb(operation: Operation) -> str | None:
    return operation.scope.split(":")[1] if operation.scope else None
