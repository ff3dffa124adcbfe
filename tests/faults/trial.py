"""One trial: a check, a run in which something goes wrong, and two without; each held against the database.

What goes wrong is one of three: faults on the way, the run being killed, a second run of the same at the same moment. A real n8n
may be killed as well, and started again.
"""

from __future__ import annotations

import multiprocessing
import signal
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

from ansible_collections.flowops.n8n.plugins.module_utils import _transport
from ansible_collections.flowops.n8n.plugins.module_utils._dialects import n8n
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.n8n import N8n
from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._module import perform
from ansible_collections.flowops.n8n.plugins.module_utils._operations import attempt, stop

from tests.faults.chance import TIMEOUT, TRAP, faults, full_disk
from tests.faults.changing import Archive, Delete, Retry, Stop, Tag
from tests.faults.reading import Count, Export, Instance, Look, Wait
from tests.faults.task import Task
from tests.faults.world import World
from tests.unit.rows import connection_params

TASKS: tuple[type[Task], ...] = (Delete, Archive, Retry, Stop, Tag, Export, Look, Count, Wait, Instance)

FAULTS, KILLED, TOGETHER, RESTARTED = "faults on the way", "killed", "two at once", "n8n killed"
WAYS = (FAULTS, FAULTS, FAULTS, KILLED, TOGETHER)

# All who use it here share its server, playbooks are run from it as well, and Ansible must find the collection not yet imported.
_CONTEXT = multiprocessing.get_context("forkserver")


@dataclass
class Trial:
    """What was tried and what was wrong with it. ``seed`` makes it again."""

    seed: int
    world: str
    way: str
    verb: str = ""
    options: str = ""
    wrong: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        said = "\n  ".join(self.wrong)
        return f"seed {self.seed} on {self.world}, {self.way}, {self.verb} {self.options}, faults {dict(self.faults)}:\n  {said}"


def run(world: World, seed: int, tasks: tuple[type[Task], ...] = TASKS, ways: tuple[str, ...] = WAYS) -> Trial:
    """A trial of one of these tasks in one of these ways, all of it made by the seed."""
    chance = Random(seed)
    way = chance.choice(ways)
    trial = Trial(seed, world.name, way)
    tasks = tuple(task for task in tasks if way != TOGETHER or task.meets_itself)
    page = chance.choice((3, 10, 250))
    with tempfile.TemporaryDirectory(prefix="flowops-trial-") as folder, hasty(page):
        world.begin(chance, running=way != RESTARTED)
        task = chance.choice(tasks)(chance, world, Path(folder))
        trial.verb, trial.options = type(task).__name__.lower(), str(task.options)
        connection = _connection(chance, world)
        if task.possible:
            _check(task, connection, trial)
        if way == KILLED:
            _killed(task, connection, trial, chance, page)
        elif way == TOGETHER:
            _together(task, {**connection, "timeout": 30.0}, trial)
        elif way == RESTARTED:
            _restarted(task, {**connection, "timeout": 30.0}, trial, chance)
        else:
            _faulty(task, connection, trial, chance)
        if task.possible:
            for _twice in range(2):
                _run(task, {**connection, "timeout": 30.0}, trial, clean=True)
    return trial


def _check(task: Task, connection: dict[str, Any], trial: Trial) -> None:
    before = task.world.executions()
    result = perform(task.operation, {**connection, **task.params(), "timeout": 30.0}, True)
    trial.wrong += task.predicted(result)
    if task.world.executions() != before:
        trial.wrong.append("check mode changed something")


def _faulty(task: Task, connection: dict[str, Any], trial: Trial, chance: Random) -> None:
    front = task.world.front
    front.calls.clear()
    for fault in faults(chance, task.write):
        front.faults.add(fault)
    with full_disk(chance.randint(0, 2), trial.faults) if chance.random() < 0.3 else nullcontext():
        _run(task, connection, trial, clean=False)
    trial.faults.update(call.fault for call in front.calls if call.fault)
    if any(call.path == TRAP for call in front.calls):
        trial.wrong.append("a redirect was followed")


