"""Much at once and for long: cleanups of several instances, readers beside a cleanup, and a day of looking for events."""

from __future__ import annotations

import asyncio
import gc
import heapq
import json
import os
import runpy
import sqlite3
import tempfile
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from ansible_collections.flowops.n8n.plugins.module_utils._dialects import n8n
from ansible_collections.flowops.n8n.plugins.module_utils._module import perform
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete, export, info, stats
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result

from tests.faults.world import LIVE, PROFILES
from tests.integration.listening import PATH
from tests.simulator.seed import Row, insert_executions
from tests.simulator.server import NEWEST, Simulator, running
from tests.simulator.store import stamp
from tests.unit import rows

INSTANCES = 8
READERS = 50
AT_ONCE = 4

# Seconds between two looks, if nobody tells the source otherwise.
INTERVAL = 10.0
# Almost an hour; `make soak` makes a day of it.
LOOKS = int(os.environ.get("N8N_LOOKS", "300"))
# Memory is traced over the last looks only, since a look takes three times as long then. After so many of them all that is
# remembered of the newest executions is of the time of the trace.
TRACED, SETTLED = 160, 70
# What belongs to the simulator or the test, and a cache of Python's that is full some time.
NOT_OF_THE_SOURCE = ("*/tests/*", "*/uvicorn/*", "*/starlette/*", "*/tracemalloc.py", "*/urllib/parse.py")
# What chance makes of it is less; the keys of events, if they were kept, would be more.
MOST_GROWTH = 40 * 1024

Stored = dict[str, Any]


def sql(simulator: Simulator, statement: str, *values: object) -> list[Stored]:
    with closing(sqlite3.connect(simulator.database, timeout=30)) as database:
        database.row_factory = sqlite3.Row
        with database:
            return [dict(row) for row in database.execute(statement, values)]


def executions(simulator: Simulator) -> dict[int, Stored]:
    return {row["id"]: row for row in sql(simulator, "SELECT * FROM execution_entity ORDER BY id")}


def connection(simulator: Simulator) -> dict[str, Any]:
    return rows.connection_params(url=simulator.url, api_key=simulator.api_key, concurrency=AT_ONCE)


@dataclass
class Cleanup:
    """A cleanup of what ended before some execution began, of which some that are live stay."""

    simulator: Simulator
    before: dict[int, Stored]
    meant: set[int]
    params: dict[str, Any]

    def run(self) -> Result:
        return perform(delete, self.params, False)

    def judge(self, result: Result) -> None:
        """Hold the result against the database."""
        after = executions(self.simulator)
        assert self.before.keys() - after.keys() == self.meant
        assert after == {number: row for number, row in self.before.items() if number not in self.meant}
        assert result.failure is None
        assert result.changed
        assert {key: result.values[key] for key in ("matched", "deleted", "kept", "not_found", "errors", "more_remaining")} == {
            "matched": len(self.meant),
            "deleted": len(self.meant),
            "kept": 0,
            "not_found": [],
            "errors": [],
            "more_remaining": False,
        }
        assert sorted(result.values["deleted_ids"], key=int) == [str(number) for number in sorted(self.meant)]
        assert result.values["by_status"] == Counter(self.before[number]["status"] for number in self.meant)


def cleanup(simulator: Simulator, count: int) -> Cleanup:
    """One of the oldest ``count`` executions."""
    sql(simulator, "UPDATE execution_entity SET status = 'running', stoppedAt = NULL, finished = FALSE WHERE id IN (5, 60)")
    sql(simulator, "UPDATE execution_entity SET status = 'waiting', finished = FALSE WHERE id IN (6, 61)")
    before = executions(simulator)
    # In the middle between two, which are hours apart: time goes by while it works.
    last, first = (datetime.fromisoformat(before[number]["startedAt"]) for number in (count, count + 1))
    age = datetime.now(timezone.utc) - (last + (first - last) / 2).replace(tzinfo=timezone.utc)
    meant = {number for number, row in before.items() if number <= count and row["status"] not in LIVE}
    params = {**connection(simulator), **rows.delete_params(older_than=f"{age.total_seconds():.0f}s")}
    return Cleanup(simulator, before, meant, params)


