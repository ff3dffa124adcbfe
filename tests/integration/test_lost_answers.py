"""What an answer that never came leaves behind is looked up: the result says what the database says.

Against the simulator alone, which loses answers when it is told to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.plays import run_tasks
from tests.simulator.faults import Fault
from tests.simulator.server import Simulator, running

RETRY = "/api/v1/executions/*/retry"
ONE = "/api/v1/executions/*"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running("2.41", seed=200, days=10) as simulator:
        yield simulator


def ids(simulator: Simulator, where: str = "TRUE") -> list[str]:
    with closing(sqlite3.connect(simulator.database)) as database:
        return [str(row[0]) for row in database.execute(f"SELECT id FROM execution_entity WHERE {where} ORDER BY id")]


def posts(simulator: Simulator) -> list[str]:
    return [call.path for call in simulator.calls if call.method == "POST"]


def test_a_retry_whose_answer_is_lost_is_found_and_not_sent_again(simulator: Simulator, tmp_path: Path) -> None:
    failed = ids(simulator, "status = 'error'")[-1]
    simulator.faults.add(Fault("reset", method="POST", path=RETRY, after_acting=True))
    (done,) = run_tasks(simulator, [{"flowops.n8n.n8n_execution_retry": {"id": failed, "fail_on_error": False}}], tmp_path)
    (new,) = ids(simulator, f"retryOf = '{failed}'")
    assert posts(simulator) == [f"/api/v1/executions/{failed}/retry"]
    assert done["changed"]
    assert (done["chains"][0]["outcome"], done["chains"][0]["retry_id"]) == ("retried", new)


def test_a_retry_of_unknown_fate_is_said_loudly_and_not_sent_again(simulator: Simulator, tmp_path: Path) -> None:
    failed = ids(simulator, "status = 'error'")[-1]
    simulator.faults.add(Fault("reset", method="POST", path=RETRY, after_acting=False))
    (done,) = run_tasks(simulator, [{"flowops.n8n.n8n_execution_retry": {"id": failed, "fail_on_error": False}}], tmp_path)
    assert posts(simulator) == [f"/api/v1/executions/{failed}/retry"]
    assert ids(simulator, "retryOf IS NOT NULL") == []
    assert done["failed"]
    assert done["chains"][0]["outcome"] == "unknown"
    assert "Look in n8n before retrying it again" in done["msg"]


def test_deletions_whose_answers_are_lost_count_as_what_they_are(simulator: Simulator, tmp_path: Path) -> None:
    before = ids(simulator)
    simulator.faults.add(Fault("reset", method="DELETE", path=ONE, after_acting=True, times=3))
    simulator.faults.add(Fault("answer", method="DELETE", path=ONE, status=429, headers={"Retry-After": "1"}, times=2, skip=9))
    simulator.faults.add(Fault("answer", method="DELETE", path=ONE, status=500, body='{"message":"Broken"}', skip=20))
    (done,) = run_tasks(simulator, [{"flowops.n8n.n8n_execution_delete": {"older_than": "5d"}}], tmp_path)
    gone = sorted(set(before) - set(ids(simulator)))
    assert sorted(done["deleted_ids"]) == gone
    assert done["deleted"] == len(gone) == done["matched"] - 1
    assert done["not_found"] == []
    # One bad item does not end the batch, and is named.
    assert done["failed"]
    assert done["changed"]
    assert [error["status"] for error in done["errors"]] == [500]
    assert done["errors"][0]["id"] in done["msg"]
