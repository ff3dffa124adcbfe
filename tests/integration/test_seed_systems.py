"""Systems whose users this collection is for: what their own documents and programs do, done here.

Where n8n contradicts a document, n8n counts.
"""

from __future__ import annotations

import csv
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import ansible_playbook, run_tasks, writes
from tests.servers import Server, Servers, Workflow
from tests.simulator.seed import Row

# One simulator of each era is enough: what differs between versions is tested call by call and module by module.
pytestmark = pytest.mark.only("1.123", "2.41")


def module(name: str, **options: Any) -> dict[str, Any]:
    return {f"flowops.n8n.n8n_{name}": options}


def past(workflow: Workflow, *statuses: str, days: float = 40, mode: str = "webhook", seconds: float = 2.5) -> list[str]:
    """Executions of so many days ago, an hour apart, oldest first; each took a second longer than the one before."""
    first = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=days)
    starts = [first + timedelta(hours=hour) for hour in range(len(statuses))]
    return workflow.server.insert(
        Row(workflow.id, status, mode=mode, started_at=start, stopped_at=start + timedelta(seconds=seconds + number))
        for number, (status, start) in enumerate(zip(statuses, starts, strict=True))
    )


def test_executions_api_ja_lists_and_reads_as_measured_on_a_live_instance(server: Server, tmp_path: Path) -> None:
    """List over several pages, get, data on and off, every status, durations from the two times, ids as text."""
    workflow = server.succeeds()
    ended = ("success", "error", "canceled", "crashed")
    inserted = past(workflow, *(ended * 70))
    server.calls.clear()
    listed, one, whole, *by_status = run_tasks(
        server,
        [
            module("execution_info", workflow=workflow.id, limit=0),
            module("execution_info", id=inserted[1]),
            module("execution_info", id=inserted[1], include_data=True),
            *[module("execution_info", workflow=workflow.id, status=status, limit=0) for status in ended],
        ],
        tmp_path,
    )
    assert [record["id"] for record in listed["executions"]] == inserted[::-1]
    pages = [call for call in server.calls if call.path.endswith("/executions") and "status" not in call.query]
    # 280 rows are more than one page of n8n's holds; 2.13 takes the filter "crashed" and ignores it, so all are listed again.
    assert len([call for call in pages if "cursor" in call.query]) == (2 if server.profile == "2.13" else 1)
    record = one["executions"][0]
    assert (record["id"], record["status"], record["duration"]) == (inserted[1], "error", 3.5)
    # n8n's "finished" is no "over": a failed execution has it false. The status alone tells.
    assert "finished" not in record
    assert "data" not in record
    assert whole["executions"][0]["data"]["resultData"]
    for status, found in zip(ended, by_status, strict=True):
        assert {record["status"] for record in found["executions"]} == {status}
        assert found["count"] == 70


def test_executions_api_ru_watches_retries_and_cleans_up(server: Server, tmp_path: Path) -> None:
    """Its three programs: failures by workflow, retries that skip what has a success, cleanup by age in a project."""
    recovering, failing = server.flaky(), server.fails()
    already, fresh, hopeless = recovering.run("error"), recovering.run("error"), failing.run("error")
    recovering.stub.succeed()
    old = past(failing, "success", "error", days=90)
    (first,) = run_tasks(server, [module("execution_retry", id=already)], tmp_path)
    assert first["counts"] == {"retried": 1}

    both = [recovering.id, failing.id]
    watched, retried, again, cleaned, cleaned_again = run_tasks(
        server,
        [
            module("execution_stats_info", workflow=both, newer_than="1d"),
            module("execution_retry", workflow=recovering.id, newer_than="1d", pause=0.1, max_attempts=1),
            module("execution_retry", workflow=recovering.id, newer_than="1d", pause=0.1, max_attempts=1),
            module("execution_delete", workflow=both, older_than="60d", project=server.project_id),
            module("execution_delete", workflow=both, older_than="60d", project=server.project_id),
        ],
        tmp_path,
    )
    ranked = watched["statistics"]["workflows"]
    assert {one["workflow_id"]: one["failed"] for one in ranked} == {recovering.id: 2, failing.id: 1}
    assert ranked[0]["workflow_id"] == recovering.id
    # The one that has a successful retry is passed over, the other is retried.
    assert retried["counts"] == {"already_retried": 1, "retried": 1}
    assert [chain["retried_id"] for chain in retried["chains"] if chain["outcome"] == "retried"] == [fresh]
    assert not again["changed"]
    assert sorted(cleaned["deleted_ids"]) == sorted(old)
    assert not cleaned_again["changed"]
    assert hopeless in failing.ids()


