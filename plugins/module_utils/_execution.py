# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An execution in the words of the field, its statuses and its times. No I/O."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

STATUSES = ("canceled", "crashed", "error", "new", "running", "success", "unknown", "waiting")
# Decided by status alone: n8n's "finished" means "ran to completion", and a failed execution has it false.
LIVE = frozenset({"new", "running", "waiting"})
FAILED = frozenset({"canceled", "crashed", "error"})

MODES = (
    "cli",
    "error",
    "integrated",
    "internal",
    "manual",
    "retry",
    "trigger",
    "webhook",
    "evaluation",
    "chat",
    "agent",
)

_SPAN = re.compile(r"(?:([0-9]{1,9})w)?(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")
# As n8n writes them, thousands in a list.
_TIME_OF_N8N = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]+))?(?:([Zz])|([+-][0-9]{2}):?([0-9]{2}))"
)


class Execution(t.NamedTuple):
    """One execution. Times are aware and in UTC; ``data`` is exactly what the server sent.

    A tuple, as a history has millions of them, and a frozen dataclass takes more than twice as long to be made.

    ``node_types`` are those of the nodes of the workflow that came with the data, by name.
    ``rank`` is its place in the order of a server whose ids tell none: the milliseconds of its start.
    ``extra`` holds what only some servers or calls tell (``created_at``, sizes, ``custom_data`` …),
    ready to be returned.
    """

    id: str
    workflow_id: str | None
    status: str
    mode: str | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    wait_till: datetime | None = None
    retry_of: str | None = None
    retry_success_id: str | None = None
    workflow_name: str | None = None
    data: t.Any = None
    node_types: t.Mapping[str, str] = {}
    extra: t.Mapping[str, t.Any] = {}
    rank: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether it is running or may still run."""
        return self.status in LIVE

    @property
    def order(self) -> int:
        """The position in the server's own order: n8n's ids are handed out in rising order at the start.

        0 where neither the id nor the server tells one.
        """
        return order_of(self.id) if self.rank is None else self.rank

    @property
    def order_of_retried(self) -> int:
        """The position of what it is a retry of, as its id tells it, else 0; its own where it is no retry."""
        if self.retry_of is None:
            return self.order
        return order_of(self.retry_of) if self.rank is None else 0

    @property
    def duration(self) -> float | None:
        """Seconds from start to end, ``None`` while it is not over.

        A waiting execution has a ``stopped_at`` too: when it began to wait.
        """
        if self.is_live or self.started_at is None or self.stopped_at is None:
            return None
        return (self.stopped_at - self.started_at).total_seconds()

    def ran_for(self, now: datetime) -> float | None:
        """Seconds it has run so far: to its end, or to now while it is live."""
        if self.is_live and self.started_at is not None:
            return (now - self.started_at).total_seconds()
        return self.duration

    def record(self) -> dict[str, t.Any]:
        """What a module returns for it: plain JSON types, times as ISO 8601 in UTC."""
        record: dict[str, t.Any] = {
            "id": self.id,
            "workflow_id": self.workflow_id,
            "workflow_name": self.workflow_name,
            "status": self.status,
            "mode": self.mode,
            "started_at": format_time(self.started_at),
            "stopped_at": format_time(self.stopped_at),
            "duration": self.duration,
            "wait_till": format_time(self.wait_till),
            "retry_of": self.retry_of,
            "retry_success_id": self.retry_success_id,
        }
        record.update(self.extra)
        if self.data is not None:
            record["data"] = self.data
        return record


SORT_KEYS: dict[str, t.Callable[[Execution], t.Any]] = {
    "id": lambda execution: execution.order,
    "started_at": lambda execution: execution.started_at.timestamp() if execution.started_at else 0.0,
    "duration": lambda execution: execution.duration or 0.0,
    "status": lambda execution: execution.status,
}


def sort_key(sort_by: str) -> t.Callable[[Execution], tuple[t.Any, int]]:
    """What executions are ordered by; the id settles what is equal."""
    value = SORT_KEYS[sort_by]
    return lambda execution: (value(execution), execution.order)


def from_record(record: t.Any) -> Execution:
    """The execution of which ``record()`` made this. Raises ``ValueError`` for anything else."""
    refusal = "it is not an execution as the modules of flowops.n8n return them"
    if not isinstance(record, dict):
        raise ValueError(f"{refusal}, but {_kind(record)}")
    missing = [key for key in ("id", "status") if not isinstance(record.get(key), str)]
    if missing:
        raise ValueError(f"{refusal}: it has no {' and no '.join(missing)} that is text")
    if record["status"] not in STATUSES:
        raise ValueError(f"{refusal}: {record['status'][:80]!r} is no status")
    times: dict[str, t.Any] = {}
    for key in ("started_at", "stopped_at", "wait_till"):
        value = record.get(key)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{refusal}: its {key} is {_kind(value)}")
        times[key] = None if value is None else parse_time(value)
    texts: dict[str, t.Any] = {}
    for key in ("workflow_id", "workflow_name", "mode", "retry_of", "retry_success_id"):
        value = record.get(key)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{refusal}: its {key} is {_kind(value)}")
        texts[key] = value
    own = {"id", "status", "duration", "data", *times, *texts}
    return Execution(
        id=record["id"],
        status=record["status"],
        **times,
        **texts,
        data=record.get("data"),
        extra={key: value for key, value in record.items() if key not in own},
    )


def _kind(value: t.Any) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a dictionary", str: "text"}
    return "nothing" if value is None else next((kinds[kind] for kind in kinds if isinstance(value, kind)), "something else")


def order_of(execution_id: str) -> int:
    """The position that an id gives an execution in the server's order."""
    if execution_id.isdecimal():
        # n8n's own; it is asked for several times a row, of histories of any length.
        return int(execution_id)
    digits = re.search(r"[0-9]+$", execution_id)
    return int(digits.group()) if digits else 0


