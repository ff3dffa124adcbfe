"""The nodes that test workflows are made of, as n8n's public API takes them."""

from __future__ import annotations

import uuid
from typing import Any

Node = dict[str, Any]


def no_op() -> Node:
    """Succeeds."""
    return {"type": "n8n-nodes-base.noOp", "typeVersion": 1, "parameters": {}}


def stop_and_error(message: str = "Always fails") -> Node:
    """Fails, and so does every retry."""
    return {"type": "n8n-nodes-base.stopAndError", "typeVersion": 1, "parameters": {"errorMessage": message}}


def http_request(url: str, **options: Any) -> Node:
    """Fails as long as the address answers with an error; ``timeout`` is in milliseconds."""
    return {"type": "n8n-nodes-base.httpRequest", "typeVersion": 4.2, "parameters": {"url": url, "options": options}}


def wait(amount: int, unit: str) -> Node:
    """Up to a minute or so n8n holds it in memory as running, longer ones it parks as waiting."""
    parameters = {"amount": amount, "unit": unit}
    return {"type": "n8n-nodes-base.wait", "typeVersion": 1.1, "parameters": parameters, "webhookId": str(uuid.uuid4())}


def workflow(name: str, path: str, nodes: list[Node], settings: dict[str, Any]) -> dict[str, Any]:
    """The body that creates a workflow: a webhook at ``/webhook/{path}``, then these nodes in a row."""
    webhook = {
        "type": "n8n-nodes-base.webhook",
        "typeVersion": 2,
        "parameters": {"httpMethod": "POST", "path": path, "responseMode": "onReceived"},
        # Without one n8n registers no webhook.
        "webhookId": path,
    }
    row = [
        {"id": str(number), "name": f"Step {number}" if number else "Webhook", "position": [200 * number, 0], **node}
        for number, node in enumerate([webhook, *nodes])
    ]
    connections = {
        before["name"]: {"main": [[{"node": after["name"], "type": "main", "index": 0}]]} for before, after in zip(row, row[1:])
    }
    return {"name": name, "nodes": row, "connections": connections, "settings": settings}
