"""Starts the simulator in a thread: ``with running(profile="2.41", seed=5000) as simulator:``"""

from __future__ import annotations

import asyncio
import secrets
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.simulator.app import N8n
from tests.simulator.control import control
from tests.simulator.engine import Engine
from tests.simulator.enveloped import PATH, Gateway
from tests.simulator.faults import Call, Faults, Gate
from tests.simulator.n8n_work import API, N8nWork
from tests.simulator.operations import SCOPES
from tests.simulator.profiles import PROFILES
from tests.simulator.seed import seed_history
from tests.simulator.store import Store

# n8n's own, which is Node.js' default.
_KEEP_ALIVE = 5

FACES = ("n8n_work", "enveloped")
NEWEST = "2.41"


class Simulator:
    """One running n8n look-alike."""

    def __init__(self, profile: str, database: Path, latency: float, port: int, seed: int, days: float) -> None:
        # Another platform's API, or a gateway, before the executions of the newest n8n.
        self.face = profile if profile in FACES else None
        self.profile = PROFILES[NEWEST if self.face else profile]
        self.wrapping = 0
        """How many times n8n-work wraps its answers up."""
        self.database = database
        self.connections = 0
        """How many were opened so far."""
        self.bytes_sent = 0
        self._keys: dict[str, frozenset[str]] = {}
        self.api_key = self.key(*SCOPES)
        self._store = Store(database)
        if seed:
            seed_history(self._store, database, seed, days)
        self._socket = _listening(port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._gate = Gate(self._n8n, self._controlled, self._refuse)
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
        self._thread = threading.Thread(target=self._run, name="n8n simulator", daemon=True)

    @property
    def calls(self) -> deque[Call]:
        """The requests of n8n's that arrived, oldest first."""
        return self._gate.calls

    @property
    def faults(self) -> Faults:
        return self._gate.faults

    @property
    def latency(self) -> float:
        """Seconds that every request waits; those in flight together wait together."""
        return self._gate.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._gate.latency = seconds

    def key(self, *scopes: str) -> str:
        """Another API key, with these scopes only; all when none are named."""
        key = f"n8n_api_{secrets.token_hex(20)}"
        self._keys[key] = frozenset(scopes or SCOPES)
        return key

    def refuse(self, seconds: float) -> None:
        """End all connections and refuse new ones for a while; returns once they are refused."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._loop).result()
        self._loop.call_soon_threadsafe(self._refuse, seconds)

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(30):
            raise RuntimeError("the simulator did not start")

    def stop(self) -> None:
        """End the server and its runs at once, without waiting for anyone."""
        self._loop.call_soon_threadsafe(self._leave)
        self._thread.join(30)
        self._store.close()

    # In the server's thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        engine = Engine(self._store)
        self._app = N8n(self.profile, self._store, engine, self._keys)
        self._work = N8nWork(self._store, engine, self._keys, lambda: self.wrapping)
        self._gateway = Gateway(self._store, engine, self._keys)
        serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving
        if self._refusal:
            self._refusal.cancel()
        await engine.close()

    async def _n8n(self, scope: Any, *channels: Any) -> None:
        path = scope.get("path", "")
        if self.face == "n8n_work" and path.startswith(f"{API}/"):
            await self._work.app(scope, *channels)
        elif self.face == "enveloped" and path.startswith(PATH):
            await self._gateway.app(scope, *channels)
        else:
            await self._app(scope, *channels)

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
        simulator = self

        class Protocol(HttpToolsProtocol):
            """uvicorn's, with a number for each connection and an eye on what is sent."""

            number = 0

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                simulator.connections += 1
                self.number = simulator.connections
                super().connection_made(_Counting(transport, simulator))  # type: ignore[arg-type]

            def on_message_begin(self) -> None:
                super().on_message_begin()
                self.scope["state"]["connection"] = self

        return Protocol


class _Counting:
    """A transport that counts what is written to it.

    It sends what is written in one turn of the loop at once: uvicorn writes the head and the body of an answer one after
    the other, and the second system call is the dearest part of a small answer.
    """

    def __init__(self, transport: asyncio.Transport, simulator: Simulator) -> None:
        self._transport = transport
        self._simulator = simulator
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._simulator.bytes_sent += len(data)
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


@contextmanager
def running(
    profile: str = "2.41",
    *,
    seed: int = 0,
    days: float = 60,
    latency: float = 0.0,
    database: Path | None = None,
    port: int = 0,
) -> Iterator[Simulator]:
    """A simulator until the end of the block; without ``database`` its file goes with it.

    ``seed`` so many past executions of sample workflows, spread over ``days``.
    """
    with tempfile.TemporaryDirectory(prefix="n8n-simulator-") as folder:
        simulator = Simulator(profile, database or Path(folder, "database.sqlite"), latency, port, seed, days)
        simulator.start()
        try:
            yield simulator
        finally:
            simulator.stop()
