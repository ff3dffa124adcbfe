"""``make benchmark``: measure, keep the results beside the code, and write docs/performance.md.

``python -m tests.benchmark --only delete-by-id --pairs 3`` measures a part of the plan anew; the rest of the page stays.
"""

from __future__ import annotations

import argparse
import os
import signal
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.benchmark import report, results
from tests.benchmark.measure import Run, WrongResult, measured
from tests.benchmark.peers import CLI, CLIENT, CURL, PING, SCENARIOS, TOOLKIT, URI, Task, install
from tests.benchmark.scenarios import PLAN, Case, rounds
from tests.benchmark.servers import POSTGRESQL, SIMULATOR, SQLITE, started

PAGE = Path("docs", "performance.md")
STARTS = 5


def main() -> None:
    asked, failed = _asked(), list[str]()
    if not asked.report:
        cases = [case for case in PLAN if _wanted(case, asked)]
        if not cases:
            raise SystemExit("nothing in the plan is like that")
        hours, minutes = divmod(round(sum(case.seconds * (asked.pairs or case.pairs) for case in cases) / 60) + 1, 60)
        print(f"{len(cases)} cases, about {hours} h {minutes} min. Keep the machine quiet meanwhile.", flush=True)
        # Ended by a service manager, the servers must go as well.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        install()
        failed = _measure(cases, asked.pairs)
    PAGE.write_text(report.page(results.load()), encoding="utf-8")
    print(f"{PAGE} is written")
    if failed:
        raise SystemExit(f"not measured, see above: {'; '.join(failed)}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description="Measure the collection beside its peers.")
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="these scenarios")
    parser.add_argument("--server", action="append", choices=(SIMULATOR, SQLITE, POSTGRESQL), help="on these servers")
    parser.add_argument("--size", action="append", type=int, help="with histories of these sizes")
    parser.add_argument("--latency", action="append", type=int, help="with these latencies, in milliseconds")
    parser.add_argument(
        "--peer", action="append", choices=(CURL, CLIENT, CLI, TOOLKIT, URI), help="the cases in which one of these takes part"
    )
    parser.add_argument("--pairs", type=int, help="so many pairs, instead of the plan's")
    parser.add_argument("--report", action="store_true", help="write the page again from the results that are there")
    return parser.parse_args()


def _wanted(case: Case, asked: argparse.Namespace) -> bool:
    choices = (
        (asked.only, case.scenario),
        (asked.server, case.server),
        (asked.size, case.size),
        (asked.latency, case.latency_ms),
    )
    beside = asked.peer is None or bool({*asked.peer} & {*case.peers})
    return beside and all(chosen is None or value in chosen for chosen, value in choices)


def _measure(cases: list[Case], pairs: int | None) -> list[str]:
    """Measure these; returns the names of those in which a tool did something wrong."""
    failed: list[str] = []
    started_before = False
    for (name, size), some in groupby(cases, key=lambda case: (case.server, case.size)):
        print(f"{name} with {size:,} executions is started", flush=True)
        with started(name, size) as server:
            if name == SIMULATOR and not started_before:
                started_before = True
                nothing = Task("list", server, 0)
                results.keep_start([measured(PING, nothing).wall for _unused in range(STARTS)])
            for case in some:
                runs: list[dict[str, Any]] = []
                load = os.getloadavg()[0]
                try:
                    rounds(case, server, pairs or case.pairs, partial(_told, case.key, runs))
                except WrongResult as wrong:
                    # The others need not be measured again for that; what is there of this case is left out.
                    print(wrong, flush=True)
                    failed.append(case.key)
                    continue
                facts = {
                    "commit": report.commit(),
                    "machine": report.machine(),
                    "version": server.version,
                    "load": round(load, 1),
                }
                results.keep(case, results.summary(case, facts, runs))
    return failed


def _told(key: str, runs: list[dict[str, Any]], number: int, peer: str, run: Run) -> None:
    """Take note of a run, and say how it went."""
    runs.append({"round": number, "peer": peer, **run.record()})
    deleted = f", first DELETE after {run.lists_before} requests" if run.deleted else ""
    print(
        f"{key} | {number + 1} {peer}: {run.wall:.2f} s, requests for {run.request_phase:.2f} s, "
        f"{run.requests} on {run.connections} connections{deleted}, {run.memory / 1024:.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
