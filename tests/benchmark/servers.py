"""The servers that are measured on: the simulator, and real n8n with SQLite and with PostgreSQL.

Each keeps its own log of the calls, so nothing stands between a client and the server, and can put back what a run deleted.
"""

from __future__ import annotations

import abc
import contextlib
import csv
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

import requests

from tests.lab.server import N8n, free_port
from tests.simulator.seed import SAMPLES, history, insert_executions, webhook_workflow
from tests.simulator.server import Simulator, running
from tests.simulator.store import Store

REAL = "2.41.1"
PROFILE = "2.41"
DAYS = 60

SIMULATOR, SQLITE, POSTGRESQL = "simulator", "n8n-sqlite", "n8n-postgresql"

POSTGRES = Path("/usr/lib/postgresql/15/bin")
# It refuses to be run by root; Debian's package makes this user.
POSTGRES_USER = "postgres"

# What the simulator's store and n8n's have in common.
_COLUMNS = ("id", "workflowId", "finished", "mode", "status", "createdAt", "startedAt", "stoppedAt", "waitTill", "jsonSizeBytes")
_DATA_COLUMNS = ("executionId", "workflowData", "data")
_HOOK = Path(__file__).with_name("calls.cjs")


@dataclass(frozen=True)
class Call:
    """One request as the server saw it; ``began`` and ``ended`` are seconds since the epoch."""

    method: str
    path: str
    began: float
    ended: float
    connection: int
    status: int


class Database(Protocol):
    """The database below a server."""

    def sql(self, statement: str) -> list[tuple[str, ...]]:
        """Run it, committed; what it gives, as texts."""


class Server(abc.ABC):
    """One server with a history of ``size`` executions over 60 days."""

    def __init__(self, name: str, url: str, api_key: str, database: Database, size: int, version: str) -> None:
        self.name = name
        self.url = url
        self.api_key = api_key
        self.size = size
        self.version = version
        """Of the server and of its database."""
        self._database = database

    @abc.abstractmethod
    def calls(self) -> list[Call]:
        """Those since ``forget``, as they began."""

    @abc.abstractmethod
    def forget(self) -> None:
        """Begin to log anew."""

    def delay(self, seconds: float) -> None:
        """Have every request wait so long; a real server cannot."""
        if seconds:
            raise ValueError(f"{self.name} has no latency to be set")

    # The history

    def oldest(self, count: int) -> list[str]:
        """The ids of the oldest executions that are over."""
        over = "status NOT IN ('running', 'waiting', 'new')"
        rows = self._database.sql(f"SELECT id FROM execution_entity WHERE {over} ORDER BY id LIMIT {count}")
        return [row[0] for row in rows]

    def ended_first(self, count: int) -> tuple[list[str], datetime]:
        """The ids of those that ended first of all that are over, and a moment between the last of them and the next."""
        over = "\"stoppedAt\" IS NOT NULL AND status NOT IN ('running', 'waiting', 'new')"
        columns = 'id, "stoppedAt"'
        sql = f'SELECT {columns} FROM execution_entity WHERE {over} ORDER BY "stoppedAt" LIMIT {count + 1}'
        rows = self._database.sql(sql)
        last, following = (_moment(row[1]) for row in rows[-2:])
        return [row[0] for row in rows[:-1]], last + (following - last) / 2

    def count(self) -> int:
        return int(self._database.sql("SELECT count(*) FROM execution_entity")[0][0])

    def save(self, last: int) -> None:
        """Remember all executions up to this id, so that ``restore`` can put them back."""
        for table, column in (("execution_entity", "id"), ("execution_data", '"executionId"')):
            self._database.sql(f"DROP TABLE IF EXISTS saved_{table}")
            self._database.sql(f"CREATE TABLE saved_{table} AS SELECT * FROM {table} WHERE {column} <= {last}")

    def restore(self) -> None:
        for table, column in (("execution_entity", "id"), ("execution_data", '"executionId"')):
            gone = f"{column} NOT IN (SELECT {column} FROM {table})"
            self._database.sql(f"INSERT INTO {table} SELECT * FROM saved_{table} WHERE {gone}")


