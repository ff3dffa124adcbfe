"""What can go wrong between a client and n8n, on request, and the log of what was asked."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTROL = "/__simulator__"

# A closed transport gives up its socket at the next turn; reset must leave a sign, not a polite end.
_LINGER_NOT = struct.pack("ii", 1, 0)

_SLOW_PIECES = 10

Kind = Literal["refuse", "reset", "stall", "slow", "cut", "truncate", "answer"]


@dataclass
class Fault:
    """What happens to the requests that it matches, instead of or beside what they ask for.

    - ``refuse``: the connection is reset and new ones are refused for ``seconds``;
    - ``reset``: the connection is reset without an answer;
    - ``stall``: no answer for ``seconds``; one who is still there gets it then, and for one who has
      left in the meantime the request is not carried out (unless it was before);
    - ``slow``: the answer's body takes ``seconds``;
    - ``cut``: the connection ends in the middle of the body;
    - ``truncate``: a complete answer whose body is only half of what it should be;
    - ``answer``: ``status``, ``headers`` and ``body`` as given here.

    With ``after_acting`` the request really takes effect first. ``slow``, ``cut`` and ``truncate`` always let it.
    """

    kind: Kind
    method: str = "*"
    path: str = "*"
    """A pattern as of a shell, for the whole path: ``/api/v1/executions/*/retry``."""
    times: int = 1
    skip: int = 0
    """So many matching requests go by unharmed before."""
    after_acting: bool = False
    seconds: float = 0.0
    status: int = 500
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is called in a count of faults."""
        return f"{self.kind} {self.status}" if self.kind == "answer" else self.kind + " after acting" * self.after_acting

    def matches(self, method: str, path: str) -> bool:
        return self.method in ("*", method) and fnmatchcase(path, self.path)


class Faults:
    """Those that are still to come; the oldest that matches is taken."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, method: str, path: str) -> Fault | None:
        for fault in self._waiting:
            if not fault.matches(method, path):
                continue
            if fault.skip:
                fault.skip -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self._waiting.remove(fault)
            return fault
        return None


@dataclass(slots=True)
class Call:
    """One request that arrived; ``status`` is what n8n answered, 0 where it did not come to that.

    ``at`` and ``ended`` are seconds since the epoch.
    """

    method: str
    path: str
    query: str
    connection: int
    at: float
    status: int = 0
    fault: str | None = None
    ended: float = 0.0


class Connection(Protocol):
    """The connection that a request came in on."""

    number: int
    transport: asyncio.Transport


class Gate:
    """Stands before n8n: logs, delays, and lets happen what a test wants to go wrong."""

    def __init__(self, n8n: ASGIApp, control: ASGIApp, refuse: Callable[[float], object]) -> None:
        self._answer = n8n
        self._control = control
        self._refuse = refuse
        self.latency = 0.0
        self.under_way = 0
        """Requests that n8n has not answered yet, whoever has left meanwhile."""
        self.faults = Faults()
        # Enough for any test; a benchmark of a million must not fill the memory with its log.
        self.calls: deque[Call] = deque(maxlen=100_000)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(CONTROL):
            await self._control(scope, receive, send)
            return
        connection: Connection = scope["state"]["connection"]
        query = scope["query_string"].decode("latin-1")
        call = Call(scope["method"], path, query, connection.number, time.time())
        self.calls.append(call)
        if self.latency:
            await asyncio.sleep(self.latency)
        fault = self.faults.take(scope["method"], path)
        if fault is not None:
            call.fault = fault.name
            await self._harmed(fault, call, connection, scope, receive, send)
            return

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
            await send(message)

        await self._n8n(scope, receive, noting)
        call.ended = time.time()

    async def _n8n(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.under_way += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _harmed(self, fault: Fault, call: Call, connection: Connection, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if fault.after_acting or fault.kind in ("slow", "cut", "truncate"):
            answer = await self._acted(call, scope, receive)
        if fault.kind in ("reset", "refuse"):
            if fault.kind == "refuse":
                self._refuse(fault.seconds)
            await reset(connection)
            return
        if fault.kind == "answer":
            await _send(send, _Answer(fault.status, fault.headers, fault.body.encode()))
            return
        if fault.kind == "stall":
            await asyncio.sleep(fault.seconds)
            if connection.transport.is_closing():
                return
        answer = answer or await self._acted(call, scope, receive)
        if fault.kind == "truncate":
            answer = _Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        if fault.kind == "slow":
            await _send_slowly(send, answer, fault.seconds)
        elif fault.kind == "cut":
            await _send_half(send, answer, connection)
        else:
            await _send(send, answer)

    async def _acted(self, call: Call, scope: Scope, receive: Receive) -> _Answer:
        """n8n's own answer, kept back."""
        answer = _Answer(0, {}, b"")

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = call.status = message["status"]
                headers = ((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
                answer.headers = {name: value for name, value in headers if name != "content-length"}
            else:
                answer.body += message.get("body", b"")

        await self._n8n(scope, receive, keep)
        return answer


@dataclass
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def start(self) -> Message:
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.status not in (204, 304):
            headers.append((b"content-length", str(len(self.body)).encode()))
        return {"type": "http.response.start", "status": self.status, "headers": headers}


async def _send(send: Send, answer: _Answer) -> None:
    await send(answer.start())
    body = b"" if answer.status in (204, 304) else answer.body
    await send({"type": "http.response.body", "body": body})


async def _send_slowly(send: Send, answer: _Answer, seconds: float) -> None:
    await send(answer.start())
    size = max(1, -(-len(answer.body) // _SLOW_PIECES))
    for start in range(0, len(answer.body), size):
        await asyncio.sleep(seconds / _SLOW_PIECES)
        await send({"type": "http.response.body", "body": answer.body[start : start + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send_half(send: Send, answer: _Answer, connection: Connection) -> None:
    await send(answer.start())
    await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
    connection.transport.close()
    # uvicorn is to see that the connection is gone before it complains of an unfinished answer.
    await asyncio.sleep(0.01)


async def reset(connection: Connection) -> None:
    """End it so that its client gets an error."""
    connection.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    connection.transport.abort()
    await asyncio.sleep(0.01)
