"""The source of events at work in this process, as ansible-rulebook runs it, but without its engine."""

from __future__ import annotations

import asyncio
import contextlib
import runpy
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.servers import Server, eventually

# As it lies where Ansible finds the collection: a source looks from there for the rest of it.
(COLLECTION,) = import_module("ansible_collections.flowops.n8n").__path__
PATH = Path(COLLECTION) / "extensions/eda/plugins/event_source/n8n_executions.py"


class Listener:
    """Takes events as they come. Each is told as its execution's id and what happened to it."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.error: BaseException | None = None

    async def put(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    @property
    def told(self) -> list[str]:
        return [f"{event['execution']['id']} {event['kind']}" for event in self.events]

    def hears(self, *wanted: str) -> None:
        """Wait until all of these have been told."""

        def heard() -> bool:
            if self.error is not None:
                raise self.error
            return set(wanted) <= set(self.told)

        eventually(heard)


@contextlib.contextmanager
def listening(server: Server, folder: Path, **options: Any) -> Iterator[Listener]:
    """A source until the end of the block. It has looked once, so what happens from now on is told."""
    listener = Listener()
    loop = asyncio.new_event_loop()
    state = folder / "state.json"
    given = {"url": server.url, "api_key": server.api_key, "poll_interval": 0.2, "state_path": str(state), **options}
    before = state.stat().st_mtime_ns if state.exists() else 0
    source = runpy.run_path(str(PATH))
    task = loop.create_task(source["main"](listener, given))

    def work() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:
            listener.error = error
        finally:
            loop.run_until_complete(loop.shutdown_default_executor())

    thread = threading.Thread(target=work, name="event source", daemon=True)
    thread.start()
    try:
        if not before:
            eventually(lambda: state.exists() or listener.error)
        yield listener
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(60)
        loop.close()
