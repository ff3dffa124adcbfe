# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts, rates and durations of a stream of executions, in a memory that does not grow with their number. No I/O."""

from __future__ import annotations

import math
import typing as t
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, format_time

# Buckets are whole numbers of these hours from the first day of the calendar on, which was a Monday.
_HOURS = {"hour": 1, "day": 24, "week": 7 * 24}
_FIRST_MONDAY = datetime(1, 1, 1, tzinfo=timezone.utc)
GRANULARITIES = tuple(_HOURS)

# Percentiles are right to within this part of themselves.
ACCURACY = 0.01
_BASE = math.log((1 + ACCURACY) / (1 - ACCURACY))
# Anything shorter counts as nothing; n8n measures milliseconds.
_SHORTEST = 0.0005

_FAILED = frozenset({"error", "crashed"})


@dataclass
class Durations:
    """Seconds, each counted in a class whose width is a fixed part of its size, so there are some hundred classes at most."""

    count: int = 0
    total: float = 0.0
    longest: float | None = None
    _classes: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _none: int = 0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        if self.longest is None or seconds > self.longest:
            self.longest = seconds
        if seconds < _SHORTEST:
            self._none += 1
        else:
            self._classes[math.ceil(math.log(seconds) / _BASE)] += 1

    @property
    def mean(self) -> float | None:
        return round(self.total / self.count, 3) if self.count else None

    def percentile(self, part: float) -> float | None:
        """The duration that this part of all does not exceed; ``None`` where there is none."""
        if not self.count or self.longest is None:
            return None
        left = math.ceil(part * self.count) - self._none
        if left <= 0:
            return 0.0
        for number in sorted(self._classes):
            left -= self._classes[number]
            if left <= 0:
                middle = 2 * math.exp(number * _BASE) / (1 + math.exp(_BASE))
                return round(min(middle, self.longest), 3)
        return round(self.longest, 3)

    def summary(self) -> dict[str, t.Any]:
        return {
            "count": self.count,
            "mean": self.mean,
            "p50": self.percentile(0.5),
            "p95": self.percentile(0.95),
            "p99": self.percentile(0.99),
            "max": None if self.longest is None else round(self.longest, 3),
        }


@dataclass
class _Part:
    """What is counted of a workflow, or of a span of time."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    seconds: float = 0.0
    timed: int = 0
    slowest: float | None = None

    def add(self, status: str, duration: float | None) -> None:
        self.total += 1
        if status == "success":
            self.succeeded += 1
        elif status in _FAILED:
            self.failed += 1
        if duration is not None:
            self.seconds += duration
            self.timed += 1
            if self.slowest is None or duration > self.slowest:
                self.slowest = duration

    @property
    def mean(self) -> float | None:
        return round(self.seconds / self.timed, 3) if self.timed else None


@dataclass
class _Workflow(_Part):
    name: str | None = None
    last_failed: Execution | None = None

    def summary(self, workflow_id: str | None) -> dict[str, t.Any]:
        last = self.last_failed
        return {
            "workflow_id": workflow_id,
            "workflow_name": self.name,
            "total": self.total,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "success_rate": rate(self.succeeded, self.failed),
            "mean": self.mean,
            "slowest": self.slowest,
            "last_failed_id": last.id if last is not None else None,
            "last_failed_at": format_time(last.stopped_at or last.started_at) if last is not None else None,
        }


class Statistics:
    """Executions are added one by one, in any order; ``summary`` tells of all so far."""

    def __init__(self, granularity: str = "day") -> None:
        self._granularity = granularity
        self._by_status: defaultdict[str, int] = defaultdict(int)
        self._by_mode: defaultdict[str, int] = defaultdict(int)
        self._durations = Durations()
        self._workflows: defaultdict[str | None, _Workflow] = defaultdict(_Workflow)
        self._hours = _HOURS[granularity]
        self._buckets: defaultdict[int, _Part] = defaultdict(_Part)
        self._bytes: int | None = None
        self.total = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def add(self, execution: Execution) -> None:
        status, started, duration = execution.status, execution.started_at, execution.duration
        self.total += 1
        self._by_status[status] += 1
        self._by_mode[execution.mode or "unknown"] += 1
        if duration is not None:
            self._durations.add(duration if duration > 0 else 0.0)
        workflow = self._workflows[execution.workflow_id]
        workflow.add(status, duration)
        if not workflow.name:
            workflow.name = execution.workflow_name
        if status in _FAILED and (workflow.last_failed is None or execution.order > workflow.last_failed.order):
            workflow.last_failed = execution
        size = execution.extra.get("json_size_bytes")
        if isinstance(size, int):
            self._bytes = (self._bytes or 0) + size
        if started is None:
            return
        if self.first is None or started < self.first:
            self.first = started
        if self.last is None or started > self.last:
            self.last = started
        self._buckets[((started.toordinal() - 1) * 24 + started.hour) // self._hours].add(status, duration)

    def summary(self, names: t.Mapping[str, str] | None = None) -> dict[str, t.Any]:
        """Plain JSON types; times ISO 8601 in UTC, durations in seconds. ``names`` are those of workflows by id.

        The success rate is that of what came to a success or failed: canceled ones and live ones are in neither.
        """
        succeeded = self._by_status.get("success", 0)
        failed = sum(self._by_status.get(status, 0) for status in _FAILED)
        for workflow_id, workflow in self._workflows.items():
            workflow.name = workflow.name or (names or {}).get(workflow_id or "")
        ranked = sorted(self._workflows.items(), key=lambda item: (-item[1].failed, -item[1].total, item[0] or ""))
        return {
            "total": self.total,
            "by_status": dict(sorted(self._by_status.items())),
            "by_mode": dict(sorted(self._by_mode.items())),
            "succeeded": succeeded,
            "failed": failed,
            "success_rate": rate(succeeded, failed),
            "duration": self._durations.summary(),
            "granularity": self._granularity,
            "buckets": [
                {
                    "start": format_time(_FIRST_MONDAY + timedelta(hours=number * self._hours)),
                    "total": part.total,
                    "succeeded": part.succeeded,
                    "failed": part.failed,
                    "mean": part.mean,
                }
                for number, part in sorted(self._buckets.items())
            ],
            "workflows": [workflow.summary(workflow_id) for workflow_id, workflow in ranked],
            "data_bytes": self._bytes,
            "first_started_at": format_time(self.first),
            "last_started_at": format_time(self.last),
        }


def rate(succeeded: int, failed: int) -> float | None:
    """From 0 to 1; ``None`` where nothing succeeded or failed."""
    return round(succeeded / (succeeded + failed), 4) if succeeded + failed else None
