# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait until executions are over, or have a status."""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput, N8nError, NotAnN8nAnswer, NotFound
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, format_time
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    LISTED,
    Faults,
    Result,
    get_each,
    oldest,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.live import only_live, warn_of_unlisted
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient, check_seconds

# Seconds: pauses grow up to this.
PAUSE_MOST = 30.0

OPEN = "open"
REACHED = "reached"
MISSED = "missed"


@dataclass(frozen=True)
class WaitRule:
    """``for_status`` is ``None`` where only the end counts; times are in seconds."""

    selection: Selection
    for_status: frozenset[str] | None
    wait_timeout: float
    poll_interval: float

    def decide(self, execution: Execution) -> str:
        """Whether an execution is still to be waited for, has come to where it is waited for, or never will."""
        if self.for_status is not None and execution.status in self.for_status:
            return REACHED
        if execution.is_live:
            return OPEN
        return REACHED if self.for_status is None else MISSED

    def pause_after(self, pause: float) -> float:
        return max(min(2 * pause, PAUSE_MOST), self.poll_interval)


def parse(params: t.Mapping[str, t.Any], now: datetime) -> WaitRule:
    """Raises ``InvalidInput``."""
    selection = parse_selection(params, now)
    if selection.is_empty:
        raise InvalidInput(
            "Nothing selects what to wait for: name executions or filters. "
            "For whatever is live, that is status=[new, running, waiting]."
        )
    for_status = params["for_status"]
    if for_status is not None and not for_status:
        raise InvalidInput("for_status: the list is empty. Name what is waited for, or leave the option out.")
    check_seconds(params, "wait_timeout")
    check_seconds(params, "poll_interval")
    return WaitRule(
        selection=only_live(selection, "wait for"),
        for_status=None if for_status is None else frozenset(for_status),
        wait_timeout=params["wait_timeout"],
        poll_interval=params["poll_interval"],
    )


@dataclass
class _Watch:
    """What is waited for, each as it was last seen."""

    rule: WaitRule
    started: float
    names: dict[str, str] = field(default_factory=dict)
    seen: dict[str, Execution] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    not_found: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    # Why the last look at some of them failed.
    trouble: N8nError | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def deadline(self) -> float:
        return self.started + self.rule.wait_timeout

    def those(self, state: str) -> list[Execution]:
        return [execution for execution_id, execution in self.seen.items() if self.state[execution_id] == state]

    def take(self, execution: Execution) -> None:
        name = execution.workflow_name or self.names.get(execution.workflow_id or "")
        self.seen[execution.id] = execution._replace(workflow_name=name)
        self.state[execution.id] = self.rule.decide(execution)

    def lose(self, execution_id: str) -> None:
        """It is not there any more: n8n keeps no record of it, or it was deleted. Either way it is over."""
        self.gone.append(execution_id)
        del self.seen[execution_id], self.state[execution_id]

    def fail(self, execution_id: str, error: N8nError) -> None:
        if isinstance(error, NotFound):
            self.lose(execution_id)
        elif error.retryable or isinstance(error, NotAnN8nAnswer):
            # A server that is being restarted: it is looked at again, as long as there is time.
            self.trouble = error
        else:
            self.faults.add(execution_id, error)
            self.state[execution_id] = ""

    def failure(self, said: str) -> str | None:
        """What keeps the wait from having come to its end; ``None`` where it has."""
        wanted = " or ".join(sorted(self.rule.for_status)) if self.rule.for_status is not None else None
        sentences = []
        missed, still = self.those(MISSED), self.those(OPEN)
        if missed:
            sentences.append(f"Ended without having been seen {wanted}: {_list(missed)}.")
        if wanted is not None and self.gone:
            sentences.append(f"{plural(len(self.gone))} went without a record, {self.gone[0]} first: never seen {wanted}.")
        if wanted is not None and self.not_found:
            sentences.append(f"{self.not_found[0]} is not there or not visible to this key, so it cannot come to be {wanted}.")
        if still:
            sentences.append(f"Still open after {self.rule.wait_timeout:g} s: {_list(still)}.")
            if self.trouble is not None:
                sentences.append(f"The last look failed: {self.trouble}")
        return " ".join([*sentences, said]) if sentences else None

    def sentence(self) -> str:
        open_now = self.those(OPEN)
        reached = len(self.those(REACHED))
        said = f"{plural(reached)} {'over' if self.rule.for_status is None else 'there'}, {len(open_now)} open"
        if self.gone:
            said += f", {len(self.gone)} gone without a record"
        if self.not_found:
            said += f", {len(self.not_found)} not there or not visible to this key"
        return said + "."

    def result(self, check_mode: bool) -> Result:
        everything = sorted(self.seen.values(), key=lambda execution: execution.order)
        failure = self.faults.sentence(self.sentence())
        if failure is None and not check_mode:
            failure = self.failure(self.sentence())
        facts = self.faults.fields()
        if failure is not None and not facts and self.trouble is not None and self.those(OPEN):
            facts = self.trouble.fields()
        return Result(
            changed=False,
            values={
                "executions": [execution.record() for execution in everything[:LISTED]],
                "count": len(everything),
                "by_status": dict(sorted(Counter(execution.status for execution in everything).items())),
                "open": [_brief(execution) for execution in _sorted(self.those(OPEN))[:LISTED]],
                "missed": [_brief(execution) for execution in _sorted(self.those(MISSED))[:LISTED]],
                "gone": self.gone[:LISTED],
                "not_found": self.not_found[:LISTED],
                "elapsed": round(time.monotonic() - self.started, 1),
                "errors": self.faults.items,
                "msg": self.sentence(),
                **facts,
            },
            warnings=self._all_warnings(),
            failure=failure,
        )

    def _all_warnings(self) -> list[str]:
        warnings = list(self.warnings)
        if self.gone:
            warnings.append(
                f"{plural(len(self.gone))} disappeared while being waited for, {self.gone[0]} first: n8n keeps no record of "
                "them, or somebody deleted them. How they ended is not known."
            )
        if self.not_found:
            warnings.append(f"{plural(len(self.not_found))} not there or not visible to this key, {self.not_found[0]} first.")
        return warnings


