"""Stopping, waiting for and tagging executions, with executions that are really running and waiting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import run_target, run_tasks, writes
from tests.servers import Server, eventually

# One simulator of each era is enough: what differs between versions is tested call by call and module by module.
pytestmark = pytest.mark.only("1.123", "2.41")

ABSENT = "999999999"
CAN = pytest.mark.only("2.13", "2.41")


def stop(**options: Any) -> dict[str, Any]:
    return {"flowops.n8n.n8n_execution_stop": options}


def wait(**options: Any) -> dict[str, Any]:
    return {"flowops.n8n.n8n_execution_wait": options}


def tag(**options: Any) -> dict[str, Any]:
    return {"flowops.n8n.n8n_execution_tag": options}


def tags(server: Server, execution: str) -> list[str]:
    return sorted(
        row["tagId"]
        for row in server.sql(
            "SELECT tagId FROM execution_annotation_tags JOIN execution_annotations ON annotationId = id WHERE executionId = ?",
            int(execution),
        )
    )


def marked(server: Server, executions: list[str]) -> list[str]:
    """Those that n8n's own pruning spares."""
    rows = server.sql("SELECT executionId FROM execution_annotations")
    return [one for one in executions if int(one) in {row["executionId"] for row in rows}]


# Stopping


def test_what_is_live_is_stopped_as_predicted(server: Server, tmp_path: Path) -> None:
    runner, waiter, fine = server.waits_seconds(60), server.waits_hours(), server.succeeds()
    variables = {
        "running_workflow_id": runner.id,
        "running_ids": [runner.run("running") for _unused in range(6)],
        "waiting_id": waiter.run("waiting"),
        "over_id": fine.run("success"),
        "absent": ABSENT,
        "can_stop": server.profile != "1.123",
    }
    server.calls.clear()
    run_target(server, "n8n_execution_stop", tmp_path, "--check", "--diff", **variables)
    assert writes(server) == []

    run_target(server, "n8n_execution_stop", tmp_path, "--diff", **variables)
    left = "running" if server.profile == "1.123" else "canceled"
    assert {server.status(one) for one in runner.ids()} == {left}


@CAN
def test_many_are_stopped_by_one_call(server: Server, tmp_path: Path) -> None:
    workflow, other = server.waits_seconds(60), server.waits_seconds(60)
    mine, theirs = [workflow.run("running") for _unused in range(6)], other.run("running")
    server.calls.clear()
    first, second = run_tasks(server, [stop(workflow=workflow.id, newer_than="1h")] * 2, tmp_path)
    assert writes(server) == [("POST", "/api/v1/executions/stop")]
    assert first["stopped"] == 6, first
    assert not second["changed"]
    assert {server.status(one) for one in mine} == {"canceled"}
    assert server.status(theirs) == "running"


@CAN
def test_what_one_call_cannot_say_takes_one_each(server: Server, tmp_path: Path) -> None:
    workflow = server.waits_hours()
    ids = [workflow.run("waiting") for _unused in range(5)]
    server.calls.clear()
    (done,) = run_tasks(server, [stop(workflow=workflow.id, mode="webhook", min_duration="0s")], tmp_path)
    assert sorted(writes(server)) == sorted(("POST", f"/api/v1/executions/{one}/stop") for one in ids)
    assert done["stopped"] == 5, done


@CAN
def test_one_whose_workflow_keeps_no_failures_is_stopped_without_a_record(server: Server, tmp_path: Path) -> None:
    workflow = server.waits_seconds(60, saveDataErrorExecution="none")
    execution = workflow.run("running")
    (done,) = run_tasks(server, [stop(id=execution)], tmp_path)
    assert "failed" not in done or not done["failed"], done
    assert done["changed"]
    assert done["stopped"] + done["gone"] == 1
    assert done["executions"][0]["status"] in ("canceled", None)


def test_what_cannot_be_stopped_is_refused_before_any_request(server: Server, tmp_path: Path) -> None:
    server.calls.clear()
    results = run_tasks(
        server,
        [stop(), stop(status="error"), stop(older_than="1d"), stop(all=True, abort_above=-1), wait(), wait(status="success")],
        tmp_path,
    )
    assert list(server.calls) == []
    said = ("all=true", "is over", "min_duration", "abort_above", "Nothing selects", "is over")
    for result, word in zip(results, said, strict=True):
        assert result["failed"]
        assert word in result["msg"]


# n8n 1.123 does not enforce scopes without a licence.
@pytest.mark.only("2.41")
def test_a_missing_scope_is_named(server: Server, tmp_path: Path) -> None:
    workflow = server.waits_hours()
    execution, known = workflow.run("waiting"), server.add_tag("scopes")
    key = server.key("execution:read", "execution:list", "workflow:read", "executionTags:list")
    stopped, checked, tagged, read = run_tasks(
        server,
        [
            stop(id=execution, api_key=key),
            {**stop(id=execution, api_key=server.key("execution:read")), "check_mode": True},
            tag(id=execution, add=known, api_key=key),
            tag(id=execution, add=known, api_key=server.key("execution:read")),
        ],
        tmp_path,
    )
    for result, scope in ((stopped, "execution:stop"), (tagged, "executionTags:update"), (read, "executionTags:list")):
        assert (result["failed"], result["changed"], result["status"]) == (True, False, 403)
        assert scope in result["msg"]
    # That it may not read tags does not keep check mode from telling that there is stop.
    assert checked["stopped"] == 1, checked
    assert server.status(execution) == "waiting"


