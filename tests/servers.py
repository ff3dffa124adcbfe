"""What a test needs of an n8n, the same for the simulator and for the real server.

All of it goes through n8n's public API, its webhooks and its SQLite file, whose
tables both have.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl

import requests

from tests.lab import workflows
from tests.lab.proxy import Call as RealCall
from tests.lab.proxy import RecordingProxy
from tests.lab.server import N8n
from tests.lab.stub import Stub, StubServer
from tests.simulator.faults import Call as SimulatedCall
from tests.simulator.seed import Row, insert_executions
from tests.simulator.server import Simulator, running

SIMULATED = ("1.123", "2.13", "2.41")
REAL = {"1.123.81": "1.123", "2.41.1": "2.41"}

NAMES = {
    "simulator": tuple(f"simulator-{profile}" for profile in SIMULATED),
    "older": tuple(f"simulator-{profile}" for profile in SIMULATED[:-1]),
    "newest": (f"simulator-{SIMULATED[-1]}",),
    "real": tuple(f"n8n-{version}" for version in REAL),
}

PATIENCE = 30.0

T = TypeVar("T")


def profile_of(name: str) -> str:
    """The profile of the server with this name: ``2.41`` for ``n8n-2.41.1`` and ``simulator-2.41``."""
    kind, _unused, version = name.partition("-")
    return version if kind == "simulator" else REAL[version]


def eventually(look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What ``look`` returns as soon as it is true. Raises AssertionError when it does not become so in time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not reached within {seconds} s, at last {seen!r}"
        time.sleep(0.02)
    return seen


class Call(NamedTuple):
    """One request that reached a server; ``status`` is 0 where it has not answered."""

    method: str
    path: str
    query: dict[str, str]
    status: int


class CallLog:
    """The requests that reached a server, in the order in which they came. Webhooks are left out."""

    def __init__(self, calls: deque[RealCall] | deque[SimulatedCall]) -> None:
        self._calls: deque[RealCall] | deque[SimulatedCall] = calls

    def __iter__(self) -> Iterator[Call]:
        calls: list[RealCall | SimulatedCall] = list(self._calls)
        for call in calls:
            if not call.path.startswith("/webhook/"):
                yield Call(call.method, call.path, dict(parse_qsl(call.query, keep_blank_values=True)), call.status)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def clear(self) -> None:
        self._calls.clear()


class Server:
    """One n8n. ``url`` is its origin as a client is to use it, every call there is logged in ``calls``.

    ``direct_url`` leads past the log of a real server. ``profile`` is the version: 1.123, 2.13 or 2.41.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str,
        direct_url: str,
        api_key: str,
        database: Path,
        calls: CallLog,
        make_key: Callable[..., str],
        stubs: StubServer,
        simulator: Simulator | None = None,
        n8n: N8n | None = None,
    ) -> None:
        self.name = name
        self.profile = profile_of(name)
        self.real = name.startswith("n8n-")
        self.url = url
        self.direct_url = direct_url
        self.api_key = api_key
        self.database = database
        self.calls = calls
        self._make_key = make_key
        self._stubs = stubs
        self._simulator = simulator
        self.n8n = n8n
        """The real server itself, where it is one."""

    @property
    def simulator(self) -> Simulator:
        """For what only a simulator can do: faults, wrapping."""
        assert self._simulator is not None, "this server is a real one"
        return self._simulator

    def key(self, *scopes: str) -> str:
        """A new API key with these scopes; all that there are when none are named."""
        return self._make_key(*scopes)

    # Calls

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """Any call: a path from the origin on, and what ``requests.request`` takes. No header is added."""
        options.setdefault("timeout", 60)
        options.setdefault("allow_redirects", False)
        return requests.request(method, self.url + path, **options)

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        """A call of the public API, ``path`` below ``/api/v1``, with the key of all scopes unless ``key`` is given."""
        key = options.pop("key", self.api_key)
        headers = {"X-N8N-API-KEY": key, "Accept": "application/json", **options.pop("headers", {})}
        return self.request(method, f"/api/v1{path}", headers=headers, **options)

    def listed(self, **query: object) -> list[dict[str, Any]]:
        """The executions on the page that the list answers to this query."""
        answer = self.api("GET", "/executions", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["data"])

    # Workflows

    def succeeds(self, name: str | None = None, **settings: str) -> Workflow:
        """A workflow whose executions succeed at once."""
        return self.workflow([workflows.no_op()], name=name, settings=settings)

    def fails(self, name: str | None = None, **settings: str) -> Workflow:
        """A workflow whose executions fail, and every retry of them."""
        return self.workflow([workflows.stop_and_error()], name=name, settings=settings)

    def flaky(self, name: str | None = None, **settings: str) -> Workflow:
        """A workflow that calls a service, ``.stub``, which fails until it is told otherwise."""
        stub = self._stubs.stub()
        return self.workflow([workflows.http_request(stub.url)], name=name, settings=settings, stub=stub)

    def service(self) -> Stub:
        """A service for a workflow to call, which fails until it is told otherwise."""
        return self._stubs.stub()

    def flaky_then_waits(self, name: str | None = None, **settings: str) -> Workflow:
        """As ``flaky``; where the service succeeds, the execution then waits for hours."""
        stub = self._stubs.stub()
        nodes = [workflows.http_request(stub.url), workflows.wait(5, "hours")]
        return self.workflow(nodes, name=name, settings=settings, stub=stub)

    def waits_seconds(self, seconds: int = 30, name: str | None = None, **settings: str) -> Workflow:
        """A workflow whose executions are running for so long (n8n parks from 65 seconds on)."""
        return self.workflow([workflows.wait(seconds, "seconds")], name=name, settings=settings)

    def waits_hours(self, hours: int = 5, name: str | None = None, **settings: str) -> Workflow:
        """A workflow whose executions are waiting for so long."""
        return self.workflow([workflows.wait(hours, "hours")], name=name, settings=settings)

    def workflow(
        self,
        nodes: list[workflows.Node],
        name: str | None = None,
        settings: dict[str, str] | None = None,
        stub: Stub | None = None,
    ) -> Workflow:
        """Create and activate a workflow of these nodes, started by a webhook."""
        path = uuid.uuid4().hex
        body = workflows.workflow(name or f"test {path[:8]}", path, nodes, settings or {})
        created = self._direct("POST", "/workflows", json=body)
        self._direct("POST", f"/workflows/{created['id']}/activate")
        return Workflow(self, str(created["id"]), str(created["name"]), path, stub)

    def save_settings(self, workflow: Workflow, **settings: str) -> None:
        """Replace the settings of a workflow."""
        saved = self._direct("GET", f"/workflows/{workflow.id}")
        kept = {name: saved[name] for name in ("name", "nodes", "connections")}
        self._direct("PUT", f"/workflows/{workflow.id}", json={**kept, "settings": settings})

    def _direct(self, method: str, path: str, **options: Any) -> Any:
        url = f"{self.direct_url}/api/v1{path}"
        answer = requests.request(method, url, headers={"X-N8N-API-KEY": self.api_key}, timeout=60, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    # The database

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Any statement on the server's database, committed; the rows that it gives."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            # As a context manager a connection is a transaction.
            with database:
                return [dict(row) for row in database.execute(statement, values)]

    def rows(self, **where: object) -> list[dict[str, Any]]:
        """Rows of execution_entity by id, ``where`` naming columns and their values."""
        conditions = " AND ".join(f"{column} IS ?" for column in where) or "TRUE"
        return self.sql(f"SELECT * FROM execution_entity WHERE {conditions} ORDER BY id", *where.values())

    def row(self, execution_id: str) -> dict[str, Any] | None:
        """The row of one execution, None when there is none."""
        return next(iter(self.rows(id=int(execution_id))), None)

    def ids(self, **where: object) -> list[str]:
        return [str(row["id"]) for row in self.rows(**where)]

    def count(self, **where: object) -> int:
        return len(self.rows(**where))

    def status(self, execution_id: str) -> str | None:
        row = self.row(execution_id)
        return None if row is None else str(row["status"])

    def reaches(self, execution_id: str, *statuses: str) -> str:
        """Wait until the execution has one of these statuses, and return it."""
        return str(eventually(lambda: (seen := self.status(execution_id)) in statuses and seen))

    def insert(self, rows: Iterable[Row]) -> list[str]:
        """Write executions straight into the database; their ids. The server holds none of them in memory."""
        return [str(number) for number in insert_executions(self.database, rows)]

    def add_tag(self, name: str) -> str:
        """A new annotation tag, which the public API cannot make; its id."""
        tag = uuid.uuid4().hex[:16]
        self.sql("INSERT INTO annotation_tag_entity (id, name) VALUES (?, ?)", tag, name)
        return tag

    @property
    def project_id(self) -> str:
        """The personal project of the owner, to whom every key belongs."""
        return str(self.sql("SELECT id FROM project WHERE type = 'personal'")[0]["id"])


@dataclass(frozen=True)
class Workflow:
    """An active workflow; ``stub`` is the service it calls, where it calls one."""

    server: Server
    id: str
    name: str
    path: str
    called: Stub | None = None

    @property
    def stub(self) -> Stub:
        assert self.called is not None, "this workflow calls no service"
        return self.called

    def run(self, *until: str) -> str:
        """Start it by its webhook; the id of the execution, once it is in the database.

        With statuses, once it has one of them.
        """
        before = set(self.ids())
        # From 2.x on, a webhook is there some moments after the activation.
        eventually(self._posted)
        (new,) = eventually(lambda: [number for number in self.ids() if number not in before])
        if until:
            self.server.reaches(new, *until)
        return new

    def _posted(self) -> bool:
        answer = requests.post(f"{self.server.direct_url}/webhook/{self.path}", timeout=60)
        assert answer.ok or answer.status_code == 404, answer.text
        return answer.ok

    def ids(self, **where: object) -> list[str]:
        """The ids of its executions in the database, oldest first."""
        return self.server.ids(workflowId=self.id, **where)

    def listed(self, **query: object) -> list[str]:
        """The ids that the API lists of it, in the API's order."""
        return [row["id"] for row in self.server.listed(workflowId=self.id, **query)]


class Servers:
    """The servers of one test session, started when they are first asked for."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._stubs = self._stack.enter_context(StubServer())
        self._started: dict[str, Server] = {}

    def start(self, names: Iterable[str]) -> None:
        """Start these at the same time: a real one takes some ten seconds, most of them waiting."""
        missing = [name for name in names if name not in self._started]
        with ThreadPoolExecutor(max(len(missing), 1)) as pool:
            list(pool.map(self._start, missing))

    def _start(self, name: str) -> None:
        self._started[name] = self._stack.enter_context(_server(name, self._stubs))

    def __getitem__(self, name: str) -> Server:
        self.start([name])
        return self._started[name]

    def close(self) -> None:
        self._stack.close()


def _server(name: str, stubs: StubServer) -> AbstractContextManager[Server]:
    return _real(name, stubs) if name.startswith("n8n-") else _simulated(name, stubs)


@contextlib.contextmanager
def _simulated(name: str, stubs: StubServer) -> Iterator[Server]:
    with running(profile=profile_of(name)) as simulator:
        yield Server(
            name=name,
            url=simulator.url,
            direct_url=simulator.url,
            api_key=simulator.api_key,
            database=simulator.database,
            calls=CallLog(simulator.calls),
            make_key=simulator.key,
            stubs=stubs,
            simulator=simulator,
        )


@contextlib.contextmanager
def _real(name: str, stubs: StubServer) -> Iterator[Server]:
    with N8n(name.partition("-")[2]) as n8n, RecordingProxy(n8n.port) as proxy:
        yield Server(
            name=name,
            url=proxy.url,
            direct_url=n8n.url,
            api_key=n8n.key(),
            database=n8n.database,
            calls=CallLog(proxy.calls),
            make_key=n8n.key,
            stubs=stubs,
            n8n=n8n,
        )
