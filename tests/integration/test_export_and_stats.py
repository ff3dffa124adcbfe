"""Executions in files and in figures: whole or not at all, and in a memory that does not grow with them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.integration.plays import run_target, run_tasks, writes
from tests.servers import Server, Workflow
from tests.simulator.faults import Fault
from tests.simulator.seed import Row
from tests.simulator.server import running

# One simulator of each era is enough: what differs between versions is tested call by call and module by module.
pytestmark = pytest.mark.only("1.123", "2.41")

STATUSES = ["success"] * 12 + ["error"] * 4 + ["canceled"] * 2


def history(workflow: Workflow) -> tuple[list[str], list[datetime]]:
    """Executions an hour apart of 20 days ago; their ids and starts."""
    first = datetime.now(timezone.utc).replace(minute=10, second=0, microsecond=0) - timedelta(days=20)
    starts = [first + timedelta(hours=hour) for hour in range(len(STATUSES))]
    ids = workflow.server.insert(
        Row(workflow.id, status, started_at=start, stopped_at=start + timedelta(seconds=second))
        for second, (status, start) in enumerate(zip(STATUSES, starts, strict=True), start=1)
    )
    return ids, starts


def test_executions_are_exported_whole_and_once(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    inserted, _starts = history(workflow)
    server.calls.clear()
    variables = {"workflow_id": workflow.id, "inserted": inserted, "folder": str(tmp_path), "absent_id": "999999999"}
    run_target(server, "n8n_execution_export", tmp_path, **variables)
    assert writes(server) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".n8n")) == []


def test_executions_are_counted(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    inserted, starts = history(workflow)
    tenth = starts[9].isoformat(timespec="milliseconds").replace("+00:00", "Z")
    run_target(server, "n8n_execution_stats_info", tmp_path, workflow_id=workflow.id, inserted=inserted, tenth_start=tenth)


@pytest.mark.parametrize("name", ["export.json", "export.jsonl.gz"])
def test_a_fault_in_the_middle_leaves_the_file_as_it_was(tmp_path: Path, name: str) -> None:
    with running("2.41", seed=600) as simulator:
        path = tmp_path / name
        path.write_bytes(b"what was there")
        simulator.faults.add(
            Fault("answer", status=500, body='{"message": "broken"}', skip=4, times=99, path="/api/v1/executions")
        )
        (done,) = run_tasks(simulator, [{"flowops.n8n.n8n_execution_export": {"path": str(path)}}], tmp_path)
    assert (done["failed"], done["changed"]) == (True, False)
    assert "is as it was before" in done["msg"]
    assert path.read_bytes() == b"what was there"
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".n8n-")] == []


MEASURED = """
import json, sys
from pathlib import Path
from datetime import datetime, timezone
from ansible_collections.flowops.n8n.plugins.module_utils import client
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations import export, stats
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils._transport import Connection

verb, url, key, path = sys.argv[1:]
n8n = client.N8nClient(Connection(url=url, api_path="/api/v1", headers={"X-N8N-API-KEY": key}))
everything = Selection(now=datetime.now(timezone.utc))
rule = stats.StatsRule(everything, "day") if verb == "stats" else export.ExportRule(everything, path, "jsonl", False)
values = {"stats": stats, "export": export}[verb].carry_out(n8n, rule, False).values
count = values["statistics"]["total"] if verb == "stats" else values["count"]
# Not ru_maxrss, which counts what the process was a fork of.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps([count, int(status["VmHWM"].split()[0])]))
"""


def test_a_hundred_thousand_take_no_more_memory_than_ten_thousand(tmp_path: Path) -> None:
    """The peak of the process that exports and counts, in KiB."""
    program = tmp_path / "measured.py"
    program.write_text(textwrap.dedent(MEASURED), encoding="utf-8")
    peaks: dict[str, list[int]] = {"export": [], "stats": []}
    for number in (10_000, 100_000):
        with running("2.41", seed=number) as simulator:
            for verb, seen in peaks.items():
                command = [sys.executable, str(program), verb, simulator.url, simulator.api_key, str(tmp_path / "all.jsonl")]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                count, peak = json.loads(done.stdout)
                assert count == number
                seen.append(peak)
    for seen in peaks.values():
        assert seen[1] - seen[0] < 8 * 1024, peaks
