# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows as n8n lists them, the options of the modules, and a clock that nobody waits for."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

# A test's present. Hours are counted from a day before, so that at(0) is 24 hours ago.
NOW = datetime(2026, 11, 2, tzinfo=timezone.utc)
_ZERO = NOW - timedelta(hours=24)

Row = dict[str, t.Any]


def moment(hours: float) -> datetime:
    return _ZERO + timedelta(hours=hours)


def at(hours: float) -> str:
    """A time as n8n writes it."""
    return moment(hours).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row(
    number: int,
    status: str = "success",
    *,
    workflow: str = "w1",
    start: float | None = 1,
    stop: float | None = 2,
    retry_of: str | int | None = None,
    success_id: str | int | None = None,
    mode: str = "webhook",
    **more: t.Any,
) -> Row:
    """An execution on the wire; what is running or new has no end."""
    return {
        "id": str(number),
        "finished": status == "success",
        "mode": mode,
        "retryOf": None if retry_of is None else str(retry_of),
        "retrySuccessId": None if success_id is None else str(success_id),
        "status": status,
        "startedAt": None if start is None or status == "new" else at(start),
        "stoppedAt": None if stop is None or status in ("running", "new") else at(stop),
        "workflowId": workflow,
        "waitTill": at(48) if status == "waiting" else None,
        **more,
    }


_SELECTION: dict[str, t.Any] = dict.fromkeys(
    (
        "execution_id",
        "workflow",
        "exclude_workflow",
        "project",
        "status",
        "mode",
        "started_after",
        "started_before",
        "older_than",
        "newer_than",
        "min_duration",
        "limit",
    )
)


def info_params(**given: t.Any) -> dict[str, t.Any]:
    more = {"nodes": None, "redact": None, "digest": False, "logs": False, "retry_chain": False}
    return {**_SELECTION, "include_data": False, **more, "sort_by": "id", "order": "desc", "limit": 100, **given}


def export_params(path: str, **given: t.Any) -> dict[str, t.Any]:
    return {**_SELECTION, "path": path, "format": None, "include_data": False, **given}


def stats_params(**given: t.Any) -> dict[str, t.Any]:
    return {**_SELECTION, "granularity": "day", "source": "executions", **given}


_KEEPING: dict[str, t.Any] = {
    "keep_last": None,
    "keep_tagged": False,
    "time_budget": None,
    "archive_path": None,
    "archive_data": True,
}


def delete_params(**given: t.Any) -> dict[str, t.Any]:
    return {**_SELECTION, "all": False, "live": "skip", "abort_above": None, **_KEEPING, **given}


def retry_params(**given: t.Any) -> dict[str, t.Any]:
    return {
        **_SELECTION,
        "all": False,
        "load_workflow": False,
        "wait": True,
        "wait_timeout": 300.0,
        "max_attempts": 3,
        "allow_unrecorded": False,
        "fail_on_error": True,
        "only_transient": False,
        "from_node": None,
        "start_nodes": None,
        "backoff": 0.0,
        "pause": 0.0,
        **given,
    }


def stop_params(**given: t.Any) -> dict[str, t.Any]:
    return {**_SELECTION, "all": False, "abort_above": None, **given}


def tag_params(**given: t.Any) -> dict[str, t.Any]:
    return {**_SELECTION, "all": False, "set": None, "add": None, "remove": None, **given}


def wait_params(**given: t.Any) -> dict[str, t.Any]:
    return {**_SELECTION, "for_status": None, "wait_timeout": 300.0, "poll_interval": 2.0, **given}


def watch_params(**given: t.Any) -> dict[str, t.Any]:
    more = {"digest": False, "poll_interval": 10.0, "state_path": None}
    return {"events": ["started", "waiting", "finished", "failed"], "newer_than": None, **more, **given}


def connection_params(**given: t.Any) -> dict[str, t.Any]:
    return {
        "url": "https://n8n.example.com",
        "api_key": "key-0123456789",
        "dialect": "n8n",
        "api_path": None,
        "headers": None,
        "timeout": 30.0,
        "max_request_retries": 5,
        "validate_certs": True,
        "ca_path": None,
        "client_cert": None,
        "client_key": None,
        "use_proxy": True,
        "concurrency": 4,
        **given,
    }


def nested(levels: int) -> t.Any:
    """Lists and dictionaries in each other, as a stranger may send them."""
    value: t.Any = "deep"
    for level in range(levels):
        value = {"in": value} if level % 2 else [value]
    return value


class Clock:
    """Stands in for the module ``time``: sleeping takes no time, and the clock goes on by it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, "time.sleep refuses a negative pause"
        self.slept.append(seconds)
        self.now += seconds
