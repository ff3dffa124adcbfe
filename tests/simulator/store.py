"""The database: n8n's own tables and column names in a SQLite file.

A test seeds and inspects it with the same SQL as a real n8n's. Rows leave it as JSON text that
SQLite has put together, which is what makes a page of 250 cheap.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS project (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS workflow_entity (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, active BOOLEAN NOT NULL, nodes TEXT, connections TEXT, settings TEXT,
    staticData TEXT, pinData TEXT, versionId TEXT NOT NULL, activeVersionId TEXT, triggerCount INTEGER DEFAULT 0,
    meta TEXT, isArchived BOOLEAN NOT NULL DEFAULT FALSE, versionCounter INTEGER NOT NULL DEFAULT 1, description TEXT,
    createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS shared_workflow (
    workflowId TEXT NOT NULL REFERENCES workflow_entity (id) ON DELETE CASCADE,
    projectId TEXT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    role TEXT NOT NULL, createdAt TEXT NOT NULL, updatedAt TEXT NOT NULL, PRIMARY KEY (workflowId, projectId));
CREATE TABLE IF NOT EXISTS execution_entity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    workflowId TEXT NOT NULL REFERENCES workflow_entity (id) ON DELETE CASCADE,
    finished BOOLEAN NOT NULL, mode TEXT NOT NULL, retryOf TEXT, retrySuccessId TEXT, startedAt TEXT, stoppedAt TEXT,
    waitTill TEXT, status TEXT NOT NULL, deletedAt TEXT,
    createdAt TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    storedAt TEXT NOT NULL DEFAULT 'db', tracingContext TEXT, deduplicationKey TEXT,
    jsonSizeBytes BIGINT NOT NULL DEFAULT 0, workflowVersionId TEXT, binaryDataSizeBytes BIGINT NOT NULL DEFAULT 0,
    usedPrivateCredentials BOOLEAN NOT NULL DEFAULT FALSE);
CREATE INDEX IF NOT EXISTS execution_workflow_status ON execution_entity (workflowId, status);
CREATE INDEX IF NOT EXISTS execution_workflow ON execution_entity (workflowId);
CREATE INDEX IF NOT EXISTS execution_status ON execution_entity (status);
CREATE TABLE IF NOT EXISTS execution_data (
    executionId INTEGER PRIMARY KEY NOT NULL REFERENCES execution_entity (id) ON DELETE CASCADE,
    workflowData TEXT NOT NULL, data TEXT NOT NULL, workflowVersionId TEXT);
CREATE TABLE IF NOT EXISTS execution_annotations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    executionId INTEGER NOT NULL UNIQUE REFERENCES execution_entity (id) ON DELETE CASCADE, vote TEXT, note TEXT,
    createdAt TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updatedAt TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));
CREATE TABLE IF NOT EXISTS annotation_tag_entity (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE,
    createdAt TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')),
    updatedAt TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now')));
CREATE TABLE IF NOT EXISTS execution_annotation_tags (
    annotationId INTEGER NOT NULL REFERENCES execution_annotations (id) ON DELETE CASCADE,
    tagId TEXT NOT NULL REFERENCES annotation_tag_entity (id) ON DELETE CASCADE, PRIMARY KEY (annotationId, tagId));
"""

_DATES = frozenset({"createdAt", "startedAt", "stoppedAt", "deletedAt", "waitTill", "updatedAt"})
_BOOLEANS = frozenset({"finished", "usedPrivateCredentials"})

LIST_COLUMNS = (
    "id",
    "finished",
    "mode",
    "retryOf",
    "retrySuccessId",
    "status",
    "startedAt",
    "stoppedAt",
    "workflowId",
    "waitTill",
)
ONE_COLUMNS = (*LIST_COLUMNS[:6], "createdAt", "startedAt", "stoppedAt", "deletedAt", "workflowId", "waitTill")
WIDE_LIST_COLUMNS = (*LIST_COLUMNS, "storedAt", "jsonSizeBytes", "workflowVersionId")
WIDE_ONE_COLUMNS = (
    *ONE_COLUMNS,
    "storedAt",
    "tracingContext",
    "deduplicationKey",
    "jsonSizeBytes",
    "binaryDataSizeBytes",
    "workflowVersionId",
    "usedPrivateCredentials",
)