@dataclass(frozen=True)
class Workflow:
    """What is needed of a workflow; ``None`` where it is not known.

    Whether it saves its successes and its failures is up to the instance where its settings do not say.
    """

    id: str
    name: str | None
    saves_success: bool | None = None
    saves_failure: bool | None = None


def parse_time(text: str) -> datetime:
    """An ISO 8601 time with a zone, in UTC. Raises ``ValueError`` for anything else."""
    try:
        if _TIME_OF_N8N.fullmatch(text):
            return datetime.fromisoformat(f"{text[:-1]}+00:00")
        return _parse_other_time(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not an ISO 8601 time with a zone, such as 2026-11-01T00:00:00Z") from None


def _parse_other_time(text: str) -> datetime:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError
    # What fromisoformat reads differs by the version of Python; this form all of them read.
    day, clock, fraction, utc, hours, minutes = found.groups()
    seconds = clock if clock.count(":") == 2 else f"{clock}:00"
    zone = "+00:00" if utc else f"{hours}:{minutes}"
    return datetime.fromisoformat(f"{day}T{seconds}.{(fraction or '')[:6].ljust(6, '0')}{zone}").astimezone(timezone.utc)


def shifted(moment: datetime | None, by: timedelta) -> datetime | None:
    """The time so much later, or the time itself where there is no calendar for that."""
    try:
        return None if moment is None else moment + by
    except OverflowError:
        return moment


def format_time(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds, as n8n writes it."""
    if moment is None:
        return None
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_span(text: str) -> timedelta:
    """A span such as 30d, 12h, 2w, 1d12h or 90s. Raises ``ValueError`` for anything else."""
    found = _SPAN.fullmatch(text.strip())
    if not text.strip() or found is None:
        raise ValueError(f"{text!r} is not a span of time with its unit, such as 30d, 12h, 2w, 1d12h or 90s")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise ValueError(f"{text!r} is longer than can be reckoned with") from None
