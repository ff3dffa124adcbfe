"""What the nodes do that a test workflow is made of."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.simulator.rundata import WAIT, WEBHOOK

Items = list[Any]
Node = Mapping[str, Any]

# n8n keeps a shorter wait in memory, as a running execution.
SHORTEST_PARKED_WAIT = 65.0

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}

_STATUS_MESSAGES = {
    400: "Bad request - please check your parameters",
    401: "Authorization failed - please check your credentials",
    402: "Payment required - perhaps check your payment details?",
    403: "Forbidden - perhaps check your credentials?",
    404: "The resource you are requesting could not be found",
    405: "Method not allowed - please check you are using the right HTTP method",
    429: "The service is receiving too many requests from you",
    500: "The service was not able to process your request",
    502: "Bad gateway - the service failed to handle your request",
    503: "Service unavailable - try again later or consider setting this node to retry automatically (in the node settings)",
    504: "Gateway timed out - perhaps try again later?",
}


class NodeFailed(Exception):
    """A node's own failure; ``kind`` is the name n8n gives the error."""

    def __init__(self, kind: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.details = details


def wait_seconds(node: Node) -> float:
    parameters = node.get("parameters", {})
    return float(parameters.get("amount", 5)) * _SECONDS[parameters.get("unit", "seconds")]


async def run_node(node: Node, items: Items) -> Items:
    """The node's output. Raises NodeFailed."""
    kind = node["type"]
    if kind not in _KINDS:
        raise NodeFailed("WorkflowOperationError", f"The simulator does not know the node type {kind}")
    return await _KINDS[kind](node, items)


async def _pass_on(_node: Node, items: Items) -> Items:
    return items


async def _stop_and_error(node: Node, _items: Items) -> Items:
    message = node.get("parameters", {}).get("errorMessage", "An error occurred")
    raise NodeFailed("NodeOperationError", message)


async def _wait(node: Node, items: Items) -> Items:
    await asyncio.sleep(wait_seconds(node))
    return items


async def _http_request(node: Node, _items: Items) -> Items:
    parameters = node.get("parameters", {})
    url = parameters.get("url", "")
    milliseconds = parameters.get("options", {}).get("timeout", 300_000)
    try:
        status, body = await asyncio.wait_for(_get(url), milliseconds / 1000)
    except asyncio.TimeoutError:
        message = "The connection was aborted, perhaps the server is offline"
        said = [f"timeout of {milliseconds}ms exceeded"] * 2
        raise NodeFailed("NodeApiError", message, httpCode="ECONNABORTED", messages=said) from None
    except ConnectionRefusedError:
        message = "The service refused the connection - perhaps it is offline"
        said = [f"connect ECONNREFUSED {urllib.parse.urlsplit(url).netloc}"] * 2
        raise NodeFailed("NodeApiError", message, httpCode="ECONNREFUSED", messages=said) from None
    except socket.gaierror:
        message = "The connection cannot be established, this usually occurs due to an incorrect host (domain) value"
        said = [f"getaddrinfo ENOTFOUND {urllib.parse.urlsplit(url).hostname}"] * 2
        raise NodeFailed("NodeApiError", message, httpCode="ENOTFOUND", messages=said) from None
    except (OSError, EOFError, ValueError):
        message = (
            "The connection to the server was closed unexpectedly, perhaps it is offline. "
            "You can retry the request immediately or wait and retry later."
        )
        raise NodeFailed("NodeApiError", message, httpCode="ECONNRESET") from None
    if status >= 400:
        family = (
            "The service failed to process your request"
            if status >= 500
            else "Your request is invalid or could not be processed by the service"
        )
        described = f"{status} - {json.dumps(body)}"
        if status == 429:
            described = "Try spacing your requests out using the batching settings under 'Options'"
        message = _STATUS_MESSAGES.get(status, family)
        raise NodeFailed("NodeApiError", message, description=described, httpCode=str(status), messages=[described])
    try:
        answer = json.loads(body)
    except ValueError:
        answer = {"data": body}
    return [{"json": answer, "pairedItem": {"item": 0}}]


async def _get(url: str) -> tuple[int, str]:
    """A plain GET. In the event loop and not in a thread, so that stopping a run ends it too."""
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"not a plain HTTP address: {url}")
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read()
    finally:
        writer.close()
    return int(head.split(b" ", 2)[1]), body.decode(errors="replace")


_KINDS: dict[str, Callable[[Node, Items], Awaitable[Items]]] = {
    WEBHOOK: _pass_on,
    WAIT: _wait,
    "n8n-nodes-base.noOp": _pass_on,
    "n8n-nodes-base.set": _pass_on,
    "n8n-nodes-base.stopAndError": _stop_and_error,
    "n8n-nodes-base.httpRequest": _http_request,
}