def test_cleanups_of_eight_instances_at_once_each_keep_to_their_own() -> None:
    """The ids of all begin with 1, and each is to lose others: what went astray would be missing, or gone, somewhere."""
    with ExitStack() as stack:
        simulators = [
            stack.enter_context(running(PROFILES[number % len(PROFILES)], seed=300 + number)) for number in range(INSTANCES)
        ]
        cleanups = [cleanup(simulator, 100 + 20 * number) for number, simulator in enumerate(simulators)]
        ready = threading.Barrier(INSTANCES)

        def run(one: Cleanup) -> Result:
            ready.wait()
            return one.run()

        with ThreadPoolExecutor(INSTANCES) as pool:
            results = list(pool.map(run, cleanups))
        for one, result in zip(cleanups, results, strict=True):
            one.judge(result)
            calls = list(one.simulator.calls)
            # Each knows its own key only.
            assert [call for call in calls if call.status in (0, 401, 403)] == []
            writes = sorted((call.method, call.path) for call in calls if call.method != "GET")
            assert writes == sorted(("DELETE", f"/api/v1/executions/{number}") for number in one.meant)
            # n8n ends one that nobody has used for five seconds, as they pass on a busy machine.
            assert one.simulator.connections <= 2 * AT_ONCE
            assert {call.connection for call in calls} == set(range(1, one.simulator.connections + 1))
        began = max(simulator.calls[0].at for simulator in simulators)
        assert all(simulator.calls[-1].at > began for simulator in simulators), "they were not at work at once"


@contextmanager
def pages_of(size: int) -> Iterator[None]:
    """Such that a short history has as many as are read at once."""
    with patch.object(n8n, "PAGE_SIZE", size), patch.object(n8n.N8n, "page_size", size):
        yield


@dataclass(frozen=True)
class Question:
    """What a reader asks for, and whether a row is meant by it."""

    operation: Any
    options: dict[str, Any]
    means: Callable[[Stored], bool]

    def ask(self, simulator: Simulator) -> Answer:
        result = perform(self.operation, {**connection(simulator), **self.options}, False)
        if self.operation is stats:
            return Answer(self, result, None)
        if self.operation is export:
            lines = Path(self.options["path"]).read_text(encoding="utf-8").splitlines()
            return Answer(self, result, [json.loads(line) for line in lines])
        return Answer(self, result, result.values["executions"])


@dataclass(frozen=True)
class Answer:
    """What a reader got; ``records`` is None where they were counted only."""

    question: Question
    result: Result
    records: list[dict[str, Any]] | None

    def ids(self) -> set[int]:
        return {int(record["id"]) for record in self.records or ()}

    def wrong(self, before: dict[int, Stored], after: dict[int, Stored]) -> Iterator[str]:
        """What is wrong with it, whichever of the executions were still there when it was asked for."""
        values = self.result.values
        most = {number for number, row in before.items() if self.question.means(row)}
        least = most & after.keys()
        if self.result.failure is not None or self.result.warnings or values["errors"]:
            yield f"it says {self.result.failure}, {self.result.warnings}, {values['errors']}"
        if self.records is None:
            if not len(least) <= values["statistics"]["total"] <= len(most) or not values["window"]["complete"]:
                yield f"it counted {values['statistics']['total']}, of {len(least)} to {len(most)}: {values['window']}"
            return
        found = self.ids()
        if len(found) != len(self.records):
            yield f"there are {len(self.records)} records of {len(found)} executions"
        if not least <= found <= most:
            yield f"{sorted(least - found)} were there and are missing, {sorted(found - most)} were never meant"
        if values["count"] != len(self.records) or values.get("truncated"):
            yield f"it says {values['count']} for {len(self.records)}, truncated: {values.get('truncated')}"
        # Who names them is told of each.
        absent = most - found if self.question.options["execution_id"] else set()
        if {int(one) for one in values["not_found"]} != absent:
            yield f"it says that {values['not_found']} are not there instead of {sorted(absent)}"
        for record in self.records:
            row = before.get(int(record["id"]), {})
            if (record["status"], record["workflow_id"]) != (row.get("status"), row.get("workflowId")):
                yield f"{record} is not {row}"


