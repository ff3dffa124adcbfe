"""The verbs that only look."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from random import Random
from typing import Any

from ansible_collections.flowops.n8n.plugins.module_utils._operations import export, info, instance, stats, wait
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result

from tests.faults.task import Executions, Task
from tests.unit import rows


class Export(Task):
    operation = export

    def choose(self, chance: Random) -> dict[str, Any]:
        self.path = self.folder / chance.choice(("all.jsonl", "all.jsonl.gz"))
        options = {key: value for key, value in self.selection(chance).items() if key != "all"}
        return {**options, "include_data": chance.random() < 0.3}

    def params(self) -> dict[str, Any]:
        return rows.export_params(str(self.path), **self.options)

    def harm(self, before: Executions, after: Executions) -> Iterable[str]:
        yield from super().harm(before, after)
        if self.path.exists():
            raw = self.path.read_bytes()
            lines = (gzip.decompress(raw) if self.path.suffix == ".gz" else raw).decode().splitlines()
            self.written, meant = [int(json.loads(line)["id"]) for line in lines], self.meant(before)
            if self.world.profile == "1.123" and "execution_id" not in self.options:
                # It lists nowhere what it holds in memory.
                meant = {number for number in meant if not before[number].is_live or number in self.written}
            if sorted(self.written) != sorted(meant):
                yield f"{sorted(self.written)} were written, {sorted(meant)} were meant"

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        there = self.path.exists()
        if there != (result.failure is None) or (clean and not there):
            yield f"the file is {'there' if there else 'not there'}: {result.failure}"
        elif there and result.values["count"] != len(self.written):
            yield f"{result.values['count']} told to be written, {len(self.written)} are"
        self.path.unlink(missing_ok=True)


class Look(Task):
    """Looking changes nothing, and tells all or that it does not."""

    operation = info

    def choose(self, chance: Random) -> dict[str, Any]:
        options = {key: value for key, value in self.selection(chance).items() if key != "all"}
        return {**options, "limit": 1000, "include_data": chance.random() < 0.3, "retry_chain": chance.random() < 0.2}

    def params(self) -> dict[str, Any]:
        return rows.info_params(**self.options)

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        found = {int(record["id"]) for record in result.values["executions"]}
        if not found <= self.meant(before):
            yield f"{sorted(found - self.meant(before))} were not meant"
        if result.failure is None and found != self.meant(before):
            yield f"it says all is well with {sorted(found)} instead of {sorted(self.meant(before))}"
        if clean and result.failure is not None:
            yield f"nothing went wrong, but it says {result.failure}"


class Count(Task):
    operation = stats

    def choose(self, chance: Random) -> dict[str, Any]:
        return {key: value for key, value in self.selection(chance).items() if key != "all"}

    def params(self) -> dict[str, Any]:
        return rows.stats_params(**self.options)

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        counted, meant = result.values["statistics"]["total"], len(self.meant(before))
        if counted > meant or (counted != meant and (result.failure is None or result.values["window"]["complete"])):
            yield f"it says all is well with {counted} instead of {meant}"
        if clean and result.failure is not None:
            yield f"nothing went wrong, but it says {result.failure}"


class Wait(Task):
    """Nothing here ever comes to its end by itself, so what is live is waited for in vain."""

    operation = wait

    def choose(self, chance: Random) -> dict[str, Any]:
        options = {key: value for key, value in self.selection(chance).items() if key in ("execution_id", "workflow")}
        return {**(options or {"status": ["waiting"]}), "wait_timeout": 0.3, "poll_interval": 0.05}

    def params(self) -> dict[str, Any]:
        return rows.wait_params(**self.options)

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        told = {int(record["id"]): record["status"] for record in result.values["executions"]}
        if any(number not in after or after[number].status != status for number, status in told.items()):
            yield f"{told} is not what they are"
        live = {number for number in self.meant(before) if before[number].is_live}
        if not {int(one["id"]) for one in result.values["open"]} <= live:
            yield f"{result.values['open']} are told to be open"
        hidden = self.world.profile == "1.123" and "execution_id" not in self.options
        if result.failure is None and live and not (hidden and result.warnings):
            yield f"it says that all is over, and {sorted(live)} are not"
        if clean and not live and result.failure is not None:
            yield f"nothing was open, but it says {result.failure}"


class Instance(Task):
    """What it tells of the server is true, or it fails."""

    operation = instance

    def choose(self, chance: Random) -> dict[str, Any]:
        return {}

    def params(self) -> dict[str, Any]:
        return {}

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        era = "zod" if self.world.profile == "2.41" else "validator"
        if result.values["era"] not in (None, era) or (clean and not (result.values["ready"] and result.values["era"] == era)):
            yield f"it is told to be {result.values}"
