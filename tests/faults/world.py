"""An n8n with a history made by chance, and what its database says."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any

import requests

from tests.lab import workflows
from tests.lab.gated import gated
from tests.lab.server import N8n
from tests.simulator.front import Front
from tests.simulator.seed import Row, insert_executions
from tests.simulator.server import running

PROFILES = ("1.123", "2.13", "2.41")
TAGS = ("tagA", "tagB")
LIVE = frozenset({"new", "running", "waiting"})

# Rare ones are what goes wrong.
_STATUSES = ("success",) * 4 + ("error",) * 4 + ("crashed", "canceled", "waiting", "waiting", "running")


@dataclass(frozen=True)
class Stored:
    """An execution as the database has it."""

    id: int
    workflow: str
    status: str
    started: datetime | None
    stopped: datetime | None
    retry_of: int | None
    tags: frozenset[str] = frozenset()

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


class World:
    """One n8n behind a gate, simulated or real; its history is made anew for each trial."""

    def __init__(self, front: Front, profile: str, api_key: str, database: Path, n8n: N8n | None = None) -> None:
        self.front = front
        self.profile = profile
        self.api_key = api_key
        self.database = database
        self.n8n = n8n
        """The real one, where it is one."""
        self.fine = self._workflow(workflows.no_op())
        self.failing = self._workflow(workflows.stop_and_error())
        # Of its retries nothing is left that did well.
        self.forgetful = self._workflow(workflows.no_op(), saveDataSuccessExecution="none")
        self.workflows = (self.fine, self.failing, self.forgetful)
        for tag in TAGS:
            self._sql("INSERT INTO annotation_tag_entity (id, name) VALUES (?, ?)", tag, tag)

    @property
    def name(self) -> str:
        return self.profile if self.n8n is None else f"{self.n8n.version}, real"

    def begin(self, chance: Random, running: bool = True) -> None:
        """Another history: some dozens of executions over sixty days, with chains of retries, in the order of their start.

        A server that starts takes for crashed what runs nowhere, so ``running`` ones are no good where it is to be restarted.
        """
        self._sql("DELETE FROM execution_entity")
        self.front.faults.clear()
        self.front.calls.clear()
        count = chance.choice((0, 1, *[chance.randint(2, 60)] * 8))
        days = sorted((chance.uniform(0.5, 60) for _unused in range(count)), reverse=True)
        statuses = [status for status in _STATUSES if running or status != "running"]
        # Between the ages that are selected by: a trial takes some seconds.
        starts = [datetime.now(timezone.utc) - timedelta(days=round(day) + 0.25) for day in days]
        rows = [
            Row(chance.choice(self.workflows), chance.choice(statuses), started_at=start, stopped_at=start + timedelta(seconds=2))
            for start in starts
        ]
        ids = insert_executions(self.database, rows)
        failed = [number for number, row in zip(ids, rows, strict=True) if row.status == "error"]
        for number in failed:
            if later := [one for one in failed if one > number and chance.random() < 0.2]:
                same = "workflowId = (SELECT workflowId FROM execution_entity WHERE id = ?)"
                sql = f"UPDATE execution_entity SET retryOf = ?, mode = 'retry' WHERE id = ? AND {same}"
                self._sql(sql, str(number), later[0], number)

    def executions(self) -> dict[int, Stored]:
        tags: dict[int, set[str]] = {}
        sql = "SELECT executionId, tagId FROM execution_annotation_tags JOIN execution_annotations ON annotationId = id"
        for row in self._sql(sql):
            tags.setdefault(row["executionId"], set()).add(row["tagId"])
        return {row["id"]: _stored(row, tags) for row in self._sql("SELECT * FROM execution_entity ORDER BY id")}

    def settle(self) -> None:
        """Until the server can be reached again, and nothing that was begun goes on."""
        self.front.faults.clear()
        deadline, last = time.monotonic() + 30, None
        # A retry that is not waited for is sent by a thread, which a module's end would end.
        for thread in threading.enumerate():
            if "(send)" in thread.name:
                thread.join(30)
        while time.monotonic() < deadline:
            time.sleep(0.02)
            try:
                requests.get(f"{self.front.url}/healthz", timeout=1)
            except requests.RequestException:
                continue
            now = self.executions()
            if now == last and not self.front.under_way:
                return
            last = now
        raise TimeoutError("n8n does not come to rest")

    def restart(self) -> None:
        """Kill the real n8n in the middle of what it does, and start it again."""
        assert self.n8n is not None
        self.n8n.kill()
        self.n8n.start()

    def _workflow(self, node: workflows.Node, **settings: str) -> str:
        name = f"trial {len(self._sql('SELECT id FROM workflow_entity'))}"
        body = workflows.workflow(name, name.replace(" ", "-"), [node], settings)
        headers = {"X-N8N-API-KEY": self.api_key}
        made = requests.post(f"{self.front.url}/api/v1/workflows", json=body, headers=headers, timeout=30)
        made.raise_for_status()
        return str(made.json()["id"])

    def _sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.database, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            database.execute("PRAGMA foreign_keys = ON")
            with database:
                return [dict(row) for row in database.execute(statement, values)]


def _stored(row: dict[str, Any], tags: dict[int, set[str]]) -> Stored:
    return Stored(
        id=row["id"],
        workflow=row["workflowId"],
        status=row["status"],
        started=_moment(row["startedAt"]),
        stopped=_moment(row["stoppedAt"]),
        retry_of=None if row["retryOf"] is None else int(row["retryOf"]),
        tags=frozenset(tags.get(row["id"], ())),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@contextmanager
def world(profile: str) -> Iterator[World]:
    with running(profile) as simulator:
        yield World(simulator, profile, simulator.api_key, simulator.database)


@contextmanager
def real_world(n8n: N8n, profile: str, api_key: str) -> Iterator[World]:
    with gated(n8n.url) as front:
        yield World(front, profile, api_key, n8n.database, n8n)
