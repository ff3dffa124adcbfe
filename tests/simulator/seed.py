"""Puts past executions into a database, the simulator's or a real n8n's, also while its server runs."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tests.simulator.rundata import WEBHOOK, pack, typical
from tests.simulator.store import Store, stamp

TYPICAL: Final = object()

_LIVE = ("new", "running", "unknown")
_BATCH = 10_000
_COLUMNS = (
    "id",
    "workflowId",
    "finished",
    "mode",
    "status",
    "createdAt",
    "startedAt",
    "stoppedAt",
    "waitTill",
    "retryOf",
    "retrySuccessId",
    "jsonSizeBytes",
)


@dataclass(frozen=True)
class Row:
    """One execution to be inserted. What is left out is as n8n would have it for the status."""

    workflow_id: str
    status: str = "success"
    mode: str = "webhook"
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    wait_till: datetime | None = None
    retry_of: int | None = None
    retry_success_id: int | None = None
    error: str = "Something went wrong"
    data: Any = TYPICAL
    """The run data as a JSON-like value; None for a row whose data is missing."""


def insert_executions(database: Path | str, rows: Iterable[Row]) -> Sequence[int]:
    """Insert the rows in one transaction and return their ids, in order.

    The workflows must exist; their nodes are what the rows' data tell of, so that failed ones can be run again.
    """
    with closing(sqlite3.connect(database, isolation_level=None, timeout=120)) as db:
        db.execute("PRAGMA cache_size=-65536")
        db.execute("BEGIN IMMEDIATE")
        texts = _Texts(db)
        # Real n8n has columns more or fewer, by version; it need not be told of those that it lacks.
        known = {row[1] for row in db.execute("PRAGMA table_info(execution_entity)")}
        first = _next_id(db)
        used = [index for index, name in enumerate(_COLUMNS) if name in known]
        entity_sql = _insert("execution_entity", [_COLUMNS[index] for index in used])
        data_sql = _insert("execution_data", ["executionId", "workflowData", "data"])
        number, source = first, iter(rows)
        while batch := list(islice(source, _BATCH)):
            entities, data = [], []
            for row in batch:
                text = texts.of(row)
                entity = _entity(number, row, len(text[1]) if text else 0)
                entities.append([entity[index] for index in used])
                if text:
                    data.append((number, *text))
                number += 1
            db.executemany(entity_sql, entities)
            db.executemany(data_sql, data)
        db.execute("COMMIT")
    return range(first, number)


class _Texts:
    """The stored texts of workflows and data; like rows of one workflow share theirs."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._workflows: dict[str, tuple[Mapping[str, Any], str]] = {}
        self._typical: dict[tuple[str, str, str], str] = {}

    def of(self, row: Row) -> tuple[str, str] | None:
        """The workflow's snapshot and the data, or None for a row without data."""
        if row.data is None:
            return None
        workflow, snapshot = self._workflow(row.workflow_id)
        if row.data is not TYPICAL:
            return snapshot, pack(row.data)
        key = (row.workflow_id, row.status, row.error)
        if key not in self._typical:
            moment = row.started_at or datetime.now(timezone.utc)
            self._typical[key] = pack(typical(workflow, row.status, moment, row.error))
        return snapshot, self._typical[key]

    def _workflow(self, workflow_id: str) -> tuple[Mapping[str, Any], str]:
        if workflow_id not in self._workflows:
            sql = "SELECT name, nodes, connections, settings FROM workflow_entity WHERE id = ?"
            found = self._db.execute(sql, (workflow_id,)).fetchone()
            if found is None:
                raise LookupError(f"there is no workflow {workflow_id}")
            parts = dict(zip(("nodes", "connections", "settings"), map(json.loads, found[1:]), strict=True))
            workflow = {"id": workflow_id, "name": found[0], **parts}
            self._workflows[workflow_id] = (workflow, json.dumps(workflow))
        return self._workflows[workflow_id]