Execution = dict[str, Any]


def now() -> str:
    """This moment as the database writes it."""
    return stamp(datetime.now(timezone.utc))


def read_moment(text: str) -> datetime:
    """A moment as clients write it; before Python 3.11 ``fromisoformat`` knows no Z. Raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stamp(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(sep=" ", timespec="milliseconds")[:23]


def iso(text: str | None) -> str | None:
    """A stored date as the API writes it."""
    return None if text is None else f"{text.replace(' ', 'T')}Z"


def new_id() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _unused in range(16))


@dataclass(frozen=True)
class Wanted:
    """Which executions a list asks for; None leaves a criterion out."""

    limit: int | None
    below: int | None = None
    statuses: tuple[str, ...] | None = None
    workflow_id: str | None = None
    project_id: str | None = None
    started_after: str | None = None
    started_before: str | None = None
    hidden: Collection[int] = ()


class Store:
    """The one connection of the server; everything happens in its event loop."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "foreign_keys=ON", "cache_size=-65536"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(SCHEMA)
        self._row_sql: dict[tuple[str, ...], str] = {}
        # Every n8n has the personal project of its owner; all that the API makes belongs to it.
        if self._db.execute("SELECT 1 FROM project").fetchone() is None:
            moment = now()
            owner = (new_id(), "Test Owner <owner@example.com>", "personal", moment, moment)
            self._db.execute("INSERT INTO project VALUES (?, ?, ?, ?, ?)", owner)

    def close(self) -> None:
        self._db.close()

    # Executions

    def page(self, wanted: Wanted, columns: tuple[str, ...]) -> list[tuple[int, str]]:
        """The ids and JSON texts of the newest executions that are wanted."""
        where, values = self._where(wanted)
        limit = -1 if wanted.limit is None else wanted.limit
        sql = f"SELECT id, {self._json(columns)} FROM execution_entity WHERE {where} ORDER BY id DESC LIMIT ?"
        return [(row[0], row[1]) for row in self._db.execute(sql, (*values, limit))]

    def any(self, wanted: Wanted) -> bool:
        where, values = self._where(wanted)
        return self._db.execute(f"SELECT 1 FROM execution_entity WHERE {where} LIMIT 1", values).fetchone() is not None

    def ids(self, wanted: Wanted) -> list[int]:
        where, values = self._where(wanted)
        return [row[0] for row in self._db.execute(f"SELECT id FROM execution_entity WHERE {where}", values)]

    def _where(self, wanted: Wanted) -> tuple[str, list[Any]]:
        parts, values = ["deletedAt IS NULL"], list[Any]()
        if wanted.below is not None:
            parts.append("id < ?")
            values.append(wanted.below)
        if wanted.statuses is not None:
            parts.append(f"status IN ({', '.join('?' * len(wanted.statuses))})")
            values.extend(wanted.statuses)
        if wanted.workflow_id is not None:
            parts.append("workflowId = ?")
            values.append(wanted.workflow_id)
        if wanted.project_id is not None:
            # The plus keeps SQLite from collecting and sorting the project's whole history.
            parts.append("+workflowId IN (SELECT workflowId FROM shared_workflow WHERE projectId = ?)")
            values.append(wanted.project_id)
        if wanted.started_after is not None:
            parts.append("startedAt >= ?")
            values.append(wanted.started_after)
        if wanted.started_before is not None:
            parts.append("startedAt <= ?")
            values.append(wanted.started_before)
        if wanted.hidden:
            parts.append("id NOT IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(list(wanted.hidden)))
        return " AND ".join(parts), values

    def _json(self, columns: tuple[str, ...]) -> str:
        if columns not in self._row_sql:
            pairs = ", ".join(f"'{column}', {_json_value(column)}" for column in columns)
            self._row_sql[columns] = f"json_object({pairs})"
        return self._row_sql[columns]

    def execution(self, execution_id: int) -> Execution | None:
        """One row that has not been deleted softly."""
        sql = "SELECT * FROM execution_entity WHERE id = ? AND deletedAt IS NULL"
        row = self._db.execute(sql, (execution_id,)).fetchone()
        return dict(row) if row else None

    def execution_json(self, execution_id: int, columns: tuple[str, ...]) -> tuple[str, str] | None:
        """The status and the JSON text of one execution."""
        sql = f"SELECT status, {self._json(columns)} FROM execution_entity WHERE id = ? AND deletedAt IS NULL"
        row = self._db.execute(sql, (execution_id,)).fetchone()
        return (row[0], row[1]) if row else None

    def data(self, execution_id: int) -> tuple[str, str] | None:
        """The snapshot of the workflow and the flatted run data."""
        sql = "SELECT workflowData, data FROM execution_data WHERE executionId = ?"
        row = self._db.execute(sql, (execution_id,)).fetchone()
        return (row[0], row[1]) if row else None

    def create(self, fields: dict[str, Any], workflow: str, data: str) -> int:
        self._db.execute("BEGIN")
        names = ", ".join(fields)
        marks = ", ".join("?" * len(fields))
        cursor = self._db.execute(f"INSERT INTO execution_entity ({names}) VALUES ({marks})", list(fields.values()))
        execution_id = int(cursor.lastrowid or 0)
        sql = "INSERT INTO execution_data (executionId, workflowData, data) VALUES (?, ?, ?)"
        self._db.execute(sql, (execution_id, workflow, data))
        self._db.execute("COMMIT")
        return execution_id

    def update(self, execution_id: int, fields: dict[str, Any], data: str | None = None) -> None:
        sets = ", ".join(f"{name} = ?" for name in fields)
        self._db.execute(f"UPDATE execution_entity SET {sets} WHERE id = ?", [*fields.values(), execution_id])
        if data is not None:
            self._db.execute("UPDATE execution_data SET data = ? WHERE executionId = ?", (data, execution_id))

    def delete(self, execution_id: int) -> None:
        self._db.execute("DELETE FROM execution_entity WHERE id = ?", (execution_id,))

    # Annotation tags

    def tags(self, execution_id: int) -> list[dict[str, Any]]:
        sql = """SELECT t.* FROM annotation_tag_entity t JOIN execution_annotation_tags m ON m.tagId = t.id
                 JOIN execution_annotations a ON a.id = m.annotationId WHERE a.executionId = ? ORDER BY t.id"""
        return [dict(row) for row in self._db.execute(sql, (execution_id,))]

    def set_tags(self, execution_id: int, tag_ids: list[str]) -> None:
        """Replace the tags. Raises sqlite3.IntegrityError for one that is unknown or named twice.

        The annotation itself is made first and stays, whatever becomes of the tags: so n8n has it.
        """
        self._db.execute("INSERT OR IGNORE INTO execution_annotations (executionId) VALUES (?)", (execution_id,))
        sql = "SELECT id FROM execution_annotations WHERE executionId = ?"
        annotation = self._db.execute(sql, (execution_id,)).fetchone()[0]
        self._db.execute("BEGIN")
        try:
            self._db.execute("DELETE FROM execution_annotation_tags WHERE annotationId = ?", (annotation,))
            sql = "INSERT INTO execution_annotation_tags VALUES (?, ?)"
            self._db.executemany(sql, [(annotation, tag) for tag in tag_ids])
        except sqlite3.IntegrityError:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Workflows

    def add_workflow(self, workflow: dict[str, Any], active: bool) -> str:
        workflow_id, version, moment = new_id(), new_id(), now()
        row = (
            workflow_id,
            workflow["name"],
            active,
            json.dumps(workflow["nodes"]),
            json.dumps(workflow["connections"]),
            json.dumps(workflow["settings"]),
            version,
            version if active else None,
            moment,
            moment,
        )
        self._db.execute(
            """INSERT INTO workflow_entity (id, name, active, nodes, connections, settings, versionId, activeVersionId,
               createdAt, updatedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            row,
        )
        project = self._db.execute("SELECT id FROM project WHERE type = 'personal'").fetchone()[0]
        share = (workflow_id, project, "workflow:owner", moment, moment)
        self._db.execute("INSERT INTO shared_workflow VALUES (?, ?, ?, ?, ?)", share)
        return workflow_id

    def update_workflow(self, workflow_id: str, workflow: dict[str, Any]) -> None:
        texts = [json.dumps(workflow[name]) for name in ("nodes", "connections", "settings")]
        sql = """UPDATE workflow_entity SET name = ?, nodes = ?, connections = ?, settings = ?, versionId = ?,
                 versionCounter = versionCounter + 1, updatedAt = ? WHERE id = ?"""
        self._db.execute(sql, (workflow["name"], *texts, new_id(), now(), workflow_id))

    def workflow(self, workflow_id: str) -> dict[str, Any] | None:
        row = self._db.execute("SELECT * FROM workflow_entity WHERE id = ?", (workflow_id,)).fetchone()
        return _workflow(row) if row else None

    def workflows(
        self, name: str | None = None, active: bool | None = None, project_id: str | None = None
    ) -> Iterable[dict[str, Any]]:
        parts, values = ["TRUE"], list[Any]()
        if name is not None:
            parts.append("name LIKE ?")
            values.append(f"%{name.strip()}%")
        if active is not None:
            parts.append("active = ?")
            values.append(active)
        if project_id is not None:
            parts.append("id IN (SELECT workflowId FROM shared_workflow WHERE projectId = ?)")
            values.append(project_id)
        sql = f"SELECT * FROM workflow_entity WHERE {' AND '.join(parts)} ORDER BY id"
        return [_workflow(row) for row in self._db.execute(sql, values).fetchall()]

    def shares(self, workflow_id: str) -> list[dict[str, Any]]:
        sql = "SELECT * FROM shared_workflow WHERE workflowId = ?"
        return [dict(row) for row in self._db.execute(sql, (workflow_id,))]

    def project(self, project_id: str) -> dict[str, Any]:
        return dict(self._db.execute("SELECT * FROM project WHERE id = ?", (project_id,)).fetchone())

    def set_active(self, workflow_id: str, active: bool) -> None:
        sql = """UPDATE workflow_entity SET active = ?, activeVersionId = iif(?, versionId, NULL),
                 triggerCount = max(triggerCount, ?) WHERE id = ?"""
        self._db.execute(sql, (active, active, active, workflow_id))

    def delete_workflow(self, workflow_id: str) -> None:
        """Its executions go with it, by the foreign key."""
        self._db.execute("DELETE FROM workflow_entity WHERE id = ?", (workflow_id,))


def _json_value(column: str) -> str:
    """The SQL of a column as the API writes it."""
    if column == "id":
        return "CAST(id AS TEXT)"
    if column in _DATES:
        return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column})"
    if column in _BOOLEANS:
        return f"json(iif({column}, 'true', 'false'))"
    if column == "tracingContext":
        return "json(tracingContext)"
    return column


def _workflow(row: sqlite3.Row) -> dict[str, Any]:
    workflow = dict(row)
    for name in ("nodes", "connections", "settings", "staticData", "pinData", "meta"):
        workflow[name] = json.loads(workflow[name]) if workflow[name] else None
    for name in ("active", "isArchived"):
        workflow[name] = bool(workflow[name])
    return workflow