def test_executions_api_ru_protects_what_is_live(server: Server, tmp_path: Path) -> None:
    """n8n itself deletes a waiting execution without complaint."""
    waiting = server.waits_hours()
    live = waiting.run("waiting")
    (done,) = run_tasks(server, [module("execution_delete", id=live)], tmp_path)
    assert (done["deleted"], done["kept_by_status"]) == (0, {"waiting": 1})
    assert waiting.ids() == [live]


def test_executions_api_mcp_debugs_and_retries_over_several_instances(server: Server, servers: Servers, tmp_path: Path) -> None:
    """Instances are inventory hosts. Failing node, flow, transient or not, safe retry, chain, back-off, wait, health."""
    other = servers["simulator-2.13"]
    flaky, elsewhere = server.flaky(), other.fails()
    failed, failed_there = flaky.run("error"), elsewhere.run("error")
    inventory = tmp_path / "hosts.json"
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {
        "production": {"n8n_url": server.url, "n8n_api_key": server.api_key, "n8n_failed": failed, **local},
        "staging": {"n8n_url": other.url, "n8n_api_key": other.api_key, "n8n_failed": failed_there, **local},
    }
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    copied = {"content": "{{ found | to_json }}", "dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json", "mode": "0600"}
    play = {
        "name": "Debug what failed",
        "hosts": "all",
        "gather_facts": False,
        "module_defaults": {"group/flowops.n8n.n8n": {"url": "{{ n8n_url }}", "api_key": "{{ n8n_api_key }}"}},
        "tasks": [
            {**module("execution_info", id="{{ n8n_failed }}", digest=True), "register": "found"},
            {"ansible.builtin.copy": copied},
        ],
    }
    playbook = tmp_path / "debug.yml"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    done = ansible_playbook(server, str(playbook), "-i", str(inventory))
    assert done.returncode == 0, done.stdout
    here, there = (
        json.loads((tmp_path / f"{host}.json").read_text("utf-8"))["executions"][0]["digest"]
        for host in ("production", "staging")
    )
    # What stands behind answered 500: another try may do. Whoever throws an error on purpose will throw it again.
    assert (here["failing_node"], here["transient"]) == ("Step 1", True)
    assert [node["name"] for node in here["flow"]] == ["Webhook", "Step 1"]
    assert (there["failing_node"], there["transient"], there["message"]) == ("Step 1", False, "Always fails")

    # Its safe retry demands finished: true, which no failed execution has; the chain decides here.
    (first,) = run_tasks(
        server,
        [module("execution_retry", id=failed, max_attempts=2, backoff=0.1, only_transient=True, fail_on_error=False)],
        tmp_path,
    )
    assert first["retries_made"] == 2
    flaky.stub.succeed()
    retried, waited, chain, health = run_tasks(
        server,
        [
            module("execution_retry", id=failed, wait=False),
            module("execution_wait", workflow=flaky.id, wait_timeout=60),
            module("execution_info", id=failed, retry_chain=True),
            module("execution_stats_info", workflow=flaky.id),
        ],
        tmp_path,
    )
    assert retried["changed"]
    assert waited["open"] == []
    members = chain["executions"][0]["retry_chain"]
    assert [member["id"] for member in members] == flaky.ids()
    assert [member["retry_of"] for member in members][:2] == [None, failed]
    assert members[-1]["status"] == "success"
    assert health["statistics"]["total"] == 4
    assert health["statistics"]["success_rate"] == 0.25


