"""What is tried: a verb with options made by chance, and what may be true of the database and of the result afterwards.

``harm`` names what must never have happened, whatever the run said or whether it said anything; ``judge`` holds what it
said against what happened; ``together`` does so for two runs at once.

What is meant by the options is reckoned here anew from the database's rows, without the collection's code.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any, ClassVar

from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result

from tests.faults.world import Stored, World

Executions = Mapping[int, Stored]

ABSENT = 999_999_999


class Task(abc.ABC):
    """One verb with its options."""

    operation: ClassVar[Any]
    # The method of the calls by which it acts.
    write: ClassVar[str] = "GET"
    # Whether two runs of it at once can get into each other's way.
    meets_itself: ClassVar[bool] = False

    def __init__(self, chance: Random, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.before = world.executions()
        self.options = self.choose(chance)
        # How many run at once.
        self.runs = 1

    @abc.abstractmethod
    def choose(self, chance: Random) -> dict[str, Any]:
        """Options."""

    @abc.abstractmethod
    def params(self) -> dict[str, Any]:
        """All options of the module, without those of the connection."""

    def harm(self, before: Executions, after: Executions) -> Iterable[str]:
        """What is wrong with what was done."""
        return others_changed(before, after, set())

    @abc.abstractmethod
    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        """What is wrong with what a run said; ``clean`` tells that nothing went wrong on the way."""

    def together(self, before: Executions, after: Executions, results: Sequence[Result]) -> Iterable[str]:
        """What is wrong with what runs said that were made at once, while nothing else went wrong."""
        return [f"nothing went wrong, but it says {one.failure}" for one in results if one.failure is not None]

    def predicted(self, checked: Result) -> Iterable[str]:
        """What is wrong with a check of the history as it was at first."""
        return () if not checked.failure else (f"the check failed: {checked.failure}",)

    @property
    def possible(self) -> bool:
        """Whether this n8n can do it at all."""
        return True

    # Selections

    def selection(self, chance: Random) -> dict[str, Any]:
        if chance.random() < 0.3 and self.before:
            ids = chance.sample(sorted(self.before), chance.randint(1, len(self.before)))
            return {"execution_id": [str(one) for one in [*ids, *([ABSENT] if chance.random() < 0.3 else [])]]}
        options: dict[str, Any] = {}
        if chance.random() < 0.5:
            options["workflow"] = chance.sample(self.world.workflows, chance.randint(1, 2))
        if chance.random() < 0.4:
            options["status"] = chance.sample(("success", "error", "crashed", "canceled", "waiting"), chance.randint(1, 3))
        if chance.random() < 0.5:
            options["older_than"] = f"{chance.randint(5, 50)}d"
        return options or {"all": True}

    def meant(self, executions: Executions) -> set[int]:
        """The ids that the options mean."""
        return {one.id for one in executions.values() if self._means(one)}

    def _means(self, one: Stored) -> bool:
        options = self.options
        if "execution_id" in options:
            return str(one.id) in options["execution_id"]
        if "older_than" in options:
            moment = datetime.now(timezone.utc) - timedelta(days=int(options["older_than"][:-1]))
            if one.is_live or one.stopped is None or one.stopped > moment:
                return False
        return one.workflow in options.get("workflow", [one.workflow]) and one.status in options.get("status", [one.status])


def others_changed(before: Executions, after: Executions, allowed: set[int]) -> Iterable[str]:
    if after.keys() - before.keys():
        yield f"there are new ones: {sorted(after.keys() - before.keys())}"
    for number in before.keys() - allowed:
        if after.get(number) != before[number]:
            yield f"{number} was not to be touched, and is {after.get(number)} instead of {before[number]}"
