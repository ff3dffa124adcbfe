"""Every module from playbooks: check mode writes nothing, the run does what it said, the second changes nothing."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.integration.plays import ansible_playbook, run_target, run_tasks, writes
from tests.lab import workflows
from tests.servers import Server
from tests.simulator.seed import Row

# One simulator of each era is enough: what differs between versions is tested call by call and module by module.
pytestmark = pytest.mark.only("1.123", "2.41")

ABSENT = "999999999"


def moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_an_instance_tells_what_it_can_do(server: Server, tmp_path: Path) -> None:
    run_target(
        server,
        "n8n_instance_info",
        tmp_path,
        expected_era="zod" if server.profile == "2.41" else "validator",
        expected_at_least={"1.123": "1.112", "2.13": "2.10", "2.41": "2.39"}[server.profile],
        expected_stop=server.profile != "1.123",
        expected_started_filters=server.profile == "2.41",
        expected_crashed_filter=server.profile != "1.123",
        expected_scopes=server.profile == "2.41",
    )


@pytest.mark.only("1.123", "2.13", "2.41")
def test_executions_are_found_by_every_filter(server: Server, tmp_path: Path) -> None:
    workflow, other = server.succeeds(), server.waits_seconds(60)
    first = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=40)
    starts = [first + timedelta(hours=hour) for hour in range(30)]
    statuses = ["success"] * 20 + ["error"] * 5 + ["crashed"] * 3 + ["canceled"] * 2
    inserted = server.insert(
        Row(workflow.id, status, started_at=start, stopped_at=start + timedelta(seconds=second))
        for second, (status, start) in enumerate(zip(statuses, starts, strict=True), start=1)
    )
    running = other.run("running")
    three = server.workflow([workflows.no_op(), workflows.wait(1, "seconds"), workflows.stop_and_error()])
    run_target(
        server,
        "n8n_execution_info",
        tmp_path,
        failed_id=three.run("error"),
        redacts=server.profile == "2.41",
        workflow_id=workflow.id,
        workflow_name=workflow.name,
        inserted=inserted,
        tenth_start=moment(starts[9]),
        twelfth_start=moment(starts[11]),
        absent=ABSENT,
        running_id=running,
        running_workflow_id=other.id,
        lists_what_waits=server.profile != "1.123",
    )


def test_deletions_are_those_that_were_predicted(server: Server, tmp_path: Path) -> None:
    workflow, other, waiter = server.succeeds(), server.waits_seconds(64), server.waits_hours()
    now = datetime.now(timezone.utc)
    statuses = ["success"] * 12 + ["error"] * 4 + ["canceled"] * 2
    inserted = server.insert(
        Row(workflow.id, status, started_at=now - timedelta(days=17 - day, hours=1), stopped_at=now - timedelta(days=17 - day))
        for day, status in enumerate(statuses)
    )
    variables = {
        "workflow_id": workflow.id,
        "inserted": inserted,
        "folder": str(tmp_path),
        "absent": ABSENT,
        "running_id": other.run("running"),
        "running_workflow_id": other.id,
        "waiting_id": waiter.run("waiting"),
        "can_stop": server.profile != "1.123",
    }
    server.calls.clear()
    before = server.ids()
    run_target(server, "n8n_execution_delete", tmp_path, "--check", "--diff", **variables)
    assert writes(server) == []
    assert server.ids() == before

    run_target(server, "n8n_execution_delete", tmp_path, **variables)
    assert workflow.ids() == inserted[8:12]
    assert waiter.ids() == []
    assert other.ids() == ([] if server.profile != "1.123" else [variables["running_id"]])
    assert {method for method, _path in writes(server)} == {"DELETE", "POST"}


def test_a_chain_is_retried_until_it_succeeds_or_is_exhausted(server: Server, tmp_path: Path) -> None:
    failing, recovered, fine = server.fails(), server.flaky(), server.succeeds()
    variables = {
        "failing_workflow_id": failing.id,
        "failing_id": failing.run("error"),
        "recovered_workflow_id": recovered.id,
        "recovered_id": recovered.run("error"),
        "succeeded_id": fine.run("success"),
        "absent": ABSENT,
    }
    recovered.stub.succeed()
    server.calls.clear()
    run_target(server, "n8n_execution_retry", tmp_path, "--check", "--diff", **variables)
    assert writes(server) == []

    run_target(server, "n8n_execution_retry", tmp_path, **variables)
    assert [len(failing.ids()), len(recovered.ids()), len(fine.ids())] == [3, 2, 1]
    assert [method for method, _path in writes(server)] == ["POST"] * 3


def test_a_retry_that_takes_longer_than_a_request_may_is_waited_for(server: Server, tmp_path: Path) -> None:
    workflow = server.flaky()
    failed = workflow.run("error")
    workflow.stub.succeed()
    workflow.stub.slow(4)
    (done,) = run_tasks(server, [{"flowops.n8n.n8n_execution_retry": {"id": failed, "timeout": 1}}], tmp_path)
    assert done["chains"][0]["status"] == "success", done
    assert len(workflow.ids()) == 2


def test_a_retry_that_outlasts_the_wait_is_named_and_not_sent_again(server: Server, tmp_path: Path) -> None:
    workflow = server.flaky()
    failed = workflow.run("error")
    workflow.stub.succeed()
    workflow.stub.slow(8)
    task = {"flowops.n8n.n8n_execution_retry": {"id": failed, "timeout": 5, "wait_timeout": 2}}
    first, second = run_tasks(server, [task, {"flowops.n8n.n8n_execution_retry": {"id": failed}}], tmp_path)
    new = workflow.ids()[1]
    assert first["failed"]
    assert first["changed"]
    assert (first["chains"][0]["retry_id"], first["chains"][0]["status"]) == (new, "running")
    assert "goes on in n8n" in first["msg"]
    # It is waited for now, and has succeeded then.
    assert not second["changed"]
    assert second["chains"][0]["outcome"] == "already_retried"
    assert second["chains"][0]["retry_id"] == new
    assert len(workflow.ids()) == 2


def test_a_retry_need_not_be_waited_for(server: Server, tmp_path: Path) -> None:
    workflow = server.flaky()
    failed = workflow.run("error")
    workflow.stub.succeed()
    workflow.stub.slow(12)
    started = time.monotonic()
    (done,) = run_tasks(server, [{"flowops.n8n.n8n_execution_retry": {"id": failed, "wait": False}}], tmp_path)
    assert time.monotonic() - started < 12
    assert done["changed"]
    assert (done["chains"][0]["outcome"], done["chains"][0]["status"]) == ("retried", "running")
    # Hanging up has not stopped it.
    assert server.reaches(done["chains"][0]["retry_id"], "success") == "success"


def test_a_chain_of_three_has_one_decision(server: Server, tmp_path: Path) -> None:
    workflow = server.flaky()
    first = workflow.run("error")
    task = {"flowops.n8n.n8n_execution_retry": {"id": first, "max_attempts": 1, "fail_on_error": False}}
    (failed,) = run_tasks(server, [task], tmp_path)
    second = failed["chains"][0]["retry_id"]
    assert failed["chains"][0]["status"] == "error"
    workflow.stub.succeed()
    selected = {"flowops.n8n.n8n_execution_retry": {"id": [first, second]}}
    done, again = run_tasks(server, [selected, selected], tmp_path)
    assert len(done["chains"]) == 1
    # The first would run again what already passed.
    assert (done["chains"][0]["retried_id"], done["chains"][0]["original_id"]) == (second, first)
    assert done["chains"][0]["status"] == "success"
    # n8n itself does not mark the first, whose retry failed.
    assert server.row(first)["retrySuccessId"] is None  # type: ignore[index]
    assert not again["changed"]
    assert again["chains"][0]["outcome"] == "already_retried"
    assert len(workflow.ids()) == 3


def test_a_workflow_that_keeps_no_successes_is_not_retried_unless_allowed(server: Server, tmp_path: Path) -> None:
    workflow = server.flaky(saveDataSuccessExecution="none")
    failed = workflow.run("error")
    workflow.stub.succeed()
    refusing = {"flowops.n8n.n8n_execution_retry": {"id": failed}}
    allowing = {"flowops.n8n.n8n_execution_retry": {"id": failed, "allow_unrecorded": True}}
    refused, allowed = run_tasks(server, [refusing, allowing], tmp_path)
    assert not refused["changed"]
    assert refused["counts"] == {"not_recordable": 1}
    assert "allow_unrecorded" in refused["warnings"][0]
    assert allowed["changed"]
    assert allowed["chains"][0]["outcome"] == "retried_unrecorded"
    assert allowed["chains"][0]["status"] == "success"
    assert workflow.stub.calls == 2
    assert workflow.ids() == [failed]


@pytest.mark.parametrize("load_workflow", [False, True])
def test_the_settings_that_will_hold_are_those_that_count(server: Server, tmp_path: Path, load_workflow: bool) -> None:
    workflow = server.flaky()
    failed = workflow.run("error")
    server.save_settings(workflow, saveDataErrorExecution="none")
    task = {"flowops.n8n.n8n_execution_retry": {"id": failed, "load_workflow": load_workflow, "max_attempts": 1}}
    (done,) = run_tasks(server, [{**task, "check_mode": True}], tmp_path)
    assert done["counts"] == ({"not_recordable": 1} if load_workflow else {"retried": 1})


def test_the_main_job_runs_twice_and_changes_nothing_the_second_time(server: Server) -> None:
    workflow = server.flaky()
    old = datetime.now(timezone.utc) - timedelta(days=70)
    server.insert([Row(workflow.id, started_at=old, stopped_at=old + timedelta(seconds=1)) for _number in range(3)])
    failed = workflow.run("error")
    workflow.stub.succeed()
    playbook = "flowops.n8n.look_clean_retry"
    # Other tests have left failures and live executions on the server.
    chosen = {"n8n_workflows": [workflow.id], "n8n_delete_older_than": "65d", "n8n_retry_newer_than": "12h"}
    options = ["-e", json.dumps(chosen)]
    server.calls.clear()
    checked = ansible_playbook(server, playbook, "--check", "--diff", *options)
    assert checked.returncode == 0, checked.stdout
    assert writes(server) == []
    first = ansible_playbook(server, playbook, *options)
    assert first.returncode == 0, first.stdout
    assert server.row(failed)["retrySuccessId"] is not None  # type: ignore[index]
    assert len(workflow.ids()) == 2
    second = ansible_playbook(server, playbook, *options)
    assert second.returncode == 0, second.stdout
    assert "changed=0" in second.stdout, second.stdout
