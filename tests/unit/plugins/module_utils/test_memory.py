# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is held in memory at once does not grow with the history. A million takes a minute, so `make benchmark` measures it."""

from __future__ import annotations

import base64
import gc
import json
import tracemalloc
import typing as t
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete, export, stats
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, reply
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, delete_params, export_params, row, stats_params

# Less than thirty bytes for each execution more: not even their ids could be kept. What results list ends before the short one.
ROOM = 100_000
SHORT, LONG = 1_250, 4_750


class Long(FakeN8n):
    """So many executions, none of which exists until it is asked for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        # The most that was held when a page was asked for.
        self.held = 0

    def send(self, call: Call, **_options: t.Any) -> Answer:
        if call.method == "DELETE":
            return reply(call, 200, {"id": int(call.path.rsplit("/", 1)[-1])})
        gc.collect()
        self.held = max(self.held, tracemalloc.get_traced_memory()[0])
        query = dict(call.query)
        if "status" in query or query.get("workflowId") == "0":
            return reply(call, 200, {"data": [], "nextCursor": None})
        below = int(json.loads(base64.b64decode(query["cursor"]))["lastId"]) if "cursor" in query else self.count + 1
        numbers = range(below - 1, max(below - 251, 0), -1)
        cursor = base64.b64encode(json.dumps({"lastId": str(numbers[-1]), "limit": 250}).encode()).decode()
        rows = [row(number, workflow=f"w{number % 20}", start=number % 24) for number in numbers]
        return reply(call, 200, {"data": rows, "nextCursor": cursor if numbers[-1] > 1 else None})


Task = t.Callable[[N8nClient, Path], tuple[Result, t.Any]]


def remove(client: N8nClient, _folder: Path) -> tuple[Result, t.Any]:
    result = delete.carry_out(client, delete.parse(delete_params(all=True), NOW), False)
    return result, result.values["deleted"]


def predict(client: N8nClient, _folder: Path) -> tuple[Result, t.Any]:
    result = delete.carry_out(client, delete.parse(delete_params(older_than="0s", keep_last=1), NOW), True)
    return result, result.values["deleted"] + result.values["kept_last"]


def write(client: N8nClient, folder: Path) -> tuple[Result, t.Any]:
    result = export.carry_out(client, export.parse(export_params(str(folder / "all.jsonl.gz")), NOW), False)
    return result, result.values["count"]


def count(client: N8nClient, _folder: Path) -> tuple[Result, t.Any]:
    result = stats.carry_out(client, stats.parse(stats_params(), NOW), False)
    return result, result.values["statistics"]["total"]


def most_held(task: Task, rows: int, folder: Path) -> int:
    n8n = Long(rows)
    # What is there already need not be looked through for each page.
    gc.freeze()
    tracemalloc.start()
    try:
        result, done = task(n8n.client(), folder)
    finally:
        tracemalloc.stop()
        gc.unfreeze()
    assert (result.failure, done) == (None, rows)
    return n8n.held


@pytest.mark.parametrize("task", [remove, predict, write, count])
def test_memory_does_not_grow_with_the_history(task: Task, tmp_path: Path) -> None:
    # What is imported or compiled at first use is not counted.
    most_held(task, 300, tmp_path)
    assert most_held(task, LONG, tmp_path) - most_held(task, SHORT, tmp_path) < ROOM
