"""What a cleanup asks a server with a long history for: it is in proportion to what goes, not to what there is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.integration.plays import run_tasks, writes
from tests.servers import Server, Workflow
from tests.simulator.seed import Row

# One simulator of each era is enough: what differs between versions is tested module by module.
pytestmark = pytest.mark.only("1.123", "2.41")

COUNT, DAYS = 10_000, 100


@pytest.fixture
def workflow(server: Server) -> Iterator[Workflow]:
    """With a hundred executions on each of a hundred days, of which others have their ids in between."""
    mine, others = server.succeeds(), server.succeeds()
    first = datetime.now(timezone.utc) - timedelta(days=DAYS)
    starts = [first + timedelta(days=DAYS) * number / COUNT for number in range(COUNT)]
    whose = [others.id if number % 3 == 0 else mine.id for number in range(COUNT)]
    server.insert(Row(one, started_at=start, stopped_at=start) for one, start in zip(whose, starts, strict=True))
    yield mine
    server.sql("DELETE FROM execution_entity WHERE workflowId IN (?, ?)", mine.id, others.id)


def lists(server: Server) -> int:
    return sum(call.method == "GET" and call.path == "/api/v1/executions" for call in server.calls)


def test_the_oldest_are_found_and_deleted_after_few_requests(server: Server, tmp_path: Path, workflow: Workflow) -> None:
    ids = workflow.ids()
    old = sum(number % 3 != 0 for number in range(COUNT // DAYS * 3))
    cleanup = {"workflow": [workflow.id], "older_than": f"{DAYS - 3}d", "keep_last": 50}
    server.calls.clear()
    (counted,) = run_tasks(server, [{"flowops.n8n.n8n_execution_delete": cleanup}], tmp_path, "--check")
    assert (counted["deleted"], writes(server)) == (old, [])
    # A page from the newest end on would have been read for each 250 of 6,667.
    assert lists(server) <= 14
    server.calls.clear()
    (done,) = run_tasks(server, [{"flowops.n8n.n8n_execution_delete": cleanup}], tmp_path)
    assert (done["deleted"], workflow.ids()) == (old, ids[old:])
    if not server.real:
        # As many as there are calls at once, reading ahead included.
        assert len({call.connection for call in server.simulator.calls}) <= 4
    server.calls.clear()
    (again,) = run_tasks(server, [{"flowops.n8n.n8n_execution_delete": cleanup}], tmp_path)
    assert (again["changed"], lists(server) <= 14) == (False, True)


def test_many_ids_take_a_page_for_each_two_hundred_and_fifty(server: Server, tmp_path: Path, workflow: Workflow) -> None:
    ids = workflow.ids()[:300]
    server.calls.clear()
    (done,) = run_tasks(server, [{"flowops.n8n.n8n_execution_delete": {"execution_id": ids}}], tmp_path)
    assert (done["deleted"], len(workflow.ids(id=int(ids[0])))) == (300, 0)
    assert lists(server) <= 3
    assert len(server.calls) <= 303
    if not server.real:
        assert len({call.connection for call in server.simulator.calls}) <= 4
