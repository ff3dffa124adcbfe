# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at an instance again and again, and tell what has happened since: started, waiting, finished, failed."""

from __future__ import annotations

import copy
import itertools
import json
import os
import typing as t
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from ansible_collections.flowops.n8n.plugins.module_utils._digest import digest_of
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._execution import (
    LIVE,
    Execution,
    format_time,
    order_of,
    parse_time,
)
from ansible_collections.flowops.n8n.plugins.module_utils._files import WholeFile, check_target
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Faults, get_each, resolve_workflows
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient, check_seconds

KINDS = ("started", "waiting", "finished", "failed")

# What is live and has a list of its own on every server; what is new has one from n8n 2.13 on.
LISTED_WHILE_LIVE = frozenset({"running", "waiting"})
# The newest rows that every look reads again, for what n8n makes visible out of order; one page holds them and some more.
WINDOW = 200
# Executions that a look reads one by one at the most; the others have their turn at the next.
MOST_READ = 100
# How often n8n must say that an id is not there: one that was handed out becomes visible a moment later.
LOOKS_AT_A_GAP = 2
MOST_GAPS = 1000


@dataclass(frozen=True)
class WatchRule:
    """``since`` counts for the first look only: what started later is told of, though it happened before that."""

    selection: Selection
    kinds: frozenset[str]
    since: datetime | None
    digest: bool
    poll_interval: float
    state_path: str | None


def parse(params: t.Mapping[str, t.Any], now: datetime) -> WatchRule:
    """Raises ``InvalidInput``."""
    selection = parse_selection(params, now)
    if not params["events"]:
        raise InvalidInput("events: the list is empty. Name what is to be told of, or leave the option out.")
    check_seconds(params, "poll_interval")
    if params["state_path"] is not None:
        check_target("state_path", params["state_path"])
    return WatchRule(
        selection=replace(selection, started_after=None),
        kinds=frozenset(params["events"]),
        since=selection.started_after,
        digest=params["digest"],
        poll_interval=params["poll_interval"],
        state_path=params["state_path"],
    )


@dataclass(frozen=True)
class Event:
    """Something that happened to an execution. ``key`` is the same whenever and by whomever it is told."""

    kind: str
    instance: str
    execution: Execution

    @property
    def key(self) -> str:
        return f"{self.instance}#{self.execution.id}:{_mark(self.kind, self.execution)}"

    def record(self) -> dict[str, t.Any]:
        """Plain JSON types; the execution as modules return it."""
        return {"kind": self.kind, "key": self.key, "instance": self.instance, "execution": self.execution.record()}


def _mark(kind: str, execution: Execution) -> str:
    """What tells the events of one execution apart: it may wait several times, each since another moment."""
    return f"waiting:{format_time(execution.stopped_at or execution.wait_till)}" if kind == "waiting" else kind


def _kinds(execution: Execution) -> list[str]:
    """What has happened to it up to now, in order."""
    kinds = ["started"] if execution.started_at is not None and execution.status != "new" else []
    if execution.status == "waiting":
        kinds.append("waiting")
    elif not execution.is_live:
        kinds.append("failed" if execution.status in ("crashed", "error") else "finished")
    return kinds


def _happened(event: Event) -> tuple[float, int, int]:
    """The order in which events are told: by time as far as it is known, then by id."""
    execution = event.execution
    moment = execution.started_at if event.kind == "started" else execution.stopped_at
    return (moment.timestamp() if moment else float("inf"), execution.order, KINDS.index(event.kind))


@dataclass
class Place:
    """How far a watch has come: all that it must remember, however long it goes on.

    ``floor`` is the place in the server's order down to which every look reads. ``over`` are the executions from there on
    that have ended, with their place and their start; ``live`` those whose end is still to come, with what has been told of
    each; ``gaps`` are ids that were handed out and not seen yet, with how often n8n denied them. The first ones in ``live``
    and ``gaps`` have waited longest for their turn. ``newest`` and ``last_start`` are the highest place and the latest start.
    """

    floor: int = 0
    newest: int = 0
    last_start: str | None = None
    over: dict[str, list[t.Any]] = field(default_factory=dict)
    live: dict[str, list[str]] = field(default_factory=dict)
    gaps: dict[str, int] = field(default_factory=dict)

    def take(self, execution: Execution) -> list[str]:
        """Take note of an execution as it is now; the kinds of what is new about it."""
        self.gaps.pop(execution.id, None)
        start = format_time(execution.started_at)
        ended = [execution.order, start]
        if self.over.get(execution.id) == ended:
            return []
        told = self.live.pop(execution.id, [])
        new = [kind for kind in _kinds(execution) if _mark(kind, execution) not in told]
        if execution.is_live:
            self.live[execution.id] = [*told, *(_mark(kind, execution) for kind in new)]
        else:
            self.over[execution.id] = ended
        self.newest = max(self.newest, execution.order)
        if start is not None:
            self.last_start = max(start, self.last_start or start)
        return new

    def forget(self) -> None:
        """Let go of what no look will meet again."""
        orders = sorted((order for order, _start in self.over.values()), reverse=True)
        if len(orders) >= WINDOW:
            self.floor = max(self.floor, orders[WINDOW - 1])
        self.over = {one: ended for one, ended in self.over.items() if ended[0] >= self.floor}
        self.gaps = dict(list(self.gaps.items())[-MOST_GAPS:])