def test_executions_api_ko_reads_a_gateway_that_wraps_its_answers(servers: Servers, tmp_path: Path) -> None:
    """List, get, delete, retry in its envelope; statistics, filters, sorting, export, watching by polling."""
    server = servers["simulator-enveloped"]
    workflow, flaky = server.succeeds(), server.flaky()
    past(workflow, "success", "error", "success", "success")
    past(workflow, "success", days=50, mode="manual", seconds=60)
    failed = flaky.run("error")
    flaky.stub.succeed()
    exported = {form: tmp_path / f"executions.{form}" for form in ("json", "csv")}
    both = [workflow.id, flaky.id]
    listed, slowest, by_hand, statistics, *_exports, again = run_tasks(
        server,
        [
            module("execution_info", workflow=workflow.id),
            module("execution_info", workflow=workflow.id, sort_by="duration", limit=1),
            module("execution_info", workflow=workflow.id, mode="manual"),
            module("execution_stats_info", workflow=both),
            module("execution_export", workflow=workflow.id, path=str(exported["json"])),
            module("execution_export", workflow=workflow.id, path=str(exported["csv"])),
            module("execution_export", workflow=workflow.id, path=str(exported["csv"])),
        ],
        tmp_path,
    )
    assert listed["count"] == 5
    assert all(record["id"].startswith("exec-") for record in listed["executions"])
    assert slowest["executions"][0]["duration"] == 60
    assert by_hand["count"] == 1
    assert statistics["statistics"]["by_status"] == {"error": 2, "success": 4}
    assert not again["changed"]
    ids = [record["id"] for record in listed["executions"]]
    assert [record["id"] for record in json.loads(exported["json"].read_text("utf-8"))] == ids
    with exported["csv"].open(encoding="utf-8", newline="") as file:
        assert [record["id"] for record in csv.DictReader(file)] == ids

    original = f"exec-{failed}"
    retried, waited, deleted, absent = run_tasks(
        server,
        [
            module("execution_retry", id=original),
            module("execution_wait", workflow=flaky.id),
            module("execution_delete", id=ids[0]),
            module("execution_delete", id=ids[0]),
        ],
        tmp_path,
    )
    assert retried["chains"][0]["outcome"] == "retried"
    assert retried["chains"][0]["status"] == "success"
    assert waited["open"] == []
    assert deleted["deleted_ids"] == [ids[0]]
    assert (absent["changed"], absent["not_found"]) == (False, [ids[0]])


def failed_node(server: Server, execution_id: str) -> str:
    """n8n-work names nodes by their ids; this is the one that failed."""
    headers = {"Authorization": f"Bearer {server.api_key}"}
    error = server.request("GET", f"/v1/executions/{execution_id}?include=error", headers=headers).json()["error"]
    return str(error["nodeId"])


def test_executions_api_n8n_work_is_a_second_dialect_of_the_same_modules(servers: Servers, tmp_path: Path) -> None:
    """Bearer token, bracketed filters, cancel, retry from a node, node data, logs, the server's own statistics."""
    server = servers["simulator-n8n_work"]
    workflow, flaky, runner = server.succeeds(), server.flaky(), server.waits_seconds(60)
    past(workflow, "success", "error", "success")
    failed, running = f"exec_{flaky.run('error')}", f"exec_{runner.run('running')}"
    flaky.stub.succeed()

    def work(name: str, **options: Any) -> dict[str, Any]:
        return module(name, dialect="n8n_work", **options)

    server.calls.clear()
    start = failed_node(server, failed)
    listed, debugged, logged, node, retried, again, stopped, counted, refused = run_tasks(
        server,
        [
            work("execution_info", workflow=workflow.id, status="error"),
            work("execution_info", id=failed, digest=True),
            work("execution_info", id=failed, logs=True),
            work("execution_info", id=failed, nodes=["Webhook"]),
            work("execution_retry", id=failed, from_node=start, start_nodes=[start]),
            work("execution_retry", id=failed),
            work("execution_stop", id=running),
            work("execution_stats_info", newer_than="7d", source="server"),
            work("execution_tag", id=failed, add=["abc"]),
        ],
        tmp_path,
    )
    assert [record["status"] for record in listed["executions"]] == ["error"]
    assert listed["executions"][0]["raw_status"] in ("failed", "timeout")
    asked = [call.query for call in server.calls if call.path.endswith("/executions")]
    assert any(query.get("filter[workflowId]") == workflow.id and query.get("filter[status]") == "failed" for query in asked)
    assert debugged["executions"][0]["digest"]["failing_node"] == "Step 1"
    assert logged["executions"][0]["logs"]
    assert "Step 1" not in json.dumps(node["executions"][0]["data"])
    assert retried["chains"][0]["status"] == "success"
    assert not again["changed"]
    assert stopped["stopped"] == 1
    assert counted["statistics"]["total"] >= 1
    assert refused["failed"]
    assert "add" in refused["msg"]
    assert [path.rsplit("/", 1)[-1] for _method, path in writes(server)] == ["retry", "cancel"]
