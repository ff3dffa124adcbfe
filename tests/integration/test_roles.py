"""The roles as they are scheduled: by their playbooks, over one instance or several."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from tests.integration.plays import ansible_playbook, writes
from tests.servers import Server, Servers, Workflow
from tests.simulator.seed import Row

CLEANUP, RETRY = "flowops.n8n.execution_cleanup", "flowops.n8n.execution_retry"
REPORT = "flowops.n8n.execution_report"


def past(workflow: Workflow, *statuses: str, days: float = 40) -> list[str]:
    first = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=days)
    starts = [first + timedelta(minutes=minute) for minute in range(len(statuses))]
    return workflow.server.insert(
        Row(workflow.id, status, started_at=start, stopped_at=start + timedelta(seconds=2))
        for status, start in zip(statuses, starts, strict=True)
    )


def play(server: Any, playbook: str, folder: Path, *options: str, **variables: Any) -> str:
    """What a playbook prints; its last line tells the recap."""
    path = folder / "variables.json"
    path.write_text(json.dumps(variables), encoding="utf-8")
    return ansible_playbook(server, playbook, "-e", f"@{path}", *options).stdout


def recap(printed: str, host: str = "localhost") -> dict[str, int]:
    line = next(line for line in printed.splitlines() if line.startswith(f"{host} "))
    return {name: int(count) for name, count in re.findall(r"(\w+)=([0-9]+)", line)}


def test_cleanup_carries_out_each_policy_and_a_second_run_changes_nothing(server: Server, tmp_path: Path) -> None:
    first, second = server.succeeds(), server.succeeds(name="Ñightly import")
    kept = past(first, *["success"] * 4, "error")[2:] + past(second, "success")
    going = past(second, "error", "error")
    recent = past(first, "success", days=1)
    archive = tmp_path / "archive.jsonl.gz"
    policies = [
        {"workflow": [first.id], "older_than": "30d", "keep_last": 4, "archive_path": str(archive)},
        {"workflow": [second.name], "older_than": "30d", "status": ["error"]},
    ]
    server.calls.clear()
    predicted = play(server, CLEANUP, tmp_path, "--check", execution_cleanup_policies=policies)
    assert "Would delete 4 executions" in predicted
    assert "space is free" not in predicted
    assert recap(predicted)["changed"] == 2
    assert writes(server) == []
    assert not archive.exists()
    done = play(server, CLEANUP, tmp_path, execution_cleanup_policies=policies)
    assert "Deleted 4 executions, 2 of them archived before that; by status {'error': 2, 'success': 2}" in done
    assert "space is free" in done
    assert f"{second.name}: Deleted 2 executions" in done
    assert sorted(first.ids() + second.ids(), key=int) == sorted(kept + recent, key=int)
    assert not set(going) & set(second.ids())
    assert archive.stat().st_mode & 0o777 == 0o600
    again = play(server, CLEANUP, tmp_path, execution_cleanup_policies=policies)
    assert (recap(again)["changed"], recap(again)["failed"]) == (0, 0)
    assert '"Deleted 0 executions."' in again


def test_cleanup_works_in_slices_with_a_line_each(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    past(workflow, *["success"] * 1000)
    policies = [{"workflow": [workflow.id], "older_than": "30d"}]
    # Long enough to read and begin to delete on a busy machine, too short for all of them.
    options = {"execution_cleanup_policies": policies, "n8n_concurrency": 1, "execution_cleanup_slice": 0.5}
    printed = play(server, CLEANUP, tmp_path, **options)
    lines = re.findall(r"([0-9]+) so far(, more remain)?\.", printed)
    assert len(lines) > 1
    assert [bool(more) for _count, more in lines] == [True] * (len(lines) - 1) + [False]
    assert lines[-1][0] == "1000"
    assert workflow.ids() == []


def test_a_slice_too_short_for_anything_fails_instead_of_leaving_the_rest_in_silence(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    ids = past(workflow, *["success"] * 3)
    policies = [{"workflow": [workflow.id], "older_than": "30d"}]
    printed = play(server, CLEANUP, tmp_path, execution_cleanup_policies=policies, execution_cleanup_slice=0.000001)
    assert workflow.ids() == ids
    assert (recap(printed)["failed"], recap(printed)["changed"]) == (1, 0)
    assert f"{workflow.id}: No execution could be deleted within 1e-06 seconds" in printed


def test_a_policy_without_a_workflow_is_for_the_rest_and_one_that_fails_does_not_keep_the_others(
    servers: Servers, tmp_path: Path
) -> None:
    """On a server where it may delete whatever there is."""
    server = servers["simulator-2.13"]
    server.sql("DELETE FROM execution_entity")
    named, others = server.succeeds(), [server.succeeds(), server.fails()]
    kept = past(named, *["success"] * 6)
    for other in others:
        past(other, "success", "error")
    policies = [{"workflow": [named.id], "older_than": "30d"}, {"older_than": "30d"}]
    printed = play(server, CLEANUP, tmp_path, execution_cleanup_policies=policies, execution_cleanup_abort_above=5)
    assert named.ids() == kept
    assert [other.ids() for other in others] == [[], []]
    assert "more than 5 executions match" in printed
    assert (recap(printed)["failed"], recap(printed)["rescued"]) == (1, 1)
    assert "Deleted 4 executions" in printed


def test_a_policy_needs_an_age(server: Server, tmp_path: Path) -> None:
    server.calls.clear()
    printed = play(server, CLEANUP, tmp_path, execution_cleanup_policies=[{"keep_last": 3}])
    assert "older_than" in printed
    assert recap(printed)["failed"] == 1
    assert len(server.calls) == 0


def test_retry_retries_what_may_pass_and_leaves_alone_what_keeps_failing(server: Server, tmp_path: Path) -> None:
    flaky, lasting, hopeless = server.flaky(), server.fails(), server.flaky()
    failed = flaky.run("error")
    lasting.run("error")
    for _unused in range(3):
        hopeless.run("error")
    flaky.stub.succeed()
    options = {
        "execution_retry_workflow": [flaky.id, lasting.id, hopeless.id],
        "execution_retry_give_up_after": 3,
        "execution_retry_pause": 0,
        "execution_retry_backoff": 0,
    }
    server.calls.clear()
    predicted = play(server, RETRY, tmp_path, "--check", **options)
    assert f"{failed} retried" in predicted
    assert writes(server) == []
    printed = play(server, RETRY, tmp_path, **options)
    assert hopeless.id in re.findall(r"never succeeded: (.*)\"", printed)[0]
    retried = flaky.ids()[-1]
    assert f"{failed} retried {retried} success" in printed
    assert [path for _method, path in writes(server)] == [f"/api/v1/executions/{failed}/retry"]
    assert (len(lasting.ids()), len(hopeless.ids())) == (1, 3)
    again = play(server, RETRY, tmp_path, **options)
    assert (recap(again)["changed"], recap(again)["failed"]) == (0, 0)


def test_several_instances_are_several_hosts_and_one_that_is_down_does_not_stop_the_others(
    servers: Servers, tmp_path: Path
) -> None:
    fleet = [servers["simulator-1.123"], servers["simulator-2.41"]]
    workflows = [server.succeeds() for server in fleet]
    for workflow in workflows:
        past(workflow, "success", "error")
    hosts: dict[str, Any] = {
        server.profile: {
            "n8n_url": server.url,
            "n8n_api_key": server.api_key,
            "execution_cleanup_policies": [{"workflow": [workflow.id], "older_than": "30d"}],
        }
        for server, workflow in zip(fleet, workflows, strict=True)
    }
    hosts["down"] = {"n8n_url": "http://127.0.0.1:9", "n8n_api_key": "key-0123456789", "n8n_max_request_retries": 0}
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"n8n": {"hosts": hosts}}), encoding="utf-8")
    printed = play(fleet[0], CLEANUP, tmp_path, "-i", str(inventory))
    assert [workflow.ids() for workflow in workflows] == [[], []]
    assert [recap(printed, server.profile)["failed"] for server in fleet] == [0, 0]
    assert recap(printed, "down")["failed"] == 1
    assert "http://127.0.0.1:9" in printed
    assert not [server for server in fleet if server.api_key in printed]


def test_one_report_over_all_instances_names_the_one_that_is_down_and_a_second_run_changes_nothing(
    servers: Servers, tmp_path: Path
) -> None:
    hostile = '<script>alert(1)</script> "q" {{ 7 * 7 }} | \u202eevil'
    fleet = [servers["simulator-2.13"], servers["simulator-2.41"]]
    for server in fleet:
        # Nothing of other tests that goes on, and would be counted differently a second time.
        server.sql("DELETE FROM execution_entity")
        past(server.fails(name=hostile), "error", "error", "success", days=3)
        past(server.succeeds(), *["success"] * 4, days=40)
    hosts: dict[str, Any] = {
        server.profile: {"n8n_url": f"{server.url}/api/v1", "n8n_api_key": server.api_key} for server in fleet
    }
    hosts["down"] = {"n8n_url": "http://127.0.0.1:9", "n8n_api_key": "key-0123456789", "n8n_max_request_retries": 0}
    hosts["keyless"] = {"n8n_url": "http://127.0.0.1:9", "n8n_api_key": ""}
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"n8n": {"hosts": hosts}}), encoding="utf-8")
    page, text = tmp_path / "report.html", tmp_path / "report.md"
    options = {
        "execution_report_path": str(page),
        "execution_report_markdown_path": str(text),
        "execution_report_cleanup_policies": [{"older_than": "30d", "keep_last": 1}],
    }
    for server in fleet:
        server.calls.clear()
    printed = play(fleet[0], REPORT, tmp_path, "-i", str(inventory), **options)
    assert [recap(printed, server.profile)["failed"] for server in fleet] == [0, 0]
    assert (recap(printed, "down")["failed"], recap(printed, "keyless")["failed"]) == (1, 1)
    assert f"The report is {page} and {text}" in printed
    assert [writes(server) for server in fleet] == [[], []]
    made = page.read_text("utf-8")
    assert made.count("&lt;script&gt;alert(1)&lt;/script&gt; &#34;q&#34; {{ 7 * 7 }} | \ufffdevil") >= 2
    assert "<script" not in made
    assert made.count("A cleanup would remove 3 executions: 3 success.") == 2
    assert made.count("2 of 2 looked at") == 2
    assert f'href="{fleet[1].url}/workflow/' in made
    assert made.count("could not be read:") == 2
    assert "\\<script\\>" in text.read_text("utf-8")
    assert page.stat().st_mode & 0o777 == 0o600
    again = play(fleet[0], REPORT, tmp_path, "-i", str(inventory), **options)
    assert {recap(again, host)["changed"] for host in hosts} == {0}
    assert not [server for server in fleet if server.api_key in printed + again + made]