def questions(simulator: Simulator, folder: Path) -> list[Question]:
    """One for each reader; their workflows are named, so that those are asked for too."""
    (first, second) = sql(simulator, "SELECT id, name FROM workflow_entity ORDER BY id LIMIT 2")
    ids = [str(number) for number in range(1, 600, 9)]
    kinds: list[tuple[Any, dict[str, Any], Callable[[Stored], bool]]] = [
        (info, rows.info_params(limit=1000), lambda _row: True),
        (info, rows.info_params(limit=1000, status=["error", "crashed"]), lambda row: row["status"] in ("error", "crashed")),
        (info, rows.info_params(limit=1000, workflow=[first["name"]]), lambda row: row["workflowId"] == first["id"]),
        (info, rows.info_params(execution_id=ids), lambda row: str(row["id"]) in ids),
        (info, rows.info_params(status=["crashed"], digest=True), lambda row: row["status"] == "crashed"),
        (stats, rows.stats_params(), lambda _row: True),
        (stats, rows.stats_params(exclude_workflow=[second["name"]]), lambda row: row["workflowId"] != second["id"]),
    ]
    made = [Question(*kinds[number % len(kinds)]) for number in range(READERS - 10)]
    for number in range(READERS - len(made)):
        options = rows.export_params(str(folder / f"{number}.jsonl"), workflow=[second["id"]])
        made.append(Question(export, options, lambda row: row["workflowId"] == second["id"]))
    return made


def test_fifty_readers_beside_a_cleanup_are_told_the_truth_and_so_is_the_cleanup(tmp_path: Path) -> None:
    with pages_of(60), running(seed=600) as simulator:
        one = cleanup(simulator, 240)
        asked = questions(simulator, tmp_path)
        ready, over = threading.Barrier(READERS + 1), threading.Event()

        def read(question: Question) -> list[Answer]:
            ready.wait()
            answers = [question.ask(simulator)]
            while not over.is_set():
                answers.append(question.ask(simulator))
            return answers

        with ThreadPoolExecutor(READERS) as pool:
            readers = [pool.submit(read, question) for question in asked]
            ready.wait()
            try:
                result = one.run()
            finally:
                over.set()
            answers = [answer for reader in readers for answer in reader.result()]
        one.judge(result)
        after = executions(simulator)
        assert [wrong for answer in answers for wrong in answer.wrong(one.before, after)] == []
        seen = [len(answer.ids() & one.meant) for answer in answers if answer.question.options is asked[0].options]
        assert len(set(seen)) > 1, "none of them read while the cleanup was at work"


@dataclass(frozen=True)
class Polled:
    """What so many looks came to, with what memory (bytes) and the number of open files grew by on the way.

    Memory is that of the last 90 looks, files are counted after the first tenth and at the end.
    """

    looks: int
    events: int
    requests: int
    connections: int
    memory: int
    files: int


class Over(Exception):
    """So many looks have been made."""