def _killed(task: Task, connection: dict[str, Any], trial: Trial, chance: Random, page: int) -> None:
    """End the run in the middle, without a word: after some calls, and some milliseconds more."""
    before = task.world.executions()
    params = {**connection, **task.params(), "timeout": 30.0}
    process = _CONTEXT.Process(target=_run_apart, args=(task.operation.__name__, params, page))
    task.world.front.calls.clear()
    process.start()
    _after_calls(task.world, chance, lambda: process.exitcode is None)
    process.kill()
    process.join()
    trial.faults["killed"] += process.exitcode == -signal.SIGKILL
    if process.exitcode not in (0, -signal.SIGKILL):
        trial.wrong.append(f"the run that was to be killed ended by itself with {process.exitcode}")
    task.world.settle()
    trial.wrong += [f"killed run: {wrong}" for wrong in task.harm(before, task.world.executions())]


def _run_apart(operation: str, params: dict[str, Any], page: int) -> None:
    # What cannot be done at all is refused.
    with hasty(page), suppress(N8nError):
        perform(import_module(operation), params, False)


def _after_calls(world: World, chance: Random, goes_on: Callable[[], bool]) -> None:
    """Wait for some calls, and some milliseconds more."""
    calls, pause = chance.choice((1, 1, 2, 3, 5, 8, 13)), chance.uniform(0, 0.02)
    while len(world.front.calls) < calls and goes_on():
        time.sleep(0.001)
    time.sleep(pause)


def _together(task: Task, connection: dict[str, Any], trial: Trial) -> None:
    """Two runs of the same at the same moment."""
    before, task.runs = task.world.executions(), 2
    with ThreadPoolExecutor(task.runs) as pool:
        runs = [pool.submit(perform, task.operation, {**connection, **task.params()}, False) for _unused in range(task.runs)]
    if not task.possible:
        return
    task.world.settle()
    after = task.world.executions()
    trial.faults["second run"] += 1
    trial.wrong += [f"two at once: {wrong}" for wrong in task.harm(before, after)]
    trial.wrong += [f"two at once: {wrong}" for wrong in task.together(before, after, [one.result() for one in runs])]
    task.runs = 1


def _restarted(task: Task, connection: dict[str, Any], trial: Trial, chance: Random) -> None:
    """n8n is killed in the middle of the run, and comes back some seconds later."""
    task.world.front.calls.clear()
    over = threading.Event()

    def kill() -> None:
        _after_calls(task.world, chance, lambda: not over.is_set())
        trial.faults["n8n killed"] += not over.is_set()
        task.world.restart()

    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill)

        def killed() -> None:
            over.set()
            killing.result()

        _run(task, connection, trial, clean=False, at_rest=killed)


def _run(task: Task, connection: dict[str, Any], trial: Trial, clean: bool, at_rest: Callable[[], object] = lambda: None) -> None:
    """One run, held against the database. ``at_rest`` waits for what else is to end before."""
    before = task.world.executions()
    try:
        result = perform(task.operation, {**connection, **task.params()}, False)
    except N8nError as error:
        # Then nothing has been done.
        at_rest()
        task.world.settle()
        if clean or task.world.executions() != before:
            trial.wrong.append(f"it ended with {error!r}, and {'no' if clean else 'something had happened without a'} result")
        return
    except Exception:
        at_rest()
        trial.wrong.append(traceback.format_exc())
        return
    at_rest()
    task.world.settle()
    after = task.world.executions()
    which = "clean" if clean else "faulty"
    trial.wrong += [f"{which} run: {wrong}" for wrong in task.harm(before, after)]
    trial.wrong += [f"{which} run: {wrong}" for wrong in task.judge(before, after, result, clean)]


def _connection(chance: Random, world: World) -> dict[str, Any]:
    return connection_params(
        url=world.front.url,
        api_key=world.api_key,
        timeout=TIMEOUT,
        max_request_retries=chance.choice((0, 1, 3, 5)),
        concurrency=chance.choice((1, 2, 8)),
    )


@contextmanager
def hasty(page: int) -> Iterator[None]:
    """Pauses of milliseconds in place of seconds, and pages so small that a short history has several."""
    with (
        patch.object(_transport, "BACKOFF_FIRST", 0.005),
        patch.object(_transport, "BACKOFF_MOST", 0.02),
        patch.object(attempt, "LOOK_UP_FOR", 0.15),
        patch.object(attempt, "POLL_FIRST", 0.01),
        patch.object(stop, "POLL", 0.02),
        patch.object(n8n, "PAGE_SIZE", page),
        patch.object(N8n, "page_size", page),
    ):
        yield