class Watch:
    """The executions of one instance over time. ``place`` is None until it has looked for the first time."""

    def __init__(self, client: N8nClient, rule: WatchRule) -> None:
        self._client = client
        self._rule = rule
        self._selection: Selection | None = None
        self._listed_while_live = LISTED_WHILE_LIVE
        # Whether this server lists nowhere what waits, so that each id must be asked for.
        self._hides_what_waits = False
        # What could not be read at the last look, and does not keep the watch from going on.
        self.warnings: list[str] = []
        self.place: Place | None = None if rule.state_path is None else _load(rule.state_path, self._belongs_to())

    def look(self) -> list[Event]:
        """What has happened since the last look, in order. Raises ``N8nError``, and then nothing counts as told."""
        self.warnings = []
        selection = self._begin()
        if self.place is None:
            events, place = self._first_look(selection, self._rule.since)
        else:
            events, place = self._next_look(selection, copy.deepcopy(self.place))
        place.forget()
        events = self._explain(sorted((one for one in events if one.kind in self._rule.kinds), key=_happened))
        self.place = place
        return events

    def save(self) -> None:
        """Keep the place for a later run, if a file is named for it. Raises ``NotWritten``."""
        if self._rule.state_path is None or self.place is None:
            return
        with WholeFile(self._rule.state_path, check_mode=False) as file:
            file.write(json.dumps({"watch": self._belongs_to(), "place": asdict(self.place)}))
            file.finish()

    def _belongs_to(self) -> dict[str, t.Any]:
        """A place in the history of one instance, or of some workflows, means nothing for another."""
        selection = self._rule.selection
        return {
            "instance": self._client.connection.url,
            "workflow": sorted(selection.workflows or ()),
            "exclude_workflow": sorted(selection.exclude_workflows),
            "project": selection.project,
            "mode": sorted(selection.modes or ()),
        }

    def _begin(self) -> Selection:
        """What is watched, with ids in place of names; found out once, as soon as the server answers."""
        if self._selection is None:
            selection, _names = resolve_workflows(self._client, self._rule.selection)
            lists_what_waits = self._client.lists_what_waits()
            self._listed_while_live = LIVE if lists_what_waits else LISTED_WHILE_LIVE
            # Which project an execution is of, only a list can tell.
            self._hides_what_waits = selection.project is None and not lists_what_waits
            self._selection = selection
        return self._selection

    def _first_look(self, selection: Selection, since: datetime | None) -> tuple[list[Event], Place]:
        """Learn what there is. Only what started since then is told of."""
        place = Place()
        told: dict[str, Execution] = {}
        if since is not None:
            told = {one.id: one for one in self._client.executions(replace(selection, started_after=since))}
        # What is live has its lists first: what ends meanwhile is then seen again, not missed. A queue may be longer than what
        # is read of the newest.
        known = {one.id: one for one in self._client.executions(selection.with_statuses(self._listed_while_live))}
        newest = list(itertools.islice(self._client.executions(_listed(selection)), WINDOW))
        place.floor = newest[-1].order if len(newest) == WINDOW else 0
        known.update((one.id, one) for one in newest)
        for execution in known.values():
            if execution.id not in told:
                self._take(place, execution)
        return [event for execution in told.values() for event in self._take(place, execution)], place

    def _next_look(self, selection: Selection, place: Place) -> tuple[list[Event], Place]:
        newest_before = place.newest
        known = {one.id: one for one in self._client.executions(_listed(selection), place.floor)}
        if not known and self._begins_anew(selection, place):
            self.warnings.append("The ids of this n8n have begun anew, so the watch does, too.")
            # The last one told of may be among those that were restored.
            return self._first_look(selection, parse_time(place.last_start or "") + timedelta(milliseconds=1))
        missing = [one for one in place.live if one not in known]
        if missing:
            # Of those that are live for long the lists tell with fewer requests; down to the oldest that is wanted, since a
            # server that knows no such list has only the one of everything.
            live = selection.with_statuses(self._listed_while_live)
            for execution in self._client.executions(live, min(order_of(one) for one in missing)):
                known.setdefault(execution.id, execution)
        events = [event for execution in known.values() for event in self._take(place, execution)]
        if self._hides_what_waits and newest_before:
            numbers = range(newest_before + 1, place.newest)
            place.gaps.update((str(number), 0) for number in numbers if str(number) not in known)
            if len(place.gaps) > MOST_GAPS:
                self.warnings.append(
                    f"{len(place.gaps)} ids are to be asked for, more than a watch keeps up with; the newest {MOST_GAPS} are. "
                    "If one of the others waits, what becomes of it is not told."
                )
        events += self._read_the_unlisted(place, known)
        return [*events, *(self._read_beyond(place) if self._hides_what_waits and newest_before else [])], place

    def _take(self, place: Place, execution: Execution) -> list[Event]:
        kinds = place.take(execution)
        if self._selection is not None and not self._selection.matches(execution):
            place.live.pop(execution.id, None)
            return []
        return [Event(kind, self._client.connection.url, execution) for kind in kinds]

    def _read_the_unlisted(self, place: Place, known: t.Mapping[str, Execution]) -> list[Event]:
        """What was live and is in no list, and what no list has shown so far: each is read by its id."""
        unlisted = [one for one in place.live if one not in known][:MOST_READ]
        found, absent = self._read([*unlisted, *list(place.gaps)[:MOST_READ]])
        for execution_id in absent:
            # What its workflow does not save is gone at its end, and nobody learns how that was.
            place.live.pop(execution_id, None)
            denied = place.gaps.pop(execution_id, LOOKS_AT_A_GAP) + 1
            if denied < LOOKS_AT_A_GAP:
                place.gaps[execution_id] = denied
        return [event for execution in found for event in self._take(place, execution)]

    def _read_beyond(self, place: Place) -> list[Event]:
        """What has begun to wait since the newest that any list shows, as long as one id follows the other."""
        events: list[Event] = []
        for _unused in range(MOST_READ):
            found, _absent = self._read([str(place.newest + 1)])
            if not found:
                break
            events += self._take(place, found[0])
        return events

    def _read(self, execution_ids: list[str]) -> tuple[list[Execution], list[str]]:
        """Those of these that are there, and the ids of those that are not; one that cannot be read is warned of."""
        faults = Faults()
        found, absent = get_each(self._client, execution_ids, faults)
        if faults.end is not None:
            raise faults.end
        self.warnings += [f"Execution {item['id']} could not be read: {item['msg']}" for item in faults.items]
        return found, absent

    def _begins_anew(self, selection: Selection, place: Place) -> bool:
        """Whether later executions have lower ids, as after a restored backup."""
        newest = next(iter(self._client.executions(_listed(selection))), None)
        if newest is None or newest.started_at is None or place.last_start is None:
            return False
        return newest.order < place.floor and newest.started_at > parse_time(place.last_start)

    def _explain(self, events: list[Event]) -> list[Event]:
        """The same, with a digest of what failed, where that is asked for and can be had."""
        if not self._rule.digest:
            return events
        faults = Faults()
        failed = [event.execution.id for event in events if event.kind == "failed"]
        found, _vanished = get_each(self._client, failed, faults, include_data=True, shape=_with_digest)
        if faults.end is not None and faults.end.retryable:
            raise faults.end
        self.warnings += [f"The digest of execution {item['id']} could not be made: {item['msg']}" for item in faults.items]
        explained = {one.id: one for one in found}
        return [
            replace(event, execution=explained.get(event.execution.id, event.execution)) if event.kind == "failed" else event
            for event in events
        ]