class Surroundings:
    """Those of a source at work: takes its events, and lets executions begin, wait and end while it pauses.

    A look must have told exactly what happened since the one before it.
    """

    def __init__(self, simulator: Simulator, looks: int) -> None:
        self.looks = self.events = self.requests = self.memory = self.files = 0
        self._simulator = simulator
        self._most = looks
        # Before the last one, for which all that is live ends.
        self._files_from, self._memory_from, self._until = looks // 10, looks - TRACED + SETTLED, looks - 1
        self._chance = Random(looks)
        self._now = datetime.now(timezone.utc)
        self._workflow = str(sql(simulator, "SELECT id FROM workflow_entity")[0]["id"])
        self._happened: list[str] = []
        self._told: list[str] = []
        # Live ones, by the look before which something comes of them.
        self._live: list[tuple[int, int, str]] = []

    async def put(self, event: dict[str, Any]) -> None:
        """Take an event, as ansible-rulebook's queue does."""
        self.events += 1
        self._told.append(f"{event['execution']['id']} {event['kind']}")

    async def pause(self, seconds: float) -> None:
        """Stand for the sleep between two looks."""
        assert seconds == INTERVAL
        assert sorted(self._told) == sorted(self._happened)
        self.looks += 1
        self.requests += len(self._simulator.calls)
        # What the test itself keeps is not to be taken for what the source does.
        self._simulator.calls.clear()
        self._told.clear()
        self._happened.clear()
        self._measure()
        if self.looks == self._most:
            raise Over
        self._now += timedelta(seconds=seconds)
        # The events of the last look are held until the next one, so those that are measured have none.
        if self.looks + 1 not in (self._files_from, self._memory_from, self._until):
            self._happen()

    def _measure(self) -> None:
        if self.looks == self._most - TRACED:
            tracemalloc.start()
        if self.looks == self._files_from:
            self.files -= _open_files()
        if self.looks == self._memory_from:
            self.memory -= _traced()
        if self.looks == self._until:
            self.files += _open_files()
            self.memory += _traced()

    def _happen(self) -> None:
        last = self.looks == self._most - 1
        while self._live and (last or self._live[0][0] <= self.looks):
            _look, number, status = heapq.heappop(self._live)
            waits_again = status == "waiting" and not last and self._chance.random() < 0.5
            self._becomes(number, "waiting" if waits_again else self._chance.choice(("success", "error")))
        statuses = ("success",) if last else ("success", "success", "error", "crashed", "canceled", "running", "waiting")
        chosen = self._chance.choices(statuses, k=self._chance.choice((0, 0, 3, 6)))
        new = [Row(self._workflow, status, started_at=self._now) for status in chosen]
        for number, row in zip(insert_executions(self._simulator.database, new), new, strict=True):
            self._happened.append(f"{number} started")
            self._note(number, row.status)

    def _becomes(self, number: int, status: str) -> None:
        statement = "UPDATE execution_entity SET status = ?, finished = ?, stoppedAt = ? WHERE id = ?"
        sql(self._simulator, statement, status, status == "success", stamp(self._now), number)
        self._note(number, status)

    def _note(self, number: int, status: str) -> None:
        if status in LIVE:
            # Some stay until they are no longer among the newest, which each look reads.
            heapq.heappush(self._live, (self.looks + self._chance.choice((1, 2, 10, 150)), number, status))
        if status != "running":
            kinds = {"waiting": "waiting", "error": "failed", "crashed": "failed"}
            self._happened.append(f"{number} {kinds.get(status, 'finished')}")


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _traced() -> int:
    """What the source holds, and whatever works for it."""
    gc.collect()
    snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, path) for path in NOT_OF_THE_SOURCE])
    return sum(trace.size for trace in snapshot.traces)


def polled(looks: int, profile: str = NEWEST) -> Polled:
    """So many looks of the event source as it is, three hundred or more, without the pauses between them.

    Raises AssertionError where something is told that did not happen, or something that happened is not told, or not at once.
    """
    source = runpy.run_path(str(PATH))["main"]
    with tempfile.TemporaryDirectory(prefix="flowops-polled-") as folder, running(profile, seed=300) as simulator:
        around = Surroundings(simulator, looks)
        options = {"url": simulator.url, "api_key": simulator.api_key, "state_path": f"{folder}/state.json"}
        # In the source's own module only: the simulator sleeps in this process, too.
        quick = SimpleNamespace(sleep=around.pause, to_thread=asyncio.to_thread)
        try:
            with patch.dict(source.__globals__, asyncio=quick), suppress(Over):
                asyncio.run(source(around, options))
        finally:
            tracemalloc.stop()
        return Polled(around.looks, around.events, around.requests, simulator.connections, around.memory, around.files)


def test_looking_for_long_tells_everything_once_and_leaves_nothing_behind() -> None:
    """What is told is held against what happened at every look."""
    figures = polled(LOOKS)
    assert figures.looks == LOOKS
    assert figures.events > LOOKS
    # Four pages a look, and little more for what is live for long.
    assert figures.requests < 7 * LOOKS
    assert figures.memory < MOST_GROWTH, figures
    # The connections that it may keep have both their ends in this process.
    assert figures.files <= 2 * (AT_ONCE - 1), figures
    assert figures.connections < figures.requests // 100, figures