def _sorted(executions: list[Execution]) -> list[Execution]:
    return sorted(executions, key=lambda execution: execution.order)


def _list(executions: list[Execution]) -> str:
    told = ", ".join(f"{one.id} ({one.status})" for one in _sorted(executions)[:5])
    more = f" and {len(executions) - 5} more" if len(executions) > 5 else ""
    return f"{plural(len(executions))}, {told}{more}"


def _brief(execution: Execution) -> dict[str, t.Any]:
    """What it is, and since when: a waiting one since it began to wait, one that is over since its end."""
    since = execution.started_at if execution.status == "running" else execution.stopped_at or execution.started_at
    return {
        "id": execution.id,
        "workflow_id": execution.workflow_id,
        "workflow_name": execution.workflow_name,
        "status": execution.status,
        "since": format_time(since),
    }


def carry_out(client: N8nClient, rule: WaitRule, check_mode: bool) -> Result:
    """Wait for the executions that are selected at the start. In check mode they are looked at once."""
    watch = _Watch(rule, time.monotonic())
    selection, watch.names = resolve_workflows(client, rule.selection)
    try:
        _begin(client, watch, selection)
    except N8nError as error:
        watch.faults.end = error
    if not check_mode:
        _poll(client, watch)
    return watch.result(check_mode)


def _begin(client: N8nClient, watch: _Watch, selection: Selection) -> None:
    """See what there is to wait for."""
    if selection.ids is not None:
        found, watch.not_found = get_each(client, selection.ids, watch.faults)
    else:
        listed = client.executions(selection)
        found = list(listed) if selection.limit is None else oldest(listed, selection.limit)[0]
        watch.warnings += warn_of_unlisted(client, selection)
    for execution in found:
        watch.take(execution)


def _poll(client: N8nClient, watch: _Watch) -> None:
    pause = watch.rule.poll_interval
    while True:
        still = [execution.id for execution in _sorted(watch.those(OPEN))]
        left = watch.deadline - time.monotonic()
        if not still or watch.faults.end is not None or left <= 0:
            return
        time.sleep(min(pause, left))
        pause = watch.rule.pause_after(pause)
        watch.trouble = None
        for execution_id, seen in client.each(client.get, still):
            if isinstance(seen, N8nError):
                watch.fail(execution_id, seen)
            else:
                watch.take(seen)
