"""Starts the simulator in a thread: ``with running(profile="2.41", seed=5000) as simulator:``"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.types import Receive, Scope, Send

from tests.simulator.app import N8n
from tests.simulator.engine import Engine
from tests.simulator.enveloped import PATH, Gateway
from tests.simulator.front import Front
from tests.simulator.n8n_work import API, N8nWork
from tests.simulator.operations import SCOPES
from tests.simulator.profiles import PROFILES
from tests.simulator.seed import seed_history
from tests.simulator.store import Store

FACES = ("n8n_work", "enveloped")
NEWEST = "2.41"


class Simulator(Front):
    """One running n8n look-alike."""

    def __init__(self, profile: str, database: Path, latency: float, port: int, seed: int, days: float) -> None:
        super().__init__(port, latency)
        # Another platform's API, or a gateway, before the executions of the newest n8n.
        self.face = profile if profile in FACES else None
        self.profile = PROFILES[NEWEST if self.face else profile]
        self.wrapping = 0
        """How many times n8n-work wraps its answers up."""
        self.database = database
        self._keys: dict[str, frozenset[str]] = {}
        self.api_key = self.key(*SCOPES)
        self._store = Store(database)
        if seed:
            seed_history(self._store, database, seed, days)

    def key(self, *scopes: str) -> str:
        """Another API key, with these scopes only; all when none are named."""
        key = f"n8n_api_{secrets.token_hex(20)}"
        self._keys[key] = frozenset(scopes or SCOPES)
        return key

    def stop(self) -> None:
        super().stop()
        self._store.close()

    async def begin(self) -> None:
        self._engine = Engine(self._store)
        self._app = N8n(self.profile, self._store, self._engine, self._keys)
        self._work = N8nWork(self._store, self._engine, self._keys, lambda: self.wrapping)
        self._gateway = Gateway(self._store, self._engine, self._keys)

    async def end(self) -> None:
        await self._engine.close()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if self.face == "n8n_work" and path.startswith(f"{API}/"):
            await self._work.app(scope, receive, send)
        elif self.face == "enveloped" and path.startswith(PATH):
            await self._gateway.app(scope, receive, send)
        else:
            await self._app(scope, receive, send)


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
