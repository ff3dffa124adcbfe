"""Writes docs/performance.md from the results."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from shutil import which
from statistics import median
from textwrap import fill

from tests.benchmark.peers import CLEANUP, COLLECTION, DELETE, LIST, STATISTICS
from tests.benchmark.results import Record, ratios_of
from tests.benchmark.scenarios import PLAN, Case
from tests.benchmark.servers import SIMULATOR

_HEAD = """# Performance

<!-- Written by `make benchmark`; changes made here by hand are lost. -->

How this collection compares with other ways to list and delete executions of n8n. Ratios are what is claimed: in a round each
tool runs once, one after the other on the same server, the collection more often where it says so, and a ratio is taken of a pair
in a round. Seconds depend on the machine and are given so that the ratios can be judged.

- A ratio of times is the other tool's divided by the collection's: **above 1 the collection is faster**. It is the median of all
  pairs of the last sitting, with the spread in brackets: the least and the greatest of them and of the sittings before that stand
  beside the case, as from one day to another more changes than within a sitting. With fewer than ten pairs it is a first look,
  not a claim.
- *Whole task* is a program from its start to its end, for Ansible a playbook with one task. The *request phase* lasts from the
  first request to the end of the last answer, as the server itself saw them, so it leaves the starts of programs out.
- *Memory* is the highest of the largest process, for Ansible that is `ansible-playbook` itself as a rule.