def _moment(text: str) -> datetime:
    """A time as a database writes it, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


class _File:
    """An SQLite file, written to while its server runs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def sql(self, statement: str) -> list[tuple[str, ...]]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=120)) as database:
            rows = database.execute(statement).fetchall()
            database.commit()
        return [tuple(str(value) for value in row) for row in rows]


class Postgres:
    """PostgreSQL on loopback in a folder of its own, used as a context manager."""

    def __init__(self) -> None:
        if not POSTGRES.exists():
            raise SystemExit("PostgreSQL 15 is needed: apt-get install postgresql")
        self._folder = Path(tempfile.mkdtemp(prefix="n8n-postgres-"))
        self.port = free_port()
        # As root another user is taken, as any other oneself.
        self._as = ["runuser", "-u", POSTGRES_USER, "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self._folder, POSTGRES_USER)

    def __enter__(self) -> Postgres:
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "n8n", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c timezone=UTC"
        self._run("pg_ctl", "-D", data, "-w", "-l", str(self._folder / "log"), "-o", options, "start")
        self._run("createdb", *self._where(), "n8n")
        return self

    def __exit__(self, *_unused: object) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def settings(self) -> dict[str, str]:
        """What n8n is to be started with."""
        connection = {"HOST": "127.0.0.1", "PORT": str(self.port), "DATABASE": "n8n", "USER": "n8n"}
        return {"DB_TYPE": "postgresdb", **{f"DB_POSTGRESDB_{name}": value for name, value in connection.items()}}

    def sql(self, statement: str) -> list[tuple[str, ...]]:
        said = self._run("psql", *self._where(), "-d", "n8n", "-X", "-q", "-t", "-v", "ON_ERROR_STOP=1", "--csv", text=statement)
        return [tuple(row) for row in csv.reader(io.StringIO(said))]

    def copy(self, table: str, columns: Sequence[str], rows: Iterator[tuple[object, ...]]) -> None:
        """Write rows into a table."""
        text = io.StringIO()
        names = ", ".join(f'"{column}"' for column in columns)
        text.write(f"COPY {table} ({names}) FROM STDIN WITH (FORMAT csv);\n")
        csv.writer(text, lineterminator="\n").writerows(rows)
        text.write("\\.\n")
        self._run("psql", *self._where(), "-d", "n8n", "-X", "-q", "-v", "ON_ERROR_STOP=1", text=text.getvalue())

    def _where(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "n8n"]

    def _run(self, program: str, *words: str, text: str = "") -> str:
        command = [*self._as, str(POSTGRES / program), *words]
        # The server that pg_ctl starts would hold a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(command, input=text, stdout=said, stderr=said, text=True, cwd="/", check=False)
            said.seek(0)
            output = said.read()
        if done.returncode:
            raise RuntimeError(f"{program} failed with {done.returncode}:\n{output[-4000:]}")
        return output


class _Simulated(Server):
    def __init__(self, simulator: Simulator, size: int) -> None:
        database = _File(simulator.database)
        super().__init__(SIMULATOR, simulator.url, simulator.api_key, database, size, f"simulator of n8n {PROFILE}")
        self._simulator = simulator

    def calls(self) -> list[Call]:
        calls = list(self._simulator.calls)
        return [Call(one.method, one.path, one.at, one.ended or one.at, one.connection, one.status) for one in calls]

    def forget(self) -> None:
        self._simulator.calls.clear()

    def delay(self, seconds: float) -> None:
        self._simulator.latency = seconds


class _Real(Server):
    def __init__(self, name: str, n8n: N8n, log: Path, database: Database, size: int, version: str) -> None:
        super().__init__(name, n8n.url, n8n.key(), database, size, version)
        self._log = log
        self._seen = 0

    def calls(self) -> list[Call]:
        # The server writes its log ten times a second.
        time.sleep(0.3)
        lines = self._log.read_text(encoding="utf-8").splitlines()
        calls = [Call(*json.loads(line)) for line in lines[self._seen :]]
        # Its database's writes of its own start no request; the editor's are not the API's.
        api = [call for call in calls if call.path.startswith("/api/v1/")]
        return sorted(api, key=lambda call: call.began)

    def forget(self) -> None:
        time.sleep(0.3)
        self._seen = len(self._log.read_text(encoding="utf-8").splitlines())


@contextlib.contextmanager
def _simulated(size: int) -> Iterator[Server]:
    with running(PROFILE, seed=size, days=DAYS) as simulator:
        yield _Simulated(simulator, size)


@contextlib.contextmanager
def _sqlite(size: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="n8n-calls-") as folder:
        log = Path(folder, "calls")
        log.touch()
        with N8n(REAL, _hooked(log)) as n8n:
            insert_executions(n8n.database, history(_sample_workflows(n8n), size, DAYS))
            version = f"n8n {REAL} with SQLite"
            yield _Real(SQLITE, n8n, log, _File(n8n.database), size, version)


@contextlib.contextmanager
def _postgresql(size: int) -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="n8n-calls-") as folder, Postgres() as postgres:
        log = Path(folder, "calls")
        log.touch()
        with N8n(REAL, {**_hooked(log), **postgres.settings}) as n8n:
            _fill(postgres, _sample_workflows(n8n), size, Path(folder, "history.sqlite"))
            server = postgres.sql("SHOW server_version")[0][0].split()[0]
            version = f"n8n {REAL} with PostgreSQL {server}"
            yield _Real(POSTGRESQL, n8n, log, postgres, size, version)