def _entity(number: int, row: Row, size: int) -> tuple[Any, ...]:
    started = row.started_at
    if started is None and row.status != "new":
        started = datetime.now(timezone.utc)
    stopped = row.stopped_at
    if stopped is None and started is not None and row.status not in _LIVE:
        stopped = started + timedelta(seconds=1)
    wait_till = row.wait_till
    if wait_till is None and row.status == "waiting":
        wait_till = datetime.now(timezone.utc) + timedelta(days=1)
    started_text = stamp(started) if started else None
    return (
        number,
        row.workflow_id,
        row.status == "success",
        row.mode,
        row.status,
        started_text or stamp(datetime.now(timezone.utc)),
        started_text,
        stamp(stopped) if stopped else None,
        stamp(wait_till) if wait_till else None,
        None if row.retry_of is None else str(row.retry_of),
        None if row.retry_success_id is None else str(row.retry_success_id),
        size,
    )


def _next_id(db: sqlite3.Connection) -> int:
    highest = db.execute("SELECT max(id) FROM execution_entity").fetchone()[0] or 0
    counted = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'execution_entity'").fetchone()
    return max(int(highest), int(counted[0]) if counted else 0) + 1


def _insert(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"


# A history that looks like somebody's: mostly well, with the failures that people have.

_ERRORS = (
    "The service refused the connection - perhaps it is offline",
    "The service is receiving too many requests from you",
    "Gateway timed out - perhaps try again later?",
    "Authorization failed - please check your credentials",
    "Cannot read properties of undefined (reading 'email')",
)
SAMPLES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Order import", "n8n-nodes-base.set", {}),
    ("Invoice mailer", "n8n-nodes-base.stopAndError", {"errorMessage": "Recipient address is missing"}),
    ("Stock sync", "n8n-nodes-base.noOp", {}),
    ("Customer follow-up", "n8n-nodes-base.set", {}),
)
_OUTCOMES = ("success", "error", "canceled", "crashed", "waiting")
_WEIGHTS = (909, 70, 10, 10, 1)


def webhook_workflow(name: str, node_type: str, parameters: Mapping[str, Any], path: str) -> dict[str, Any]:
    """A webhook and one node behind it, as POST /workflows takes it."""
    nodes = [
        {
            "id": "start",
            "name": "Webhook",
            "type": WEBHOOK,
            "typeVersion": 2,
            "position": [0, 0],
            "parameters": {"path": path, "httpMethod": "POST"},
            "webhookId": path,
        },
        {
            "id": "work",
            "name": "Work",
            "type": node_type,
            "typeVersion": 1,
            "position": [200, 0],
            "parameters": dict(parameters),
        },
    ]
    connections = {"Webhook": {"main": [[{"node": "Work", "type": "main", "index": 0}]]}}
    return {"name": name, "nodes": nodes, "connections": connections, "settings": {}}


def seed_history(store: Store, database: Path, count: int, days: float) -> None:
    """Fill a database with sample workflows and so many executions over the last days; always the same ones."""
    known = {workflow["name"]: workflow["id"] for workflow in store.workflows()}
    ids = []
    for name, node_type, parameters in SAMPLES:
        path = name.lower().replace(" ", "-")
        workflow = webhook_workflow(name, node_type, parameters, path)
        ids.append(known.get(name) or store.add_workflow(workflow, active=True))
    insert_executions(database, history(ids, count, days))


def history(workflow_ids: Sequence[str], count: int, days: float) -> Iterator[Row]:
    """So many executions of these workflows over the last days, the oldest first."""
    chance = random.Random(count)
    first = datetime.now(timezone.utc) - timedelta(days=days)
    step = timedelta(days=days) / max(count, 1)
    outcomes = chance.choices(_OUTCOMES, _WEIGHTS, k=count)
    workflows = chance.choices(workflow_ids, k=count)
    for index, (workflow_id, status) in enumerate(zip(workflows, outcomes, strict=True)):
        # Between the round ages that people select by, so that none is reached while a demonstration runs.
        started = first + step * (index + 0.5)
        stopped = started + timedelta(milliseconds=int(chance.lognormvariate(6.5, 1.2)))
        error = _ERRORS[index % len(_ERRORS)]
        yield Row(workflow_id, status, started_at=started, stopped_at=stopped, error=error)
