"""One trial: a check, a run with faults on the way, and a run without; each held against the database."""

from __future__ import annotations

import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
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
from tests.faults.tasks import TASKS, Task
from tests.faults.world import World
from tests.unit.rows import connection_params


@dataclass
class Trial:
    """What was tried and what was wrong with it. ``seed`` makes it again."""

    seed: int
    profile: str
    verb: str = ""
    options: str = ""
    wrong: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        said = "\n  ".join(self.wrong)
        return f"seed {self.seed} on {self.profile}, {self.verb} {self.options}, faults {dict(self.faults)}:\n  {said}"


def run(world: World, seed: int, tasks: tuple[type[Task], ...] = TASKS) -> Trial:
    """A trial of one of these tasks, all of it made by the seed."""
    chance = Random(seed)
    trial = Trial(seed, world.profile)
    with tempfile.TemporaryDirectory(prefix="flowops-trial-") as folder, _hasty(chance.choice((3, 10, 250))):
        world.begin(chance)
        task = chance.choice(tasks)(chance, world, Path(folder))
        trial.verb, trial.options = type(task).__name__.lower(), str(task.options)
        connection = _connection(chance, world)
        world.simulator.calls.clear()
        if task.possible:
            _check(task, connection, trial)
        world.simulator.faults.clear()
        for fault in faults(chance, task.write):
            world.simulator.faults.add(fault)
        with full_disk(chance.randint(0, 2), trial.faults) if chance.random() < 0.3 else nullcontext():
            _run(task, connection, trial, clean=False)
        world.settle()
        trial.faults.update(call.fault for call in world.simulator.calls if call.fault)
        if any(call.path == TRAP for call in world.simulator.calls):
            trial.wrong.append("a redirect was followed")
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


def _run(task: Task, connection: dict[str, Any], trial: Trial, clean: bool) -> None:
    before = task.world.executions()
    try:
        result = perform(task.operation, {**connection, **task.params()}, False)
    except N8nError as error:
        # Then nothing has been done.
        task.world.settle()
        if clean or task.world.executions() != before:
            trial.wrong.append(f"it ended with {error!r}, and {'no' if clean else 'something had happened without a'} result")
        return
    except Exception:
        trial.wrong.append(traceback.format_exc())
        return
    task.world.settle()
    trial.wrong += [
        f"{'clean' if clean else 'faulty'} run: {wrong}" for wrong in task.judge(before, task.world.executions(), result, clean)
    ]


def _connection(chance: Random, world: World) -> dict[str, Any]:
    return connection_params(
        url=world.simulator.url,
        api_key=world.simulator.api_key,
        timeout=TIMEOUT,
        max_request_retries=chance.choice((0, 1, 3, 5)),
        concurrency=chance.choice((1, 2, 8)),
    )


@contextmanager
def _hasty(page: int) -> Iterator[None]:
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
