# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop live executions, and see that they are over."""

from __future__ import annotations

import itertools
import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    Forbidden,
    InvalidInput,
    N8nError,
    NoSuchRoute,
    NotConnected,
    NotFound,
    Unauthorized,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, shifted
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    LISTED,
    Faults,
    Result,
    describe,
    get_each,
    oldest,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.live import only_live, warn_of_unlisted
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection_to
from ansible_collections.flowops.n8n.plugins.module_utils._wire import StopQuery
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# A worker of a queue may take a moment to let go, and may finish with success all the same.
PATIENCE = 10.0
# Where n8n refused, this is only for an end that came at the same moment.
PATIENCE_REFUSED = 1.0
POLL = 0.25

# From so many on, one call for all of them is worth it.
MANY = 5
# Seconds that n8n is given for each of them before it answers such a call.
SECONDS_EACH = 0.2

STOPPED = "stopped"
FINISHED_MEANWHILE = "finished_meanwhile"
GONE = "gone"


class NotStopped(N8nError):
    """It was asked to stop and has not."""


def stop_and_verify(client: N8nClient, execution: Execution, stopped: list[str]) -> Execution:
    """The execution as it is once it is over. Raises ``NotStopped``, or ``NotFound`` if it is gone altogether.

    Its id is noted in ``stopped`` as soon as n8n has accepted, whatever comes of it.

    n8n refuses to stop what is over in three different ways, by version, so its
    refusal is not read: the execution is.
    """
    refusal: N8nError | None = None
    try:
        client.stop(execution.id)
        stopped.append(execution.id)
    except (NotFound, NoSuchRoute):
        raise
    except N8nError as error:
        if error.condemns_all:
            raise
        refusal = error
    deadline = time.monotonic() + (PATIENCE if refusal is None else PATIENCE_REFUSED)
    while True:
        now = client.get(execution.id)
        if not now.is_live:
            return now
        if time.monotonic() >= deadline:
            said = f" n8n said: {refusal}" if refusal else ""
            raise NotStopped(
                f"execution {execution.id} is still {now.status} after it was asked to stop.{said}",
                status=refusal.status if refusal else None,
                api_message=refusal.api_message if refusal else None,
            )
        time.sleep(POLL)


@dataclass(frozen=True)
class StopRule:
    selection: Selection
    abort_above: int | None

    def queries(self) -> list[StopQuery]:
        """Calls that stop many and together mean exactly the live executions that the selection means; none where none do."""
        wanted = self.selection
        same = Selection(
            now=wanted.now,
            workflows=wanted.workflows,
            statuses=wanted.statuses,
            started_after=wanted.started_after,
            started_before=wanted.started_before,
        )
        if wanted != same or self.abort_above is not None:
            return []
        query = StopQuery(
            statuses=tuple(sorted(wanted.live_statuses)),
            started_after=_whole_milliseconds(wanted.started_after),
            started_before=wanted.started_before,
        )
        return [replace(query, workflow=workflow) for workflow in wanted.workflows or (None,)]


def _whole_milliseconds(moment: datetime | None) -> datetime | None:
    """The first one not before this: n8n's times have no more, and what goes out is cut off after them."""
    return None if moment is None else shifted(moment, timedelta(microseconds=-moment.microsecond % 1000))


def parse(params: t.Mapping[str, t.Any], now: datetime) -> StopRule:
    """Raises ``InvalidInput``."""
    selection = only_live(parse_selection_to("stop", params, now), "stop")
    if params["abort_above"] is not None and params["abort_above"] < 0:
        raise InvalidInput("abort_above: a number of executions is wanted, 0 or more.")
    return StopRule(selection=selection, abort_above=params["abort_above"])