"""

_TITLES = {
    DELETE: (
        "Delete by id",
        "The ids are there already. `curl` is `curl -Z --parallel-max 8` with one configuration file; the collection has "
        "`concurrency: 8`; n8n-client is a loop on one session; @n8n/cli and n8n-toolkit run under `xargs -P 8`, a process for "
        "each id; `ansible.builtin.uri` is in a loop.",
    ),
    CLEANUP: (
        "Cleanup by age",
        "What ended before a moment is to be found and deleted: the oldest 1 % of 60 days. *Before the first DELETE* are the "
        "requests and the seconds from a tool's first request to its first deletion.",
    ),
    LIST: ("List", "The newest executions, all in the hands of a program or a playbook."),
    STATISTICS: (
        "Statistics",
        "All executions counted by their status; the collection counts more than that, the others only that.",
    ),
}

_RATIOS = {
    "wall": "whole task",
    "request_phase": "request phase",
    "lists_before": "requests before the first DELETE",
    "seeking": "seconds before the first DELETE",
}


def machine() -> str:
    """What is measured on. No names."""
    cpu = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    curl = subprocess.run([str(which("curl")), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    packages = [f"{name} {version(name)}" for name in ("ansible-core", "requests", "urllib3")]
    parts = [f"{len(os.sched_getaffinity(0))} cores of {cpu}", f"{memory:.0f} GiB"]
    parts += [f"Linux {platform.release().partition('-')[0]}", f"Python {platform.python_version()}"]
    return ", ".join([*parts, *packages, f"curl {curl}"])


def commit() -> str:
    """Of the collection that is measured; with a word where its code is another."""
    asked = [["git", "rev-parse", "--short=7", "HEAD"], ["git", "status", "--porcelain", "--", "plugins"]]
    name, changes = (subprocess.run(one, capture_output=True, text=True, check=True).stdout.strip() for one in asked)
    return f"{name} changed" if changes else name


def page(results: Record) -> str:
    cases = {case: results["cases"][case.key] for case in PLAN if case.key in results["cases"]}
    parts = [_HEAD, _measured_on(results["start"], [sittings[0] for sittings in cases.values()])]
    for scenario, (title, words) in _TITLES.items():
        of_it = sorted((case for case in cases if case.scenario == scenario), key=_order)
        if of_it:
            parts += [f"## {title}\n\n{_filled(words)}\n\n", *(_table(case, cases[case]) for case in of_it)]
    parts.append(_again({case: sittings for case, sittings in cases.items() if len(sittings) > 1}))
    return "".join(parts).rstrip() + "\n"


def _measured_on(start: Sequence[float], sittings: Sequence[Record]) -> str:
    machines, versions = (sorted({one[fact] for one in sittings}) for fact in ("machine", "version"))
    loads = [one["load"] for one in sittings]
    text = f"Measured were {len(sittings)} of the {len(PLAN)} cases of the plan, each with as many rounds as it says, on "
    text += f"{' and on '.join(machines)}; {', '.join(versions)}. The servers ran on the same machine."
    text += " The commit of the collection stands beside each case; what has changed since is in no figure."
    text += f" The load before a case was {min(loads):.1f} to {max(loads):.1f}."
    text += " A playbook with nothing but `ansible.builtin.ping`"
    text += f" takes {median(start):.2f} s ({min(start):.2f} to {max(start):.2f})."
    return _filled(text + " The peers: @n8n/cli 0.15.0, n8n-toolkit 0.4.2, n8n-client 1.0.0.") + "\n\n"


def _filled(text: str) -> str:
    return fill(text, 130, break_long_words=False, break_on_hyphens=False)


def _table(case: Case, sittings: Sequence[Record]) -> str:
    measured = _rounds(sittings[0])
    if case.ours > 1:
        measured += f", the collection {case.ours} times in each"
    if sittings[1:] and case.peers:
        measured += f"; in the spread also {', '.join(map(_rounds, sittings[1:]))}"
    heads = ["", "whole task", "ratio", "request phase", "ratio", "requests an execution", "connections", "memory"]
    if case.scenario in (DELETE, CLEANUP):
        heads.append("deletes a second")
    if case.scenario == CLEANUP:
        heads += ["before the first DELETE", "ratio of requests", "ratio of seconds"]
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)], *(_cells(case, sittings, tool) for tool in (COLLECTION, *case.peers))]
    return f"**{_named(case, sittings[0])}** ({measured})\n\n{''.join(map(_row, rows))}\n"


def _rounds(sitting: Record) -> str:
    return f"{sitting['rounds']} {'round' if sitting['rounds'] == 1 else 'rounds'} at {sitting['commit']}"


def _named(case: Case, sitting: Record) -> str:
    latency = f", {case.latency_ms} ms latency" if case.server == SIMULATOR else ""
    what = f"{case.count:,} of {case.size:,}" if case.count < case.size else f"{case.size:,}"
    return f"{what} executions, {sitting['version']}{latency}"


def _cells(case: Case, sittings: Sequence[Record], tool: str) -> list[str]:
    its = sittings[0]["tools"][tool]
    ratios = [""] * len(_RATIOS)
    if tool != COLLECTION:
        ratios = [_ratio(its["ratios"][name][1], _spread(sittings, tool, name)) for name in ratios_of(case.scenario)]
    cells = [
        tool,
        f"{its['wall']:.2f} s",
        ratios[0],
        f"{its['request_phase']:.2f} s",
        ratios[1],
        f"{its['requests'] / case.count:.3g}",
        f"{its['connections']:,.0f}",
        f"{its['memory'] / 1024:.0f} MB",
    ]
    if case.scenario in (DELETE, CLEANUP):
        cells.append(f"{its['rate']:,.0f}")
    if case.scenario == CLEANUP:
        cells += [f"{its['lists_before']:.0f} in {its['seeking']:.2f} s", *ratios[2:]]
    return cells


def _again(cases: Mapping[Case, Sequence[Record]]) -> str:
    """How the ratios held of the cases that were measured a second time."""
    held, rows = 0, list[list[str]]()
    for case, (last, *before) in cases.items():
        for peer in case.peers:
            for name in ratios_of(case.scenario):
                now, until_then = last["tools"][peer]["ratios"][name], _spread(before, peer, name)
                if until_then[0] <= now[1] <= until_then[1]:
                    held += 1
                else:
                    what = f"{_TITLES[case.scenario][0]}, {_named(case, last)}"
                    were = before[0]["tools"][peer]["ratios"][name]
                    rows.append([what, peer, _RATIOS[name], _ratio(were[1], until_then), _ratio(now[1], (now[0], now[2]))])
    if not cases:
        return ""
    text = f"{len(cases)} of the cases had been measured before the last sitting: of their {held + len(rows)} ratios {held} lie "
    text += f"within the spread that they had until then{', these do not' if rows else ''}."
    table = [["", "tool", "ratio", "before", "again"], ["---"] * 5, *rows] if rows else []
    return f"## Measured again\n\n{_filled(text)}\n\n{''.join(map(_row, table))}"


def _spread(sittings: Sequence[Record], peer: str, name: str) -> tuple[float, float]:
    """The least and the greatest that a ratio was in any of these."""
    ratios = [sitting["tools"][peer]["ratios"][name] for sitting in sittings]
    return min(least for least, _median, _greatest in ratios), max(greatest for _least, _median, greatest in ratios)


def _ratio(middle: float, spread: tuple[float, float]) -> str:
    return f"{_short(middle)} ({_short(spread[0])} to {_short(spread[1])})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _order(case: Case) -> tuple[bool, str, int, int]:
    return case.server != SIMULATOR, case.server, case.size, case.latency_ms


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