def _listed(selection: Selection) -> Selection:
    """What every look reads: by what servers filter, and no more, so that it ends after as many rows as it should."""
    return replace(selection, modes=None, exclude_workflows=())


def _with_digest(execution: Execution) -> Execution:
    kept = {key: value for key, value in execution.extra.items() if key not in ("custom_data", "error")}
    return execution._replace(data=None, extra={**kept, "digest": digest_of(execution)})


def _load(path: str, belongs_to: dict[str, t.Any]) -> Place | None:
    """The place that an earlier run has kept, if there was one. Raises ``InvalidInput`` for anything else in that file."""
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
        whose, place = kept["watch"], Place(**kept["place"])
        whole = isinstance(place.floor, int) and isinstance(place.newest, int) and isinstance(whose, dict)
        if not whole or not all(isinstance(one, dict) for one in (place.over, place.live, place.gaps)):
            raise ValueError("it lacks what a watch needs")
        if place.last_start is not None:
            parse_time(place.last_start)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"state_path: {path} cannot be read as the place of a watch: {error}. Remove it to begin anew; what happened "
            "meanwhile is then told only as far as newer_than reaches back."
        ) from None
    if whose != belongs_to:
        raise InvalidInput(
            f"state_path: {path} is of another watch, {json.dumps(whose)}. Name a file for each, or remove it to begin anew."
        )
    return place
