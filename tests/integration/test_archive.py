"""Deleting with an archive, with what is to stay, and within a time: nothing is gone that is not on disk."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import run_tasks, writes
from tests.servers import Server, Workflow, eventually
from tests.simulator.faults import Fault
from tests.simulator.seed import Row
from tests.simulator.server import Simulator, running

DELETE = "flowops.n8n.n8n_execution_delete"
NAMES = pytest.mark.parametrize("name", ["archive.jsonl", "archive.jsonl.gz"])


def past(workflow: Workflow, count: int, days: float = 30, status: str = "success") -> list[str]:
    """Executions an hour apart, the first one so many days ago; their ids."""
    first = datetime.now(timezone.utc) - timedelta(days=days)
    starts = [first + timedelta(hours=hour) for hour in range(count)]
    return workflow.server.insert(
        Row(workflow.id, status, started_at=start, stopped_at=start + timedelta(seconds=5)) for start in starts
    )


def archived(path: Path) -> list[dict[str, Any]]:
    """What any reader of JSON Lines finds."""
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.decode().split("\n") if line]


def delete(**options: Any) -> dict[str, Any]:
    return {DELETE: options}


@NAMES
def test_what_is_deleted_can_be_read_back_with_its_data(server: Server, tmp_path: Path, name: str) -> None:
    workflow = server.fails()
    failed = workflow.run("error")
    inserted = past(workflow, 60)
    path = tmp_path / name
    options = {"workflow": [workflow.id], "archive_path": str(path)}
    server.calls.clear()
    (told,) = run_tasks(server, [delete(**options)], tmp_path, "--check")
    assert (told.get("failed", False), told["deleted"], path.exists()) == (False, 61, False)
    assert writes(server) == []

    first, second = run_tasks(server, [delete(older_than="1d", **options), delete(**options)], tmp_path)
    assert (first["deleted"], first["archived"], first["archive_path"]) == (60, 60, str(path)), first
    assert (second["deleted"], second["archived"]) == (1, 1), second
    assert workflow.ids() == []
    records = archived(path)
    assert sorted(record["id"] for record in records) == sorted([*inserted, failed])
    assert all(record["data"]["resultData"] for record in records)
    assert records[-1]["id"] == failed
    assert records[-1]["data"]["resultData"]["error"]["message"]
    assert (records[-1]["status"], records[-1]["workflow_id"]) == ("error", workflow.id)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_archive_may_go_without_data(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    inserted = past(workflow, 5)
    server.calls.clear()
    path = tmp_path / "archive.jsonl"
    run_tasks(server, [delete(workflow=[workflow.id], archive_path=str(path), archive_data=False)], tmp_path)
    assert [call for call in server.calls if "includeData" in call.query] == []
    assert sorted(record["id"] for record in archived(path)) == inserted
    assert not any("data" in record for record in archived(path))


def test_an_execution_without_data_in_n8n_is_archived_without_or_stays(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    start = datetime.now(timezone.utc) - timedelta(days=3)
    (bare,) = server.insert([Row(workflow.id, started_at=start, stopped_at=start, data=None)])
    path = tmp_path / "archive.jsonl"
    (done,) = run_tasks(server, [delete(workflow=[workflow.id], archive_path=str(path))], tmp_path)
    # Whatever this version makes of it: gone means that it is in the archive.
    assert (workflow.ids() == []) is ([record["id"] for record in archived(path)] == [bare]), done


def test_a_wrong_archive_is_refused_before_any_request(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    inserted = past(workflow, 3)
    foreign, link = tmp_path / "notes.jsonl", tmp_path / "link.jsonl"
    foreign.write_text("my notes\n", encoding="utf-8")
    link.symlink_to(foreign)
    server.calls.clear()
    results = run_tasks(
        server,
        [
            delete(workflow=[workflow.id], archive_path=str(path))
            for path in (foreign, link, tmp_path, tmp_path / "missing" / "archive.jsonl")
        ],
        tmp_path,
    )
    assert all(result["failed"] and "archive_path" in result["msg"] for result in results), results
    assert list(server.calls) == []
    assert workflow.ids() == inserted
    assert foreign.read_text(encoding="utf-8") == "my notes\n"


def test_the_newest_of_each_workflow_stay(server: Server, tmp_path: Path) -> None:
    one, two = server.succeeds(), server.succeeds()
    first, second = past(one, 10), past(two, 2)
    options = {"workflow": [one.id, two.id], "older_than": "1d", "keep_last": 3}
    (told,) = run_tasks(server, [delete(**options)], tmp_path, "--check")
    done, again = run_tasks(server, [delete(**options), delete(**options)], tmp_path)
    assert (one.ids(), two.ids()) == (first[-3:], second)
    assert (told["deleted"], done["deleted"], again["deleted"]) == (7, 7, 0)
    assert (done["kept_last"], again["changed"]) == (5, False)


def test_what_has_tags_stays(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    inserted = past(workflow, 4)
    if server.profile != "1.123":
        tag = server.add_tag("keep this")
        answer = server.api("PUT", f"/executions/{inserted[1]}/tags", json=[{"id": tag}])
        assert answer.status_code == 200, answer.text
    (done,) = run_tasks(server, [delete(workflow=[workflow.id], keep_tagged=True)], tmp_path)
    if server.profile == "1.123":
        # It cannot be asked what has tags, so nothing may go.
        assert (done["failed"], done["deleted"]) == (True, 0), done
        assert workflow.ids() == inserted
    else:
        assert (done["deleted"], done["kept_tagged"]) == (3, 1), done
        assert workflow.ids() == [inserted[1]]


def test_a_time_that_is_ample_changes_nothing(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    past(workflow, 5)
    (done,) = run_tasks(server, [delete(workflow=[workflow.id], time_budget=300)], tmp_path)
    assert (done["deleted"], done["more_remaining"]) == (5, False)


def ids(simulator: Simulator) -> set[str]:
    with closing(sqlite3.connect(simulator.database, timeout=30)) as database:
        return {str(row[0]) for row in database.execute("SELECT id FROM execution_entity")}


def test_a_run_ends_in_time_and_the_next_goes_on(tmp_path: Path) -> None:
    with running("2.41", seed=120, latency=0.1) as simulator:
        before = ids(simulator)
        path = tmp_path / "archive.jsonl"
        task = delete(all=True, time_budget=3, concurrency=2, archive_path=str(path))
        (first,) = run_tasks(simulator, [task], tmp_path)
        assert not first.get("failed"), first
        assert 0 < first["deleted"] < len(before)
        assert first["more_remaining"]
        assert len(ids(simulator)) == len(before) - first["deleted"]
        simulator.latency = 0.0
        (second,) = run_tasks(simulator, [delete(all=True, time_budget=300, archive_path=str(path))], tmp_path)
        assert first["deleted"] + second["deleted"] == len(before)
        assert not second["more_remaining"]
        assert {record["id"] for record in archived(path)} == before


def test_an_execution_that_cannot_be_read_is_not_deleted(tmp_path: Path) -> None:
    with running("2.41", seed=30) as simulator:
        before = ids(simulator)
        bad = sorted(before, key=int)[7]
        body = '{"message": "Broken"}'
        simulator.faults.add(Fault("answer", method="GET", path=f"/api/v1/executions/{bad}", status=500, body=body, times=99))
        path = tmp_path / "archive.jsonl"
        task = delete(all=True, archive_path=str(path), max_request_retries=0)
        (done,) = run_tasks(simulator, [task], tmp_path)
        assert done["failed"]
        assert [error["id"] for error in done["errors"]] == [bad]
        assert ids(simulator) == {bad}
        assert {record["id"] for record in archived(path)} == before - {bad}


def started(simulator: Simulator, task: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    """A playbook in a process group of its own, so that all of it can be killed."""
    play = {
        "name": "Test",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [task],
    }
    path = folder / "killed.yml"
    path.write_text(json.dumps([play]), encoding="utf-8")
    env = {
        **os.environ,
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "N8N_URL": simulator.url,
        "N8N_API_KEY": simulator.api_key,
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(path)]
    return subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def family(pid: int) -> list[int]:
    """A process and all that came of it: Ansible gives its workers sessions of their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found.extend(children.get(one, []))
    return found


def kill(process: subprocess.Popen[bytes]) -> None:
    for pid in family(process.pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


@NAMES
@pytest.mark.parametrize("deleted", [1, 30, 90])
def test_a_run_that_is_killed_loses_nothing(tmp_path: Path, name: str, deleted: int) -> None:
    with running("2.41", seed=200, latency=0.02) as simulator:
        before = ids(simulator)
        path = tmp_path / name
        task = delete(all=True, archive_path=str(path), concurrency=2)
        process = started(simulator, task, tmp_path)
        eventually(lambda: len(before) - len(ids(simulator)) >= deleted)
        kill(process)
        # What is under way in the server comes to its end.
        time.sleep(0.3)
        left = ids(simulator)
        assert left, "it was over before it was killed"
        assert before - left <= {record["id"] for record in archived(path)}

        simulator.latency = 0.0
        (done,) = run_tasks(simulator, [task], tmp_path)
        assert not done.get("failed"), done
        assert done["deleted"] == len(left)
        assert ids(simulator) == set()
        assert {record["id"] for record in archived(path)} == before
        assert all("data" in record for record in archived(path))
