"""Runs workflows as n8n's regular mode does: in memory, one task each, saved when they are over."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.simulator.nodes import SHORTEST_PARKED_WAIT, Items, NodeFailed, run_node, wait_seconds
from tests.simulator.rundata import (
    WAIT,
    RunData,
    Workflow,
    before_start,
    cancelled,
    node_error,
    node_named,
    node_run,
    nodes_after,
    pack,
    stack_entry,
    unpack,
)
from tests.simulator.store import Execution, Store, now, stamp

SNAPSHOT = ("id", "name", "nodes", "connections", "settings")
STOPPABLE = ("new", "unknown", "waiting", "running")


class Refused(Exception):
    """The execution's state does not allow what was asked. ``kind`` says which rule it is."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class NoData(LookupError):
    """The execution is there, its data is not."""


class Cancelled(Exception):
    """The run that somebody waited for was stopped by hand."""


@dataclass
class Run:
    """One execution held in memory, running or parked at a Wait node."""

    execution_id: int
    retry_of: int | None
    started_at: str
    workflow: Workflow
    data: RunData
    answered: asyncio.Future[dict[str, Any]]
    task: asyncio.Task[None] | None = None
    parked: bool = False


class Engine:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._runs: dict[int, Run] = {}

    def in_memory(self, parked_too: bool) -> list[int]:
        return [run.execution_id for run in self._runs.values() if parked_too or not run.parked]

    async def close(self) -> None:
        """End every run without saving it, as when the server is killed."""
        tasks = [run.task for run in self._runs.values() if run.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, workflow: Mapping[str, Any], node: Mapping[str, Any], request: dict[str, Any]) -> Run:
        """Begin an execution at a webhook node that got this request."""
        items = [{"json": request, "pairedItem": {"item": 0}}]
        data = before_start(stack_entry(node, items, None))
        return self._begin(_snapshot(workflow), data, "webhook", None, workflow["versionId"])

    async def retry(self, execution_id: int, load_workflow: bool) -> dict[str, Any]:
        """Run it again and return n8n's answer, once the new run is over or parked.

        Raises what ``begin_retry`` does, and Cancelled.
        """
        execution, original, _unused = self._stored(execution_id)
        run = self.begin_retry(execution_id, load_workflow)
        answer = await asyncio.shield(run.answered)
        return {
            "id": str(run.execution_id),
            "mode": "retry",
            "startedAt": run.started_at,
            "workflowId": execution["workflowId"],
            **answer,
            "workflowData": {**original, "active": False},
        }

    def begin_retry(self, execution_id: int, load_workflow: bool, start: str | None = None) -> Run:
        """Run it again, from the node that failed or from the one named ``start``.

        Raises Refused, LookupError without such an execution, NoData without its data, TypeError or ValueError for data
        that cannot be read.
        """
        execution, workflow, data = self._stored(execution_id)
        if execution["status"] == "new":
            raise Refused("queued", "Execution is queued to run (not yet started) so it cannot be retried")
        if data is None:
            raise TypeError("Cannot read properties of undefined (reading 'executionData')")
        if not data.get("executionData"):
            raise Refused("aborted", "The execution was aborted before starting, so it cannot be retried")
        if execution["finished"]:
            raise Refused("succeeded", "The execution succeeded, so it cannot be retried.")
        result = data["resultData"]
        last = result.get("lastNodeExecuted")
        if last:
            # Without one, as after a stop, the old error stays: the retry runs through and is an error all the same.
            result.pop("error", None)
            runs = result["runData"].get(last)
            if runs and "error" in runs[-1]:
                runs.pop()
        if start is not None:
            _begin_at(start, workflow, data)
        if load_workflow:
            workflow = self._reloaded(workflow, data)
        return self._begin({**workflow, "active": False}, data, "retry", execution_id)

    def _stored(self, execution_id: int) -> tuple[Execution, dict[str, Any], RunData | None]:
        """The execution, the snapshot of its workflow and its data, which n8n reads before anything else."""
        execution = self._store.execution(execution_id)
        if execution is None:
            raise LookupError(execution_id)
        stored = self._store.data(execution_id)
        if stored is None:
            raise NoData("Cannot read properties of null (reading 'data')")
        return execution, json.loads(stored[0]), unpack(stored[1])

    def _reloaded(self, workflow: Workflow, data: RunData) -> dict[str, Any]:
        """The workflow as saved now; the nodes that wait for their turn are replaced by its own."""
        saved = self._store.workflow(workflow["id"])
        if saved is None:
            raise LookupError(workflow["id"])
        for entry in data["executionData"]["nodeExecutionStack"]:
            name = entry["node"]["name"]
            node = node_named(saved, name)
            if node is None:
                message = (
                    f'Could not find the node "{name}" in workflow. It probably got deleted or renamed. '
                    "Without it the workflow can sadly not be retried."
                )
                raise Refused("node", message)
            entry["node"] = node
        return _snapshot(saved)

    def stop(self, execution_id: int) -> Execution:
        """Stop one execution and return it. Raises Refused when it is over, else as ``retry`` does."""
        execution, _unused, data = self._stored(execution_id)
        if execution["status"] not in STOPPABLE:
            current = f"{execution_id} is currently {execution['status']}"
            message = f"Only running or waiting executions can be stopped and {current}"
            raise Refused("over", message)
        run = self._runs.pop(execution_id, None)
        if run is not None:
            if run.task:
                run.task.cancel()
            if not run.answered.done():
                run.answered.set_exception(Cancelled())
                # Nobody waits for the run of a webhook.
                run.answered.exception()
        data = data or before_start(None)
        data["resultData"]["error"] = cancelled(execution_id, _milliseconds())
        changes = {"stoppedAt": now(), "waitTill": None, "status": "canceled"}
        self._store.update(execution_id, changes, pack(data))
        return {**execution, **changes}

    def _begin(self, workflow: dict[str, Any], data: RunData, mode: str, retry_of: int | None, version: str | None = None) -> Run:
        moment = now()
        fields = {
            "workflowId": workflow["id"],
            "finished": False,
            "mode": mode,
            "status": "running",
            "createdAt": moment,
            "startedAt": moment,
            "retryOf": None if retry_of is None else str(retry_of),
            "workflowVersionId": version,
        }
        packed = pack(data)
        fields["jsonSizeBytes"] = len(packed)
        execution_id = self._store.create(fields, json.dumps(workflow), packed)
        answered = asyncio.get_running_loop().create_future()
        run = Run(execution_id, retry_of, moment, workflow, data, answered)
        self._runs[execution_id] = run
        run.task = asyncio.get_running_loop().create_task(self._drive(run))
        return run

    async def _drive(self, run: Run) -> None:
        while (parked_until := await self._work(run)) is not None:
            self._park(run, parked_until)
            await asyncio.sleep((parked_until - datetime.now(timezone.utc)).total_seconds())
            run.parked = False
            self._store.update(run.execution_id, {"status": "running", "waitTill": None})
        self._finish(run)

    async def _work(self, run: Run) -> datetime | None:
        """Run node after node; stops at a failure, or at a long wait and returns its end."""
        result, stack = run.data["resultData"], run.data["executionData"]["nodeExecutionStack"]
        resumed = run.data.pop("waitTill", None) is not None
        if resumed and stack:
            result["runData"].get(stack[0]["node"]["name"], [None]).pop()
        index = 0
        while stack:
            entry = stack.pop(0)
            node, items = entry["node"], entry["data"]["main"][0]
            name = node["name"]
            source = entry["source"]["main"][0]["previousNode"] if entry.get("source") else None
            started = _milliseconds()
            runs = result["runData"].setdefault(name, [])
            result["lastNodeExecuted"] = name
            if node["type"] == WAIT and not resumed and wait_seconds(node) >= SHORTEST_PARKED_WAIT:
                until = datetime.now(timezone.utc) + timedelta(seconds=wait_seconds(node))
                runs.append(node_run(started, 0, index, source, "waiting", items))
                stack.insert(0, entry)
                run.data["waitTill"] = until.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                return until
            try:
                # A wait that is over, or that a retry takes up, lets its items through.
                output: Items = items if resumed else await run_node(node, items)
            except NodeFailed as failure:
                error = node_error(failure.kind, failure.message, node, _milliseconds(), **failure.details)
                runs.append(node_run(started, _milliseconds() - started, index, source, "error", None, error))
                result["error"] = error
                stack.insert(0, entry)
                return None
            resumed = False
            runs.append(node_run(started, _milliseconds() - started, index, source, "success", output))
            index += 1
            for target in nodes_after(run.workflow, name):
                following = node_named(run.workflow, target)
                if following is not None:
                    stack.append(stack_entry(following, output, name))
        return None

    def _park(self, run: Run, until: datetime) -> None:
        run.parked = True
        packed = pack(run.data)
        changes = {"status": "waiting", "waitTill": stamp(until), "stoppedAt": now(), "jsonSizeBytes": len(packed)}
        self._store.update(run.execution_id, changes, packed)
        self._answer(run, "waiting", False, until)

    def _finish(self, run: Run) -> None:
        del self._runs[run.execution_id]
        finished = not run.data["executionData"]["nodeExecutionStack"]
        status = "error" if "error" in run.data["resultData"] else "success"
        settings = run.workflow.get("settings") or {}
        setting = "saveDataSuccessExecution" if status == "success" else "saveDataErrorExecution"
        if settings.get(setting) == "none":
            self._store.delete(run.execution_id)
        else:
            packed = pack(run.data)
            changes = {"status": status, "finished": finished, "stoppedAt": now(), "jsonSizeBytes": len(packed)}
            self._store.update(run.execution_id, changes, packed)
            if finished and run.retry_of is not None:
                self._store.update(run.retry_of, {"retrySuccessId": str(run.execution_id)})
        self._answer(run, status, finished, None)

    def _answer(self, run: Run, status: str, finished: bool, wait_till: datetime | None) -> None:
        if run.answered.done():
            return
        answer: dict[str, Any] = {"finished": finished, "retryOf": run.retry_of, "status": status}
        if wait_till is not None:
            answer["waitTill"] = stamp(wait_till)
        run.answered.set_result({**answer, "data": run.data})


def _begin_at(start: str, workflow: Workflow, data: RunData) -> None:
    """Have a node run next with the items that it got before; what it and those after it did is forgotten."""
    runs = data["resultData"]["runData"]
    before = next((name for name in runs if start in nodes_after(workflow, name)), None)
    items = ((runs[before][-1].get("data") or {}).get("main") or [[]])[0] if before else [{"json": {}}]
    todo = [start]
    while todo:
        name = todo.pop()
        runs.pop(name, None)
        todo += [following for following in nodes_after(workflow, name) if following in runs]
    entry = stack_entry(node_named(workflow, start) or {}, items, before)
    data["executionData"]["nodeExecutionStack"] = [entry]


def _snapshot(workflow: Mapping[str, Any]) -> dict[str, Any]:
    return {name: workflow[name] for name in SNAPSHOT}


def _milliseconds() -> int:
    return int(time.time() * 1000)
