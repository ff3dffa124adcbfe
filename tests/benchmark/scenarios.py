"""What is measured: which task, on which server, of which size, beside whom, and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from math import ceil

from tests.benchmark.measure import Run, measured
from tests.benchmark.peers import CLEANUP, CLI, CLIENT, COLLECTION, CURL, DELETE, LIST, STATISTICS, TOOLKIT, URI, Task
from tests.benchmark.servers import POSTGRESQL, SIMULATOR, SQLITE, Server


@dataclass(frozen=True)
class Case:
    """One row of the plan: a task of ``count`` executions on a history of ``size``, done by the collection and each peer.

    A round is one run of each peer and ``ours`` of the collection, and each of these makes a pair with each peer, of which there
    are to be ``pairs``. ``seconds`` is about what a pair takes.
    """

    scenario: str
    server: str
    size: int
    count: int
    peers: tuple[str, ...]
    pairs: int
    seconds: float
    latency_ms: int = 0
    ours: int = 1

    @property
    def key(self) -> str:
        """Its name among the results. With other peers it is another case, as all runs of a round do the same work."""
        return f"{self.scenario} {self.server} {self.latency_ms}ms {self.size} {self.count} {'+'.join(self.peers)}"


def _plan() -> Iterable[Case]:
    """Cases of one server and size stand together, as the history is made once for them.

    What is measured beside a tool that takes a process for each deletion is small, so that ten rounds end.
    """
    scanning, slow = (CLIENT, TOOLKIT, CLI), (CLI, TOOLKIT)
    yield Case(DELETE, SIMULATOR, 10_000, 2_000, (CURL,), 10, 33, latency_ms=50)
    yield Case(DELETE, SIMULATOR, 10_000, 1_000, (CURL, CLIENT), 10, 16, latency_ms=5)
    yield Case(DELETE, SIMULATOR, 10_000, 2_000, (CURL, CLIENT), 10, 14)
    yield Case(DELETE, SIMULATOR, 10_000, 50, slow, 10, 20, latency_ms=5)
    yield Case(CLEANUP, SIMULATOR, 10_000, 100, (CLIENT,), 10, 14, latency_ms=50)
    for latency in (0, 5, 50):
        yield Case(LIST, SIMULATOR, 10_000, 10_000, scanning, 10, 8, latency_ms=latency)
    yield Case(LIST, SIMULATOR, 1_000, 1_000, (*scanning, URI), 10, 11)
    yield Case(CLEANUP, SIMULATOR, 1_000, 10, (*scanning, URI), 10, 27)
    yield Case(STATISTICS, SIMULATOR, 1_000, 1_000, (*scanning, URI), 10, 12)
    for latency in (0, 5):
        yield Case(CLEANUP, SIMULATOR, 100_000, 1_000, (CLIENT,), 10, 18, latency_ms=latency)
        yield Case(STATISTICS, SIMULATOR, 100_000, 100_000, scanning, 10, 22, latency_ms=latency)
    yield Case(CLEANUP, SIMULATOR, 100_000, 20, slow, 10, 22, latency_ms=5)
    # Too large for a tool that reads all of it first.
    yield Case(CLEANUP, SIMULATOR, 1_000_000, 10_000, (), 5, 30, latency_ms=5)
    yield Case(STATISTICS, SIMULATOR, 1_000_000, 1_000_000, (), 3, 40)
    for server in (SQLITE, POSTGRESQL):
        yield Case(DELETE, server, 10_000, 1_000, (CURL, CLIENT), 10, 55)
        yield Case(LIST, server, 10_000, 10_000, scanning, 10, 12)
        yield Case(CLEANUP, server, 10_000, 100, (CLIENT,), 10, 15)
        yield Case(STATISTICS, server, 10_000, 10_000, scanning, 10, 12)
    yield Case(CLEANUP, SQLITE, 10_000, 10, slow, 10, 20)
    yield Case(STATISTICS, SQLITE, 100_000, 100_000, (CLIENT,), 10, 35)
    # A loop takes minutes and is steady, beside a run of seconds that is not: two of them make ten pairs.
    for server in (SIMULATOR, SQLITE):
        yield Case(DELETE, server, 10_000, 1_000, (URI,), 10, 135, ours=5)


PLAN = tuple(_plan())


def rounds(case: Case, server: Server, pairs: int, tell: Callable[[int, str, Run], None]) -> None:
    """Run a case on a server that is there; ``tell`` hears of each run with the number of its round."""
    server.delay(case.latency_ms / 1000)
    task, before = Task(case.scenario, server, case.count), None
    if case.scenario == DELETE:
        task = replace(task, ids=tuple(server.oldest(case.count)))
    if case.scenario == CLEANUP:
        ids, before = server.ended_first(case.count)
        # As the API writes times.
        task = replace(task, ids=tuple(ids), before=f"{before:%Y-%m-%dT%H:%M:%S}.{before.microsecond // 1000:03}Z")
    if task.ids:
        # With those that a slow run finds to have become old enough meanwhile.
        server.save(max(map(int, task.ids)) + 100)
    # The first run, which no round counts, finds a server that has not warmed up.
    for number in range(-1, ceil(pairs / case.ours)):
        names = [*[COLLECTION] * case.ours, *case.peers] if number >= 0 else [COLLECTION]
        # Each goes first as often as any other.
        start = number % len(names)
        for name in [*names[start:], *names[:start]]:
            if before is not None:
                task = replace(task, age=round((datetime.now(timezone.utc) - before).total_seconds()))
            try:
                run = measured(name, task)
            finally:
                if task.ids:
                    server.restore()
            if number >= 0:
                tell(number, name, run)
