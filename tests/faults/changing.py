"""The verbs that change something."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete, retry, stop, tag
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._operations.outcome import RETRIED, UNKNOWN

from tests.faults.task import Executions, Task, others_changed
from tests.faults.world import LIVE, TAGS, Stored
from tests.unit import rows


class Delete(Task):
    """The one that cannot be undone."""

    operation = delete
    write = "DELETE"
    meets_itself = True

    def choose(self, chance: Random) -> dict[str, Any]:
        options = self.selection(chance)
        if chance.random() < 0.3:
            options["live"] = "delete"
        if "execution_id" not in options and chance.random() < 0.3:
            options["keep_last"] = chance.randint(1, 5)
        if "execution_id" not in options and chance.random() < 0.3:
            options["limit"] = chance.randint(1, 8)
        return options

    def params(self) -> dict[str, Any]:
        return rows.delete_params(**self.options)

    def _deletable(self, executions: Executions) -> list[int]:
        over = {"delete": {"running"}}.get(self.options.get("live", "skip"), LIVE)
        found = [number for number in sorted(self.meant(executions)) if executions[number].status not in over]
        keep = self.options.get("keep_last", 0)
        statuses = self.options.get("status", [one.status for one in executions.values()])
        for workflow in self.world.workflows if keep else ():
            ended = [one.id for one in executions.values() if one.workflow == workflow and not one.is_live]
            last = sorted(number for number in ended if executions[number].status in statuses)[-keep:]
            found = [number for number in found if number not in last]
        return found

    def predicted(self, checked: Result) -> Iterable[str]:
        yield from super().predicted(checked)
        wanted = len(self._deletable(self.before)[: self.options.get("limit")])
        if checked.values["deleted"] != wanted:
            yield f"the check promised {checked.values['deleted']} deletions instead of {wanted}"

    def harm(self, before: Executions, after: Executions) -> Iterable[str]:
        limit = self.options.get("limit")
        yield from others_changed(before, after, set(self._deletable(before)[: None if limit is None else self.runs * limit]))

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        deletable, gone = self._deletable(before), before.keys() - after.keys()
        told, doubtful = result.values["deleted"], len(result.values["errors"])
        if not {int(one) for one in result.values["deleted_ids"]} <= gone or told > len(gone):
            yield f"{told} deletions told ({result.values['deleted_ids']}), and {sorted(gone)} are gone"
        if len(gone) - told > doubtful:
            yield f"{len(gone)} are gone, {told} deletions told and {doubtful} errors"
        if result.changed != (told > 0):
            yield f"changed={result.changed} after {told} deletions"
        wanted = set(deletable[: self.options.get("limit")])
        if result.failure is None and gone != wanted:
            yield f"it says all is well, {sorted(gone)} are gone and {sorted(wanted)} were meant"
        if clean and result.failure is not None:
            yield f"nothing went wrong, but it says {result.failure}"

    def together(self, before: Executions, after: Executions, results: Sequence[Result]) -> Iterable[str]:
        yield from super().together(before, after, results)
        gone = before.keys() - after.keys()
        told = [{int(number) for number in one.values["deleted_ids"]} for one in results]
        # n8n may tell both of two that came at the same moment that it was theirs.
        if set().union(*told) != gone:
            yield f"{told} are told to be deleted, and {sorted(gone)} are gone"
        if "limit" not in self.options and gone != set(self._deletable(before)):
            yield f"{sorted(gone)} are gone and {self._deletable(before)} were meant"


class Archive(Delete):
    """Deleting with an archive: nothing goes that does not stand in it."""

    # Of two the second one is refused.
    meets_itself = False

    def params(self) -> dict[str, Any]:
        return {**super().params(), "archive_path": str(self.folder / "archive.jsonl.gz")}

    def harm(self, before: Executions, after: Executions) -> Iterable[str]:
        yield from super().harm(before, after)
        missing = self.before.keys() - after.keys() - self._archived()
        if missing:
            yield f"{sorted(missing)} are gone without being archived"

    def _archived(self) -> set[int]:
        """Those that stand whole in the archive: a killed run may leave half a record behind the last."""
        path = self.folder / "archive.jsonl.gz"
        text, rest = b"", path.read_bytes() if path.exists() else b""
        while rest:
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            text += member.decompress(rest)
            if not member.eof:
                break
            rest = member.unused_data
        records = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
        return {int(record["id"]) for record in records if record.get("data")}


class Retry(Task):
    """The one that must not happen twice."""

    operation = retry
    write = "POST"
    meets_itself = True

    def choose(self, chance: Random) -> dict[str, Any]:
        options = {**self.selection(chance), "max_attempts": chance.randint(1, 3)}
        # Few, as each of unknown fate is looked for.
        if "execution_id" in options:
            options["execution_id"] = options["execution_id"][:5]
        else:
            options |= {"status": ["error", "crashed"], "limit": 5}
        return {**options, "wait": chance.random() < 0.7, "wait_timeout": 2.0, "fail_on_error": False}

    def params(self) -> dict[str, Any]:
        return rows.retry_params(**self.options)

    def harm(self, before: Executions, after: Executions) -> Iterable[str]:
        yield from others_changed(before, {number: one for number, one in after.items() if number in before}, set())
        most, meant = self.options["max_attempts"], {root(before[number], after) for number in self.meant(before)}
        attempts = Counter(root(one, after) for one in after.values() if one.retry_of is not None)
        for original, made in Counter(root(one, after) for number, one in after.items() if number not in before).items():
            # Of two runs each may have decided before the other's retry was there.
            if original not in meant or made > self.runs * most or (self.runs == 1 and attempts[original] > most):
                yield f"{original} has {attempts[original]} retries, {made} of them new, with {self.options}"

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        new = {number: one for number, one in after.items() if number not in before}
        chains = {chain["execution_id"]: chain for chain in result.values["chains"]}
        by_original: Counter[int] = Counter(root(one, after) for one in new.values())
        for chain in chains.values():
            original = int(chain["original_id"] or 0)
            made = by_original.pop(original, 0)
            if made and chain["outcome"] not in (RETRIED, UNKNOWN, "retried_unrecorded"):
                yield f"{original} was retried {made} times, and is told to be {chain['outcome']}"
            seen = after.get(int(chain["retry_id"] or 0))
            if chain["outcome"] == RETRIED and (seen is None or seen.id in before or not made):
                yield f"{original} is told to be retried as {chain['retry_id']}, of which there is {seen}"
        if by_original:
            yield f"there are retries that nobody tells of: {dict(by_original)}"
        made, unknown = result.values["retries_made"], result.values["counts"].get(UNKNOWN, 0)
        if not made - unknown <= len(new) <= made:
            yield f"{made} retries told, {unknown} of them unknown, and {len(new)} are there"
        if result.changed != (made > 0):
            yield f"changed={result.changed} after {made} retries"
        if clean and result.failure is not None:
            yield f"nothing went wrong, but it says {result.failure}"

    def together(self, before: Executions, after: Executions, results: Sequence[Result]) -> Iterable[str]:
        yield from super().together(before, after, results)
        claimed = [int(chain["retry_id"]) for one in results for chain in one.values["chains"] if chain["outcome"] == RETRIED]
        new, made = after.keys() - before.keys(), sum(one.values["retries_made"] for one in results)
        # Only an answer tells whose it is.
        shared = self.options["wait"] and len(claimed) != len(set(claimed))
        if shared or not set(claimed) <= new or len(new) > made:
            yield f"{made} retries are told, {claimed} as the last of their chains, and {sorted(new)} are there"


def root(one: Stored, executions: Executions) -> int:
    while one.retry_of is not None and one.retry_of in executions:
        one = executions[one.retry_of]
    return one.retry_of or one.id


class Stop(Task):
    operation = stop
    write = "POST"
    meets_itself = True

    @property
    def possible(self) -> bool:
        return self.world.profile != "1.123"

    def choose(self, chance: Random) -> dict[str, Any]:
        options = {key: value for key, value in self.selection(chance).items() if key in ("execution_id", "workflow")}
        return options or {"all": True}

    def params(self) -> dict[str, Any]:
        return rows.stop_params(**self.options)

    def harm(self, before: Executions, after: Executions) -> Iterable[str]:
        live = {number for number in self.meant(before) if before[number].is_live}
        yield from others_changed(before, after, live)
        for number in live:
            if after.get(number) != before[number] and (number not in after or after[number].status != "canceled"):
                yield f"{number} became {after.get(number)} instead of canceled"

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        live = {number for number in self.meant(before) if before[number].is_live}
        stopped = {number for number in live if after[number] != before[number]}
        told = result.values["stopped"]
        if told > len(stopped) or len(stopped) - told > len(result.values["errors"]) + (result.failure is not None) * len(live):
            yield f"{told} told to be stopped, {sorted(stopped)} are"
        if clean and self._left(before, after):
            yield f"{self._left(before, after)} were not stopped: {result.failure}"

    def together(self, before: Executions, after: Executions, results: Sequence[Result]) -> Iterable[str]:
        if self._left(before, after):
            yield f"{self._left(before, after)} were not stopped: {[one.failure for one in results]}"

    def _left(self, before: Executions, after: Executions) -> list[int]:
        """Those that wait, and should not. What runs nowhere, its row says so all the same, n8n does not stop."""
        waiting = [number for number in self.meant(before) if before[number].status == "waiting"]
        return [number for number in waiting if after[number] == before[number]]


class Tag(Task):
    operation = tag
    write = "PUT"
    meets_itself = True

    @property
    def possible(self) -> bool:
        return self.world.profile != "1.123"

    def choose(self, chance: Random) -> dict[str, Any]:
        self.how = chance.choice(("add", "remove", "set"))
        self.named = chance.sample(TAGS, chance.randint(0 if self.how == "set" else 1, 2))
        return self.selection(chance)

    def params(self) -> dict[str, Any]:
        return rows.tag_params(**self.options, **{self.how: self.named})

    def harm(self, before: Executions, after: Executions) -> Iterable[str]:
        yield from others_changed(before, after, self.meant(before))
        for number in self.meant(before):
            if after.get(number) not in (before[number], replace(before[number], tags=self._goal(before[number]))):
                yield f"{number} is {after.get(number)} after {self.how} {self.named}"

    def judge(self, before: Executions, after: Executions, result: Result, clean: bool) -> Iterable[str]:
        changed = {number for number in self.meant(before) if after[number] != before[number]}
        told, doubtful = result.values["tagged"], len(result.values["errors"])
        if told > len(changed) or len(changed) - told > doubtful:
            yield f"{told} told to be changed with {doubtful} errors, {sorted(changed)} are"
        if (clean or result.failure is None) and self._missing(before, after):
            yield f"{self._missing(before, after)} have not their tags: {result.failure}"

    def together(self, before: Executions, after: Executions, results: Sequence[Result]) -> Iterable[str]:
        yield from super().together(before, after, results)
        if self._missing(before, after):
            yield f"{self._missing(before, after)} have not their tags"

    def _missing(self, before: Executions, after: Executions) -> list[int]:
        return [number for number in self.meant(before) if after[number].tags != self._goal(before[number])]

    def _goal(self, one: Stored) -> frozenset[str]:
        tags, named = one.tags, frozenset(self.named)
        return named if self.how == "set" else tags | named if self.how == "add" else tags - named
