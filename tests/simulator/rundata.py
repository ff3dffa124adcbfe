"""What n8n keeps of a run: how it is written to the database, and what it looks like.

n8n stores run data in the flatted format: one JSON array in which every object, array and string
stands once and is named by its position, so that text shared by many nodes is stored once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

RunData = dict[str, Any]
Workflow = Mapping[str, Any]

WAIT = "n8n-nodes-base.wait"
WEBHOOK = "n8n-nodes-base.webhook"


def pack(value: Any) -> str:
    """The flatted text of a JSON-like value."""
    items: list[Any] = []
    positions: dict[Any, str] = {}

    def position(item: Any) -> str:
        key = item if isinstance(item, str) else id(item)
        if key not in positions:
            positions[key] = str(len(items))
            items.append(item)
        return positions[key]

    def shallow(item: Any) -> Any:
        return position(item) if isinstance(item, (str, list, dict)) else item

    position(value)
    packed: list[Any] = []
    while len(packed) < len(items):
        item = items[len(packed)]
        if isinstance(item, dict):
            packed.append({key: shallow(inner) for key, inner in item.items()})
        elif isinstance(item, list):
            packed.append([shallow(inner) for inner in item])
        else:
            packed.append(item)
    return json.dumps(packed, separators=(",", ":"), ensure_ascii=False)


def unpack(text: str) -> Any:
    """The value behind a flatted text; None for an empty array, as n8n has it. Raises ValueError."""
    items = json.loads(text)
    if not items:
        return None
    done: dict[int, Any] = {}

    def value(index: int) -> Any:
        if index in done:
            return done[index]
        item = items[index]
        if isinstance(item, dict):
            whole: Any = {}
            done[index] = whole
            whole.update((key, inner_value(inner)) for key, inner in item.items())
            return whole
        if isinstance(item, list):
            whole = []
            done[index] = whole
            whole.extend(inner_value(inner) for inner in item)
            return whole
        return item

    def inner_value(inner: Any) -> Any:
        return value(int(inner)) if isinstance(inner, str) else inner

    return value(0)


def node_named(workflow: Workflow, name: str) -> Mapping[str, Any] | None:
    return next((node for node in workflow["nodes"] if node["name"] == name), None)


def nodes_after(workflow: Workflow, name: str) -> list[str]:
    """The nodes that get the first output of the named one."""
    outputs = workflow["connections"].get(name, {}).get("main") or [[]]
    return [target["node"] for target in outputs[0] or []]


def stack_entry(node: Mapping[str, Any], items: list[Any], source: str | None) -> dict[str, Any]:
    """A node that waits for its turn, with what it will get."""
    came_from = {"main": [{"previousNode": source, "previousNodeOutput": 0, "previousNodeRun": 0}]} if source else None
    return {"node": dict(node), "data": {"main": [items]}, "source": came_from}


def before_start(entry: dict[str, Any] | None) -> RunData:
    """A run of which nothing has happened yet; ``entry`` is the trigger with its input."""
    return {
        "version": 1,
        "startData": {},
        "resultData": {"runData": {}},
        "executionData": {
            "contextData": {},
            "nodeExecutionStack": [entry] if entry else [],
            "metadata": {},
            "waitingExecution": {},
            "waitingExecutionSource": {},
        },
    }


def node_error(name: str, message: str, node: Mapping[str, Any] | None, timestamp: int, **details: Any) -> dict[str, Any]:
    return {
        "level": "warning",
        "tags": {},
        "timestamp": timestamp,
        "context": {},
        "functionality": "regular",
        "name": name,
        **({"node": dict(node)} if node else {}),
        "messages": [],
        **details,
        "message": message,
        "stack": f"{name}: {message}",
    }


def cancelled(execution_id: int, timestamp: int) -> dict[str, Any]:
    """The error that n8n writes into an execution that was stopped by hand."""
    return node_error(
        "ManualExecutionCancelledError",
        "The execution was cancelled manually",
        None,
        timestamp,
        reason="manual",
        extra={"executionId": str(execution_id)},
    )


def node_run(
    started: int, took: int, index: int, source: str | None, status: str, items: list[Any] | None, error: Any = None
) -> dict[str, Any]:
    """What is kept of one run of one node."""
    run: dict[str, Any] = {
        "startTime": started,
        "executionIndex": index,
        "source": [{"previousNode": source, "previousNodeOutput": 0, "previousNodeRun": 0}] if source else [],
        "hints": [],
        "executionTime": took,
        "executionStatus": status,
    }
    if error is not None:
        run["error"] = error
    if items is not None:
        run["data"] = {"main": [items]}
    return run


def typical(workflow: Workflow, status: str, started: datetime, message: str) -> RunData:
    """The data that a past execution of this workflow would have left.

    It is complete enough for n8n to run it again: a failed one from its last node, one that was
    cancelled or crashed from its trigger.
    """
    start = int(started.timestamp() * 1000)
    items = [{"json": {"body": {}}, "pairedItem": {"item": 0}}]
    names = _chain(workflow)
    if not names:
        return before_start(None)
    data = before_start(stack_entry(node_named(workflow, names[0]) or {}, items, None))
    if status == "canceled":
        data["resultData"]["error"] = cancelled(0, start)
    if status not in ("success", "error", "waiting"):
        return data
    result = data["resultData"]
    source = None
    for index, name in enumerate(names):
        last = index == len(names) - 1
        node = node_named(workflow, name) or {}
        if last and status == "error":
            error = node_error("NodeOperationError", message, node, start)
            result["runData"][name] = [node_run(start, 1, index, source, "error", None, error)]
            result["error"] = error
        else:
            kept = "waiting" if last and status == "waiting" else "success"
            result["runData"][name] = [node_run(start, 1, index, source, kept, items)]
        result["lastNodeExecuted"] = name
        if not last:
            source = name
    left = [] if status == "success" else [stack_entry(node, items, source)]
    data["executionData"]["nodeExecutionStack"] = left
    if status == "waiting":
        data["waitTill"] = started.isoformat()
    return data


def _chain(workflow: Workflow) -> list[str]:
    """The trigger and what follows it, along the first connection of each."""
    nodes = workflow["nodes"]
    trigger = next((node for node in nodes if node["type"] == WEBHOOK), nodes[0] if nodes else None)
    names: list[str] = []
    name = trigger["name"] if trigger else None
    while name and name not in names:
        names.append(name)
        name = next(iter(nodes_after(workflow, name)), None)
    return names
