"""The roles as they are scheduled: by their playbooks, over one instance or several."""

from __future__ import annotations

import gzip
import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Template

from tests.integration.plays import ansible_playbook, writes
from tests.servers import Server, Servers, Workflow, eventually
from tests.simulator.seed import Row

# One simulator of each era is enough: what differs between versions is tested module by module.
pytestmark = [pytest.mark.only("1.123", "2.41"), pytest.mark.cores]

CLEANUP, RETRY = "flowops.n8n.execution_cleanup", "flowops.n8n.execution_retry"
REPORT, EXPORT = "flowops.n8n.execution_report", "flowops.n8n.execution_export"
DOCS = Path(__file__).parent.parent.parent / "docs"


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


def test_cleanup_works_in_slices_with_a_line_each(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = server.succeeds()
    past(workflow, *["success"] * 300)
    if not server.real:
        monkeypatch.setattr(server.simulator, "latency", 0.01)
    policies = [{"workflow": [workflow.id], "older_than": "30d"}]
    # Long enough to find the oldest and begin to delete, too short for all of them.
    options = {"execution_cleanup_policies": policies, "n8n_concurrency": 1, "execution_cleanup_slice": 2}
    printed = play(server, CLEANUP, tmp_path, **options)
    lines = re.findall(r"([0-9]+) so far(, more remain)?\.", printed)
    assert len(lines) > 1
    assert [bool(more) for _count, more in lines] == [True] * (len(lines) - 1) + [False]
    assert lines[-1][0] == "300"
    assert workflow.ids() == []


def test_slices_grow_so_that_a_week_of_them_is_less_than_ansible_can_nest() -> None:
    """It ends with a RecursionError at some 240, which would take hours to be seen here."""
    tasks = yaml.safe_load((DOCS.parent / "roles/execution_cleanup/tasks/slice.yml").read_text(encoding="utf-8"))
    budget = Template(tasks[0]["block"][0]["flowops.n8n.n8n_execution_delete"]["time_budget"])

    def lengths(first: int, slices: int) -> list[float]:
        """Of the slices of a policy, of which each second one that came before was another's."""
        return [
            float(
                budget.render(
                    execution_cleanup_slice=first,
                    execution_cleanup_policy={"older_than": "1d"},
                    execution_cleanup_slices=[{"policy": {"older_than": age}} for age in ("1d", "2d")] * number,
                )
            )
            for number in range(slices)
        ]

    assert lengths(60, 30) == [60.0] * 10 + [120.0] * 10 + [240.0] * 10
    assert sum(lengths(5, 140)) > timedelta(days=7).total_seconds()


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
    assert made.count("a cleanup would remove 3 executions: 3 success.") == 2
    assert made.count("2 of 2 messages read") == 2
    assert f'href="{fleet[1].url}/workflow/' in made
    assert made.count("could not be read:") == 2
    assert "\\<script\\>" in text.read_text("utf-8")
    assert page.stat().st_mode & 0o777 == 0o600
    again = play(fleet[0], REPORT, tmp_path, "-i", str(inventory), **options)
    assert {recap(again, host)["changed"] for host in hosts} == {0}
    assert not [server for server in fleet if server.api_key in printed + again + made]


@pytest.mark.only("2.41")
def test_the_example_inventory_runs_one_play_over_instances_of_both_eras(
    server: Server, servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it stands in the documentation, with other addresses and a third host that is down."""
    older = servers["n8n-1.123.81" if server.real else "simulator-1.123"]
    fleet = {"production": server, "staging": older}
    workflows = {host: (one.succeeds(name="Nightly import"), one.fails()) for host, one in fleet.items()}
    for name, one in fleet.items():
        # What other tests left would be counted, too.
        one.sql("DELETE FROM execution_entity WHERE stoppedAt IS NOT NULL")
        monkeypatch.setenv(f"N8N_API_KEY_{name.upper()}", one.api_key)
    for nightly, failing in workflows.values():
        past(nightly, *["success"] * 120, days=10)
        past(failing, *["error"] * 14, days=40)
        past(failing, "error", "error", days=1)
    addresses = {host: {"n8n_url": one.url} for host, one in fleet.items()}
    down = {"n8n_url": "http://127.0.0.1:9", "n8n_api_key": "key-0123456789", "n8n_max_request_retries": 0}
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"n8n": {"hosts": {**addresses, "down": down}}}), encoding="utf-8")
    inventory = ["-i", str(DOCS / "inventory.yml"), "-i", str(more)]
    page = tmp_path / "report.html"
    report = {"execution_report_path": str(page), "execution_report_markdown_path": ""}
    policies = {"execution_cleanup_policies": [{"older_than": "30d"}]}
    play(server, REPORT, tmp_path, *inventory, **report)
    # Of the nightly import the newest hundred stay; elsewhere the newest ten, of what ended three days ago or thirty.
    goes = {"production": 20 + 6, "staging": 110 + 6}
    told = page.read_text("utf-8")
    for gone in goes.values():
        assert f"cleanup would remove {gone} executions" in told

    def nothing_changed() -> bool:
        again = play(server, REPORT, tmp_path, *inventory, **report)
        return [recap(again, host)["changed"] for host in fleet] == [0, 0]

    # What other tests have begun and is still running would be counted differently a second time.
    assert eventually(nothing_changed, 120)
    for one in fleet.values():
        one.calls.clear()
    predicted = play(server, CLEANUP, tmp_path, *inventory, "--check")
    assert [writes(one) for one in fleet.values()] == [[], []]
    done = play(server, CLEANUP, tmp_path, *inventory)
    for host, gone in goes.items():
        assert f"Would delete {gone} executions" in predicted
        assert f"Deleted {gone} executions" in done
        assert [len(one.ids()) for one in workflows[host]] == [120 - (gone - 6), 10]
        assert recap(done, host)["failed"] == 0
    assert recap(done, "down")["failed"] == 1
    again = play(server, CLEANUP, tmp_path, *inventory)
    assert [recap(again, host)["changed"] for host in fleet] == [0, 0]
    # A variable of the command line is for all of them, and a host may be picked.
    picked = play(server, CLEANUP, tmp_path, *inventory, "--limit", "staging", **policies)
    assert "production" not in picked
    assert not [one for one in fleet.values() if one.api_key in predicted + done + again + page.read_text("utf-8")]


def test_export_writes_a_file_for_each_day_with_a_line_each_and_leaves_what_is_there(server: Server, tmp_path: Path) -> None:
    workflow, others = server.succeeds(), server.succeeds()
    past(others, "success", days=3)
    days = {ago: past(workflow, *["success", "error"] * ago, days=ago) for ago in (5, 3, 2)}
    past(workflow, "success", days=1)
    options = {
        "execution_export_path": f"{tmp_path}/%Y-%m-%d.jsonl.gz",
        "execution_export_days": 4,
        "execution_export_workflow": [workflow.id],
    }
    files = {ago: tmp_path / f"{datetime.now(timezone.utc) - timedelta(days=ago):%Y-%m-%d}.jsonl.gz" for ago in (5, 4, 3, 2)}
    predicted = play(server, EXPORT, tmp_path, "--check", **options)
    assert "Would write 20 executions to 4 files; 0 days had theirs already." in predicted
    assert not [path for path in files.values() if path.exists()]
    done = play(server, EXPORT, tmp_path, **options)
    assert re.findall(r"([0-9]+) so far, [0-9]+ a second, ([0-9]) days remain", done) == [
        ("10", "3"),
        ("10", "2"),
        ("16", "1"),
        ("20", "0"),
    ]
    written = {
        ago: [json.loads(line)["id"] for line in gzip.decompress(path.read_bytes()).splitlines()] for ago, path in files.items()
    }
    assert {ago: sorted(ids, key=int) for ago, ids in written.items()} == {**days, 4: []}
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}
    # What was deleted since then stays where it was exported to, and only the day that is missing is written.
    server.sql("DELETE FROM execution_entity WHERE workflowId = ?", workflow.id)
    files[2].unlink()
    again = play(server, EXPORT, tmp_path, **options)
    assert "Wrote 0 executions to 1 files; 3 days had theirs already." in again
    assert len(gzip.decompress(files[5].read_bytes()).splitlines()) == 10
    once_more = play(server, EXPORT, tmp_path, **options)
    assert (recap(once_more)["changed"], recap(once_more)["failed"]) == (0, 0)


def test_export_of_several_instances_wants_a_file_for_each(servers: Servers, tmp_path: Path) -> None:
    server = servers["simulator-2.41"]
    hosts = {name: {"n8n_url": server.url, "n8n_api_key": server.api_key} for name in ("first", "second")}
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"n8n": {"hosts": hosts}}), encoding="utf-8")
    shared = play(server, EXPORT, tmp_path, "-i", str(inventory), execution_export_path=f"{tmp_path}/%F.jsonl")
    assert "Put {{ inventory_hostname }} into it." in shared
    assert list(tmp_path.glob("*.jsonl")) == []
    own = {"execution_export_path": f"{tmp_path}/{{{{ inventory_hostname }}}}-%F.jsonl", "execution_export_days": 2}
    done = play(server, EXPORT, tmp_path, "-i", str(inventory), **own)
    assert (recap(done, "first")["failed"], recap(done, "second")["failed"]) == (0, 0)
    assert len(list(tmp_path.glob("first-*.jsonl"))) == len(list(tmp_path.glob("second-*.jsonl"))) == 2
