"""Writes docs/performance.md from the results."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from shutil import which
from statistics import median
from textwrap import fill
from typing import Any

from tests.benchmark.peers import CLEANUP, COLLECTION, DELETE, LIST, STATISTICS
from tests.benchmark.scenarios import PLAN

Record = dict[str, Any]

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

_RATIOS = {"wall": "whole task", "request_phase": "request phase"}
_SEEKING = {"lists_before": "requests before the first DELETE", "seeking": "seconds before the first DELETE"}


def machine() -> Record:
    """What was measured on. No names."""
    cpu = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    curl = subprocess.run([str(which("curl")), "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores of {cpu}",
        "memory": f"{memory:.0f} GiB",
        "Linux": platform.release().partition("-")[0],
        "Python": platform.python_version(),
        "ansible-core": version("ansible-core"),
        "requests": version("requests"),
        "urllib3": version("urllib3"),
        "curl": curl,
    }


def commit() -> str:
    """Of the collection that is measured; with a word where its code is another."""
    asked = [["git", "rev-parse", "--short=7", "HEAD"], ["git", "status", "--porcelain", "--", "plugins"]]
    name, changes = (subprocess.run(one, capture_output=True, text=True, check=True).stdout.strip() for one in asked)
    return f"{name} changed" if changes else name


def page(results: Record) -> str:
    planned = [case.key for case in PLAN]
    cases = [results["measured"][key] for key in planned if key in results["measured"]]
    parts = [_HEAD, _measured_on(results, cases)]
    for scenario, (title, words) in _TITLES.items():
        of_it = [one for one in cases if one["case"]["scenario"] == scenario]
        if of_it:
            parts += [f"## {title}\n\n{_filled(words)}\n\n", *_tables(scenario, of_it)]
    parts += _again([one for one in cases if one["former"]])
    return "".join(parts).rstrip() + "\n"


def _measured_on(results: Record, cases: Sequence[Record]) -> str:
    facts = ", ".join(f"{name} {value}" if name[0] not in "pm" else value for name, value in results["machine"].items())
    text = f"Measured were {len(cases)} of the {len(PLAN)} cases of the plan, each with as many rounds as it says, on {facts}; "
    text += f"{', '.join(sorted({one['case']['version'] for one in cases}))}. The servers ran on the same machine."
    text += " The commit of the collection stands beside each case; what has changed since is in no figure."
    loads = [one["case"]["load"] for one in cases if "load" in one["case"]]
    if loads:
        text += f" Its load before a case was {min(loads):.1f} to {max(loads):.1f} where it was noted, in {len(loads)} of them."
    start = results["measured"].get("start")
    if start:
        text += f" A playbook with nothing but `ansible.builtin.ping` takes {_spread(start['walls'], 's')}."
    return _filled(text + " The peers: @n8n/cli 0.15.0, n8n-toolkit 0.4.2, n8n-client 1.0.0.") + "\n\n"


def _filled(text: str) -> str:
    return fill(text, 130, break_long_words=False, break_on_hyphens=False)


def _tables(scenario: str, cases: Sequence[Record]) -> Iterable[str]:
    for one in sorted(cases, key=lambda one: _order(one["case"])):
        case = one["case"]
        measured = _rounds(one)
        if case["ours"] > 1:
            measured += f", the collection {case['ours']} times in each"
        if one["former"]:
            measured += f"; in the spread also {', '.join(map(_rounds, one['former']))}"
        yield f"**{_named(case)}** ({measured})\n\n"
        deletes = scenario in (DELETE, CLEANUP)
        heads = ["", "whole task", "ratio", "request phase", "ratio", "requests an execution", "connections", "memory"]
        if deletes:
            heads.append("deletes a second")
        if scenario == CLEANUP:
            heads += ["before the first DELETE", "ratio of requests", "ratio of seconds"]
        yield _row(heads) + _row(["---", *["---:"] * (len(heads) - 1)])
        for peer in (COLLECTION, *case["peers"]):
            yield _row(_cells(scenario, one, peer))
        yield "\n"


def _rounds(sitting: Record) -> str:
    rounds = len({run["round"] for run in sitting["runs"]})
    return f"{rounds} {'round' if rounds == 1 else 'rounds'} at {sitting['case']['commit']}"


def _named(case: Record) -> str:
    latency = f", {case['latency_ms']} ms latency" if case["server"] == "simulator" else ""
    what = f"{case['count']:,} of {case['size']:,}" if case["count"] < case["size"] else f"{case['size']:,}"
    return f"{what} executions, {case['version']}{latency}"


def _cells(scenario: str, one: Record, peer: str) -> list[str]:
    case = one["case"]
    mine = [run for run in one["runs"] if run["peer"] == peer]

    def middle(measure: Callable[[Record], float]) -> float:
        return median(measure(run) for run in mine)

    def ratio(name: str) -> str:
        return "" if peer == COLLECTION else _spread(_ratios([one], peer, name), among=_ratios(one["former"], peer, name))

    cells = [
        peer,
        f"{middle(lambda run: run['wall']):.2f} s",
        ratio("wall"),
        f"{middle(lambda run: run['request_phase']):.2f} s",
        ratio("request_phase"),
        f"{middle(lambda run: run['requests']) / case['count']:.3g}",
        f"{middle(lambda run: run['connections']):,.0f}",
        f"{middle(lambda run: run['memory']) / 1024:.0f} MB",
    ]
    if scenario in (DELETE, CLEANUP):
        cells.append(f"{middle(lambda run: run['deleted'] / run['deleting']):,.0f}")
    if scenario == CLEANUP:
        cells.append(f"{middle(lambda run: run['lists_before']):.0f} in {middle(lambda run: run['seeking']):.2f} s")
        cells += [ratio("lists_before"), ratio("seeking")]
    return cells


def _again(cases: Sequence[Record]) -> Iterable[str]:
    """How the ratios held of the cases that were measured a second time."""
    if not cases:
        return
    held, rows = 0, list[list[str]]()
    for one in cases:
        case = one["case"]
        for name, words in {**_RATIOS, **(_SEEKING if case["scenario"] == CLEANUP else {})}.items():
            for peer in case["peers"]:
                before, now = (_ratios(sittings, peer, name) for sittings in (one["former"], [one]))
                if not before:  # The plan had another peer then.
                    continue
                if min(before) <= median(now) <= max(before):
                    held += 1
                else:
                    what = f"{_TITLES[case['scenario']][0]}, {_named(case)}"
                    rows.append([what, peer, words, _spread(before), _spread(now)])
    text = f"{len(cases)} of the cases had been measured before the last sitting: of their {held + len(rows)} ratios {held} lie "
    text += f"within the spread that they had until then{', these do not' if rows else ''}."
    yield f"## Measured again\n\n{_filled(text)}\n\n"
    if rows:
        yield _row(["", "tool", "ratio", "before", "again"]) + _row(["---"] * 5)
        yield from map(_row, rows)


def _ratios(sittings: Sequence[Record], peer: str, name: str) -> list[float]:
    """Of each pair that a run of this peer and one of the collection in the same round make."""
    ratios: list[float] = []
    for runs in (sitting["runs"] for sitting in sittings):
        ours, theirs = ([run for run in runs if run["peer"] == tool] for tool in (COLLECTION, peer))
        ratios += [their[name] / our[name] for their in theirs for our in ours if their["round"] == our["round"] and our[name]]
    return ratios


def _spread(values: Sequence[float], unit: str = "", *, among: Sequence[float] = ()) -> str:
    """The median of these, the least and the greatest of them and of the others."""
    everything = [*values, *among]
    if not values:
        return ""
    unit = f" {unit}" if unit else ""
    if len(everything) == 1:
        return f"{_short(values[0])}{unit}"
    return f"{_short(median(values))}{unit} ({_short(min(everything))} to {_short(max(everything))})"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _order(case: Record) -> tuple[bool, str, int, int]:
    return case["server"] != "simulator", case["server"], case["size"], case["latency_ms"]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"