# Waiting


def test_what_is_live_is_waited_for(server: Server, tmp_path: Path) -> None:
    failed, waiting = server.fails().run("error"), server.waits_hours().run("waiting")
    runner = server.waits_seconds(12)
    variables = {
        "failed_id": failed,
        "waiting_id": waiting,
        "running_workflow_id": runner.id,
        "absent": ABSENT,
    }
    running = {"running_id": runner.run("running")}
    server.calls.clear()
    run_target(server, "n8n_execution_wait", tmp_path, "--check", "--diff", **variables, **running)
    server.reaches(running["running_id"], "success")
    running = {"running_id": runner.run("running")}
    run_target(server, "n8n_execution_wait", tmp_path, "--diff", **variables, **running)
    assert writes(server) == []


def test_what_waits_is_waited_for_by_filters_where_it_is_listed(server: Server, tmp_path: Path) -> None:
    workflow = server.waits_hours()
    execution = workflow.run("waiting")
    (done,) = run_tasks(server, [wait(workflow=workflow.id, wait_timeout=1, poll_interval=0.2)], tmp_path)
    if server.profile == "1.123":
        # It holds them in memory and lists none of them.
        assert "2.13" in done["warnings"][0]
        assert done["count"] == 0
    else:
        assert done["failed"]
        assert [one["id"] for one in done["open"]] == [execution]
        assert "warnings" not in done


def test_one_that_leaves_no_record_is_over(server: Server, tmp_path: Path) -> None:
    workflow = server.waits_seconds(6, saveDataSuccessExecution="none")
    execution = workflow.run("running")
    (done,) = run_tasks(server, [wait(id=execution, wait_timeout=60, poll_interval=0.5)], tmp_path)
    assert done["gone"] == [execution], done
    assert not done["failed"] if "failed" in done else True
    assert "no record" in done["warnings"][0]
    eventually(lambda: server.row(execution) is None)


# Tagging


def test_executions_are_tagged_as_predicted(server: Server, tmp_path: Path) -> None:
    workflow = server.waits_seconds(60)
    fine = server.succeeds()
    ids = [fine.run("success") for _unused in range(4)]
    running = workflow.run("running")
    server.sql("UPDATE execution_entity SET workflowId = ? WHERE workflowId = ?", workflow.id, fine.id)
    can = server.profile != "1.123"
    variables = {
        "workflow_id": workflow.id,
        "ids": [*ids, running],
        "first_tag": server.add_tag(f"first {running}") if can else "5GhT7xR2mQp9LkZw",
        "second_tag": server.add_tag(f"second {running}") if can else "8VbN3cY6sWd1JfXt",
        "absent": ABSENT,
        "can_tag": can,
    }
    server.calls.clear()
    run_target(server, "n8n_execution_tag", tmp_path, "--check", "--diff", **variables)
    assert writes(server) == []
    run_target(server, "n8n_execution_tag", tmp_path, "--diff", **variables)
    if can:
        first, second = variables["first_tag"], variables["second_tag"]
        assert [tags(server, one) for one in (*ids, running)] == [[second], [], [first], [first], [first]]
        assert {method for method, _path in writes(server)} == {"PUT"}
        assert len(writes(server)) == 7


@CAN
def test_nothing_is_sent_where_nothing_changes_so_no_mark_is_left(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    ids = [workflow.run("success") for _unused in range(3)]
    known = server.add_tag(f"known {ids[0]}")
    server.calls.clear()
    cleared, removed = run_tasks(server, [tag(workflow=workflow.id, set=[]), tag(workflow=workflow.id, remove=known)], tmp_path)
    assert (cleared["changed"], removed["changed"]) == (False, False)
    assert writes(server) == []
    assert marked(server, ids) == []


@CAN
def test_an_unknown_tag_ends_it_at_the_first(server: Server, tmp_path: Path) -> None:
    workflow = server.succeeds()
    ids = [workflow.run("success") for _unused in range(5)]
    known = server.add_tag(f"kept {ids[0]}")
    given, refused = run_tasks(
        server, [tag(id=ids[-1], set=[known]), tag(workflow=workflow.id, set=["unknownTag000000"], concurrency=4)], tmp_path
    )
    assert given["changed"]
    assert (refused["failed"], refused["changed"], refused["tagged"]) == (True, False, 0)
    assert refused["api_message"] == "Some tags not found"
    assert "unknownTag000000" in refused["msg"]
    # Only that one was asked for, and it has kept its tag.
    assert marked(server, ids) == [ids[-1]]
    assert tags(server, ids[-1]) == [known]