def _hooked(log: Path) -> dict[str, str]:
    return {"NODE_OPTIONS": f"--require={_HOOK}", "BENCHMARK_CALLS": str(log)}


def _sample_workflows(n8n: N8n) -> list[str]:
    """The workflows of the simulator's sample history, made in a real n8n; their ids."""
    key, ids = n8n.key(), []
    for name, node_type, parameters in SAMPLES:
        body = webhook_workflow(name, node_type, parameters, name.lower().replace(" ", "-"))
        made = requests.post(f"{n8n.url}/api/v1/workflows", json=body, headers={"X-N8N-API-KEY": key}, timeout=60)
        made.raise_for_status()
        ids.append(str(made.json()["id"]))
    return ids


def _fill(postgres: Postgres, workflow_ids: Sequence[str], size: int, path: Path) -> None:
    """The same history as in SQLite: written into a file of the simulator's, and copied from there."""
    store = Store(path)
    made = [store.add_workflow(webhook_workflow(name, kind, values, name), active=False) for name, kind, values in SAMPLES]
    store.close()
    insert_executions(path, history(made, size, DAYS))
    names = dict(zip(made, workflow_ids, strict=True))
    with contextlib.closing(sqlite3.connect(path)) as database:
        entities = database.execute(f"SELECT {', '.join(_COLUMNS)} FROM execution_entity ORDER BY id")
        place = _COLUMNS.index("workflowId")
        renamed = ((*row[:place], names[row[place]], *row[place + 1 :]) for row in entities)
        postgres.copy("execution_entity", _COLUMNS, renamed)
        data = database.execute(f"SELECT {', '.join(_DATA_COLUMNS)} FROM execution_data ORDER BY executionId")
        postgres.copy("execution_data", _DATA_COLUMNS, data)
    postgres.sql("SELECT setval(pg_get_serial_sequence('execution_entity', 'id'), (SELECT max(id) FROM execution_entity))")
    postgres.sql("VACUUM ANALYZE")


def started(name: str, size: int) -> AbstractContextManager[Server]:
    """A server of this name with so many executions, until the end of the block."""
    return {SIMULATOR: _simulated, SQLITE: _sqlite, POSTGRESQL: _postgresql}[name](size)
