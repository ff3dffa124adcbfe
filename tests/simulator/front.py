"""A server on a port of loopback, in a thread of its own, behind a gate that lets happen what a test wants to go wrong."""

from __future__ import annotations

import abc
import asyncio
import socket
import threading
from collections import deque
from typing import Any

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.simulator.control import control
from tests.simulator.faults import Call, Faults, Gate

# n8n's own, which is Node.js' default.
_KEEP_ALIVE = 5


class Front(abc.ABC):
    """Real HTTP before an ASGI application, ``answer``. What it needs is made and put away in the server's thread."""

    def __init__(self, port: int = 0, latency: float = 0.0) -> None:
        self.connections = 0
        """How many were opened so far."""
        self.bytes_sent = 0
        self._socket = _listening(port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._gate = Gate(self.answer, self._controlled, self._refuse)
        self._control = control(self._gate)
        self.latency = latency
        config = uvicorn.Config(
            self._gate,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="critical",
            server_header=False,
            headers=[("keep-alive", f"timeout={_KEEP_ALIVE}")],
            timeout_keep_alive=_KEEP_ALIVE,
            http=self._protocol(),
            ws="none",
            proxy_headers=False,
            backlog=2048,
        )
        self._server = uvicorn.Server(config)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._refusal: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="n8n front", daemon=True)

    @abc.abstractmethod
    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What stands behind the gate."""

    @abc.abstractmethod
    async def begin(self) -> None:
        """Before the first request."""

    @abc.abstractmethod
    async def end(self) -> None:
        """After the last one."""

    @property
    def calls(self) -> deque[Call]:
        """The requests of n8n's that arrived, oldest first."""
        return self._gate.calls

    @property
    def faults(self) -> Faults:
        return self._gate.faults

    @property
    def under_way(self) -> int:
        """Requests that have not been answered yet, whoever has left meanwhile."""
        return self._gate.under_way

    @property
    def latency(self) -> float:
        """Seconds that every request waits; those in flight together wait together."""
        return self._gate.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._gate.latency = seconds

    def refuse(self, seconds: float) -> None:
        """End all connections and refuse new ones for a while; returns once they are refused."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._loop).result()
        self._loop.call_soon_threadsafe(self._refuse, seconds)

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(30):
            raise RuntimeError("the server did not start")

    def stop(self) -> None:
        """End the server and its runs at once, without waiting for anyone."""
        self._loop.call_soon_threadsafe(self._leave)
        self._thread.join(30)

    # In the server's thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        await self.begin()
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving
        if self._refusal:
            self._refusal.cancel()
        await self.end()

    async def _controlled(self, *asgi: Any) -> None:
        await self._control(*asgi)

    def _leave(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._end_connections()
        for task in list(self._server.server_state.tasks):
            task.cancel()

    def _end_connections(self) -> None:
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()

    def _refuse(self, seconds: float) -> None:
        async def for_a_while() -> None:
            await self._stop_listening()
            await asyncio.sleep(seconds)
            await self._listen_again()

        if self._refusal is None or self._refusal.done():
            self._refusal = self._loop.create_task(for_a_while())

    async def _stop_listening(self) -> None:
        for server in self._server.servers:
            server.close()
        self._end_connections()
        # The listening socket goes at the loop's next turn.
        await asyncio.sleep(0.01)

    async def _listen_again(self) -> None:
        config, state = self._server.config, self._server.server_state

        def protocol() -> asyncio.Protocol:
            return config.http_protocol_class(config=config, server_state=state, app_state={})  # type: ignore[call-arg]

        self._server.servers = [await self._loop.create_server(protocol, sock=_listening(self.port))]

    def _protocol(self) -> type[asyncio.Protocol]:
        front = self

        class Protocol(HttpToolsProtocol):
            """uvicorn's, with a number for each connection and an eye on what is sent."""

            number = 0

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                front.connections += 1
                self.number = front.connections
                super().connection_made(_Counting(transport, front))  # type: ignore[arg-type]

            def on_message_begin(self) -> None:
                super().on_message_begin()
                self.scope["state"]["connection"] = self

        return Protocol


class _Counting:
    """A transport that counts what is written to it.

    It sends what is written in one turn of the loop at once: uvicorn writes the head and the body of an answer one after
    the other, and the second system call is the dearest part of a small answer.
    """

    def __init__(self, transport: asyncio.Transport, front: Front) -> None:
        self._transport = transport
        self._front = front
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._front.bytes_sent += len(data)
        if not self._held:
            asyncio.get_running_loop().call_soon(self._send)
        self._held.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _listening(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(2048)
    return listener
