"""``make soak``: thousands of trials, each of another seed, and docs/reliability.md with what came of them.

``python -m tests.faults --runs 300 --real 20 --seed 7`` makes 300 on the simulator from this seed on, in all versions, and 20 on
each real n8n; the seed of a trial that goes wrong makes it again.
"""

from __future__ import annotations

import argparse
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.faults.broken import BREAKAGES
from tests.faults.trial import FAULTS, RESTARTED, WAYS, Trial, run
from tests.faults.world import PROFILES, World, real_world, world
from tests.lab.server import N8n
from tests.servers import REAL

PAGE = Path("docs", "reliability.md")
# The figures stand between these lines.
BEGIN, END = "<!-- Written by `make soak` from here on; changes made by hand are lost. -->", "<!-- To here. -->"
PATIENCE = 500
# More than processors, as a trial waits most of its time.
WORKERS = 4
# To kill n8n and start it takes most of a minute, so fewer trials do.
REAL_WAYS = (*WAYS, *WAYS, *WAYS, RESTARTED)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Try every verb while something goes wrong.")
    parser.add_argument("--runs", type=int, default=10_000, help="trials on the simulator in all")
    parser.add_argument("--real", type=int, default=200, help="trials on each real n8n")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="the seed of the first one")
    asked = parser.parse_args()
    print(f"{asked.runs} trials, and {asked.real} on each real n8n, from seed {asked.seed} on", flush=True)
    each = -(-asked.runs // len(PROFILES))
    seeds, real_seeds = range(asked.seed, asked.seed + each), range(asked.seed, asked.seed + asked.real)
    # Real ones first, as they take longest; of each version of the simulator a share a worker.
    shares = [(version, real_seeds) for version in (REAL if asked.real else ())]
    shares += [(profile, seeds[worker::WORKERS]) for profile in PROFILES for worker in range(WORKERS)]
    began = time.monotonic()
    # Not a Pool, whose workers may start no process, and here some are started to be killed.
    with ProcessPoolExecutor(WORKERS) as pool:
        trials = [trial for some in pool.map(_tried, shares) for trial in some]
        took = time.monotonic() - began
        found = list(pool.map(_found_after, range(len(BREAKAGES))))
    _write(trials, took, asked.seed, found)
    if wrong := [trial for trial in trials if trial.wrong]:
        raise SystemExit(f"{len(wrong)} went wrong, see above")
    if None in found:
        raise SystemExit("a broken build was not found out")


def _tried(share: tuple[str, range]) -> list[Trial]:
    name, seeds = share
    trials = []
    with _world(name) as tried:
        for seed in seeds:
            trials.append(run(tried, seed, ways=WAYS if tried.n8n is None else REAL_WAYS))
            if trials[-1].wrong:
                print(trials[-1], flush=True)
    return trials


@contextmanager
def _world(name: str) -> Iterator[World]:
    if name in PROFILES:
        with world(name) as simulated:
            yield simulated
        return
    with N8n(name) as n8n, real_world(n8n, REAL[name], n8n.key()) as real:
        yield real


def _found_after(number: int) -> int | None:
    """How many trials it takes to find a broken build out."""
    breakage = BREAKAGES[number]
    with world("2.13") as simulated, breakage.change():
        return next((seed + 1 for seed in range(PATIENCE) if run(simulated, seed, breakage.tasks, (FAULTS,)).wrong), None)


def _write(trials: list[Trial], took: float, seed: int, found: list[int | None]) -> None:
    wrong = sum(bool(trial.wrong) for trial in trials)
    worlds = list(dict.fromkeys(trial.world for trial in trials))
    lines = [f"{len(trials):,} trials from seed {seed} on, in {_minutes(took)}: **{wrong} wrong outcomes**."]
    lines += ["", *_table("verb", [trial.verb for trial in trials], trials, worlds)]
    lines += ["", *_table("what goes wrong", [trial.way for trial in trials], trials, worlds)]
    faults = Counter[str]()
    for trial in trials:
        faults.update(trial.faults)
    lines += ["", "| fault | times |", "| --- | ---: |"]
    lines += [f"| {kind} | {count:,} |" for kind, count in sorted(faults.items())]
    lines += ["", "| what is broken | found out by trial |", "| --- | ---: |"]
    lines += [f"| {breakage.name} | {after or 'none'} |" for breakage, after in zip(BREAKAGES, found, strict=True)]
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    page = "\n".join([f"{head}{BEGIN}", "", *lines, "", f"{END}{rest.split(END)[1]}"])
    PAGE.write_text(page, encoding="utf-8")
    print(f"{PAGE} is written")


def _minutes(seconds: float) -> str:
    minutes = round(seconds / 60)
    return "a minute" if minutes <= 1 else f"{minutes} minutes"


def _table(title: str, kinds: list[str], trials: list[Trial], worlds: list[str]) -> Iterator[str]:
    """How many trials there were of each kind, by server, and how many of them were wrong."""
    made, wrong = Counter(zip(kinds, (trial.world for trial in trials), strict=True)), Counter[str]()
    for kind, trial in zip(kinds, trials, strict=True):
        wrong[kind] += bool(trial.wrong)
    yield f"| {title} | {' | '.join(f'n8n {name}' for name in worlds)} | wrong |"
    yield f"| --- | {' | '.join('---:' for _name in worlds)} | ---: |"
    for kind in sorted(wrong):
        yield f"| {kind} | {' | '.join(f'{made[kind, name]:,}' for name in worlds)} | {wrong[kind]} |"


if __name__ == "__main__":
    main()