@dataclass
class _Tally:
    """What was done, or in check mode would be."""

    check_mode: bool
    names: dict[str, str] = field(default_factory=dict)
    matched: int = 0
    already_over: int = 0
    not_found: list[str] = field(default_factory=list)
    more_remaining: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)
    besides: int = 0
    # What was stopped: as it was, as it is now, and what is told of it.
    shown: list[tuple[Execution, Execution | None, dict[str, t.Any]]] = field(default_factory=list)
    # What n8n has accepted to stop: one by one, by id, and how many by calls for many.
    accepted: list[str] = field(default_factory=list)
    accepted_many: int = 0
    in_doubt: int = 0
    warnings: list[str] = field(default_factory=list)
    refusal: str | None = None
    faults: Faults = field(default_factory=Faults)

    def over(self, execution: Execution, now: Execution | None) -> None:
        """It was live and is over now; ``None`` where n8n has kept no record of it."""
        outcome = GONE if now is None else STOPPED if now.status == "canceled" else FINISHED_MEANWHILE
        self.outcomes[outcome] += 1
        if now is None:
            self._doubt(execution)
        if len(self.shown) < LISTED:
            record = {
                "id": execution.id,
                "workflow_id": execution.workflow_id,
                "workflow_name": self._name(execution),
                "outcome": outcome,
                "status_before": execution.status,
                "status": now.status if now is not None else None,
            }
            self.shown.append((execution, now, record))

    def _name(self, execution: Execution) -> str | None:
        return execution.workflow_name or self.names.get(execution.workflow_id or "")

    def _line(self, execution: Execution) -> str:
        return describe(execution._replace(workflow_name=self._name(execution)))

    def fail(self, execution: Execution, error: N8nError) -> None:
        if isinstance(error, NotFound):
            self.over(execution, None)
        else:
            self.faults.add(execution.id, error)
            self._doubt(execution)

    def _doubt(self, execution: Execution) -> None:
        """n8n has accepted to stop it, and what came of that was not seen."""
        if execution.id in self.accepted or self.accepted_many:
            self.in_doubt += 1

    def sentence(self) -> str:
        said = f"{'Would stop' if self.check_mode else 'Stopped'} {plural(self.outcomes[STOPPED])}"
        if self.besides:
            said += f", {self.besides} more that had begun meanwhile"
        if self.outcomes[FINISHED_MEANWHILE]:
            said += f", {self.outcomes[FINISHED_MEANWHILE]} finished meanwhile"
        if self.outcomes[GONE]:
            said += f", {self.outcomes[GONE]} gone without a record"
        if self.already_over:
            said += f", {self.already_over} over already"
        if self.not_found:
            said += f", {len(self.not_found)} not there or not visible to this key"
        if self.more_remaining:
            said += "; more remain"
        return said + "."

    def result(self) -> Result:
        # Several at once end in any order.
        shown = sorted(self.shown, key=lambda one: one[0].order)
        stopped = [(before, now or before) for before, now, record in shown if record["outcome"] == STOPPED]
        values: dict[str, t.Any] = {
            "matched": self.matched,
            "stopped": self.outcomes[STOPPED],
            "stopped_besides": self.besides,
            "finished_meanwhile": self.outcomes[FINISHED_MEANWHILE],
            "gone": self.outcomes[GONE],
            "already_over": self.already_over,
            "executions": [record for _before, _now, record in shown],
            "not_found": self.not_found[:LISTED],
            "more_remaining": self.more_remaining,
            "errors": self.faults.items,
            "msg": self.sentence(),
            **self.faults.fields(),
        }
        hidden = self.outcomes[STOPPED] - len(stopped)
        more = f"... and {hidden} more\n" if hidden else ""
        diff = {
            "before_header": "executions",
            "after_header": "executions",
            "before": "".join(f"{self._line(before)}\n" for before, _now in stopped) + more,
            "after": "".join(f"{self._line(now)}\n" for _before, now in stopped) + more,
        }
        return Result(
            changed=bool(self.outcomes[STOPPED] or self.besides or self.in_doubt or (self.accepted_many and self.faults.end)),
            values=values,
            diff=diff,
            warnings=self.warnings,
            failure=self.refusal or self.faults.sentence(self.sentence()),
        )


def carry_out(client: N8nClient, rule: StopRule, check_mode: bool) -> Result:
    """Stop what the rule means. In check mode it is only counted, and seen whether the server could."""
    tally = _Tally(check_mode)
    selection, tally.names = resolve_workflows(client, rule.selection)
    rule = replace(rule, selection=selection)
    try:
        wanted = _wanted(client, rule, tally)
        if tally.refusal is not None:
            return tally.result()
        if not wanted:
            tally.warnings += warn_of_unlisted(client, selection)
        elif check_mode:
            _make_sure_that_it_can(client, wanted[0])
            for execution in wanted:
                tally.over(execution, execution._replace(status="canceled"))
        else:
            _stop_all(client, rule, wanted, tally)
    except N8nError as error:
        tally.faults.end = error
    return tally.result()


def _wanted(client: N8nClient, rule: StopRule, tally: _Tally) -> list[Execution]:
    """The live executions to be stopped, oldest first."""
    selection = rule.selection
    if selection.ids is not None:
        found, tally.not_found = get_each(client, selection.ids, tally.faults)
        if tally.faults.end is not None:
            raise tally.faults.end
        wanted = sorted((one for one in found if one.is_live), key=lambda one: one.order)
        tally.already_over = len(found) - len(wanted)
        tally.matched = len(wanted)
        if rule.abort_above is not None and len(wanted) > rule.abort_above:
            tally.refusal = _refusal(rule.abort_above)
        return wanted
    matching = client.executions(selection)
    if rule.abort_above is not None:
        held = list(itertools.islice(matching, rule.abort_above + 1))
        if len(held) > rule.abort_above:
            tally.matched = len(held)
            tally.refusal = _refusal(rule.abort_above)
            return []
        matching = iter(held)
    everything = list(matching)
    tally.matched = len(everything)
    wanted, tally.more_remaining = oldest(everything, selection.limit or tally.matched)
    return wanted


def _refusal(most: int) -> str:
    return (
        f"Nothing was stopped: more than {most} executions match, and abort_above={most} forbids that. "
        "Narrow the selection, cut it by limit, or raise abort_above."
    )


def _make_sure_that_it_can(client: N8nClient, execution: Execution) -> None:
    if not client.can_stop(execution.id):
        raise NoSuchRoute("This n8n cannot stop executions by its API. That needs n8n 2.10 or newer.")


def _stop_all(client: N8nClient, rule: StopRule, wanted: list[Execution], tally: _Tally) -> None:
    if client.stops_many and len(wanted) >= MANY:
        for query in rule.queries():
            tally.accepted_many += _stop_by(client, query, len(wanted))
    for execution, outcome in client.each(lambda execution: _stop(client, execution, tally), wanted):
        if isinstance(outcome, N8nError):
            tally.fail(execution, outcome)
        else:
            tally.over(execution, outcome)
    # What n8n says that it has stopped in bulk may be more than was listed before.
    tally.besides = max(tally.accepted_many - sum(tally.outcomes.values()) - tally.faults.count, 0)


def _stop_by(client: N8nClient, query: StopQuery, count: int) -> int:
    """How many n8n says it has stopped. Whatever leaves that open is settled afterwards, one by one."""
    try:
        return client.stop_many(query, max(client.connection.timeout, SECONDS_EACH * count))
    except (Forbidden, NoSuchRoute, NotConnected, Unauthorized):
        raise
    except N8nError:
        return 0


def _stop(client: N8nClient, execution: Execution, tally: _Tally) -> Execution:
    if tally.accepted_many:
        now = client.get(execution.id)
        if not now.is_live:
            return now
    return stop_and_verify(client, execution, tally.accepted)
