"""A simulated n8n with a history made by chance, and what its database says."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import requests

from tests.lab import workflows
from tests.simulator.seed import Row, insert_executions
from tests.simulator.server import Simulator, running

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
    """One simulator; its history is made anew for each trial."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.profile = simulator.profile.name
        self.fine = self._workflow(workflows.no_op())
        self.failing = self._workflow(workflows.stop_and_error())
        # Of its retries nothing is left that did well.
        self.forgetful = self._workflow(workflows.no_op(), saveDataSuccessExecution="none")
        self.workflows = (self.fine, self.failing, self.forgetful)
        for tag in TAGS:
            self._sql("INSERT INTO annotation_tag_entity (id, name) VALUES (?, ?)", tag, tag)

    def begin(self, chance: Random) -> None:
        """Another history: some dozens of executions over sixty days, with chains of retries, in the order of their start."""
        self._sql("DELETE FROM execution_entity")
        self.simulator.faults.clear()
        count = chance.choice((0, 1, *[chance.randint(2, 60)] * 8))
        days = sorted((chance.uniform(0.5, 60) for _unused in range(count)), reverse=True)
        # Between the ages that are selected by: a trial takes some seconds.
        starts = [datetime.now(timezone.utc) - timedelta(days=round(day) + 0.25) for day in days]
        rows = [
            Row(
                chance.choice(self.workflows), chance.choice(_STATUSES), started_at=start, stopped_at=start + timedelta(seconds=2)
            )
            for start in starts
        ]
        ids = insert_executions(self.simulator.database, rows)
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
        self.simulator.faults.clear()
        deadline, last = time.monotonic() + 30, None
        # A retry that is not waited for is sent by a thread, which a module's end would end.
        for thread in threading.enumerate():
            if "(send)" in thread.name:
                thread.join(30)
        while time.monotonic() < deadline:
            time.sleep(0.02)
            try:
                requests.get(f"{self.simulator.url}/healthz", timeout=1)
            except requests.RequestException:
                continue
            now = self.executions()
            if now == last:
                return
            last = now
        raise TimeoutError("the simulator does not come to rest")

    def _workflow(self, node: workflows.Node, **settings: str) -> str:
        name = f"trial {len(self._sql('SELECT id FROM workflow_entity'))}"
        body = workflows.workflow(name, name.replace(" ", "-"), [node], settings)
        headers = {"X-N8N-API-KEY": self.simulator.api_key}
        made = requests.post(f"{self.simulator.url}/api/v1/workflows", json=body, headers=headers, timeout=30)
        made.raise_for_status()
        return str(made.json()["id"])

    def _sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.simulator.database, timeout=30)) as database:
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
        yield World(simulator)
