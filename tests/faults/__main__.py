"""``make soak``: thousands of trials, each of another seed, and docs/reliability.md with what came of them.

``python -m tests.faults --runs 300 --seed 7`` tries 300 from this seed on, in each version; the seed of a trial that goes
wrong makes it again.
"""

from __future__ import annotations

import argparse
import secrets
import time
from collections import Counter
from multiprocessing import Pool
from pathlib import Path

from tests.faults.broken import BREAKAGES
from tests.faults.trial import Trial, run
from tests.faults.world import PROFILES, world

PAGE = Path("docs", "reliability.md")
# The figures stand between these lines.
BEGIN, END = "<!-- Written by `make soak` from here on; changes made by hand are lost. -->", "<!-- To here. -->"
PATIENCE = 500
WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Try every verb while something goes wrong.")
    parser.add_argument("--runs", type=int, default=10_000, help="trials in all")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="the seed of the first one")
    asked = parser.parse_args()
    print(f"{asked.runs} trials from seed {asked.seed} on", flush=True)
    each = -(-asked.runs // len(PROFILES))
    seeds = range(asked.seed, asked.seed + each)
    # A share of each version a worker.
    shares = [(profile, seeds[worker::WORKERS]) for profile in PROFILES for worker in range(WORKERS)]
    began = time.monotonic()
    with Pool(WORKERS) as pool:
        trials = [trial for some in pool.imap_unordered(_tried, shares) for trial in some]
        took = time.monotonic() - began
        found = pool.map(_found_after, range(len(BREAKAGES)))
    _write(trials, took, asked.seed, found)
    if wrong := [trial for trial in trials if trial.wrong]:
        raise SystemExit(f"{len(wrong)} went wrong, see above")
    if None in found:
        raise SystemExit("a broken build was not found out")


def _tried(share: tuple[str, range]) -> list[Trial]:
    profile, seeds = share
    trials = []
    with world(profile) as simulated:
        for seed in seeds:
            trials.append(run(simulated, seed))
            if trials[-1].wrong:
                print(trials[-1], flush=True)
    return trials


def _found_after(number: int) -> int | None:
    """How many trials it takes to find a broken build out."""
    breakage = BREAKAGES[number]
    with world("2.13") as simulated, breakage.change():
        return next((seed + 1 for seed in range(PATIENCE) if run(simulated, seed, breakage.tasks).wrong), None)


def _write(trials: list[Trial], took: float, seed: int, found: list[int | None]) -> None:
    verbs, faults, wrong = Counter[tuple[str, str]](), Counter[str](), Counter[tuple[str, str]]()
    for trial in trials:
        verbs[trial.verb, trial.profile] += 1
        faults.update(trial.faults)
        wrong[trial.verb, trial.profile] += bool(trial.wrong)
    lines = [
        f"{len(trials):,} trials from seed {seed} on, in {took / 60:.0f} minutes: **{sum(wrong.values())} wrong outcomes**.",
        "",
        f"| verb | {' | '.join(f'n8n {profile}' for profile in PROFILES)} | wrong |",
        f"| --- | {' | '.join('---:' for _profile in PROFILES)} | ---: |",
    ]
    for verb in sorted({verb for verb, _profile in verbs}):
        counts = " | ".join(f"{verbs[verb, profile]:,}" for profile in PROFILES)
        lines.append(f"| {verb} | {counts} | {sum(wrong[verb, profile] for profile in PROFILES)} |")
    lines += ["", "| fault | times |", "| --- | ---: |"]
    lines += [f"| {kind} | {count:,} |" for kind, count in sorted(faults.items())]
    lines += ["", "| what is broken | found out by trial |", "| --- | ---: |"]
    lines += [f"| {breakage.name} | {after or 'none'} |" for breakage, after in zip(BREAKAGES, found, strict=True)]
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    page = "\n".join([f"{head}{BEGIN}", "", *lines, "", f"{END}{rest.split(END)[1]}"])
    PAGE.write_text(page, encoding="utf-8")
    print(f"{PAGE} is written")


if __name__ == "__main__":
    main()
