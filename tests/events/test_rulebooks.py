"""The source of events and the rulebooks of the collection, under ansible-rulebook."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.events.rulebook import PATIENCE, debugging, running
from tests.integration.plays import writes
from tests.lab.workflows import stop_and_error
from tests.servers import Server, Servers, eventually

# One simulator of each era is enough for what passes through another program.
pytestmark = pytest.mark.only("1.123", "2.41")


def test_every_event_of_an_execution_is_told_and_a_kill_loses_nothing(server: Server, tmp_path: Path) -> None:
    succeeds, fails, waits = server.succeeds(), server.fails(), server.waits_hours()
    before = succeeds.run("success")
    rulebook = debugging(workflow=[succeeds.id, fails.id, waits.id])
    with running(server, rulebook, tmp_path) as first:
        eventually((tmp_path / "state.json").exists, PATIENCE)
        ended, failed, parked = succeeds.run("success"), fails.run("error"), waits.run("waiting")
        for event in (f"{ended} started", f"{ended} finished", f"{failed} failed", f"{parked} waiting"):
            first.says(f"told: {event}.")
        first.kill()
        told = re.findall(r"told: (.*)\.", first.printed)
        assert len(set(told)) == len(told), "told twice within a run"
        assert not [one for one in told if one.startswith(f"{before} ")]
        missed = fails.run("error")
    with running(server, rulebook, tmp_path) as second:
        second.says(f"told: {missed} failed.")
        assert server.api_key not in second.printed


def test_a_failure_makes_the_rulebook_retry_it(server: Server, tmp_path: Path) -> None:
    flaky, lasting = server.flaky(), server.fails()
    with running(server, "flowops.n8n.retry", tmp_path):
        eventually((tmp_path / "state.json").exists, PATIENCE)
        failed, hopeless = flaky.run("error"), lasting.run("error")
        flaky.stub.succeed()
        (retried,) = eventually(lambda: [one["id"] for one in server.rows(workflowId=flaky.id, retryOf=failed)], PATIENCE)
        server.reaches(str(retried), "success")
    assert [path for _method, path in writes(server) if path.endswith(f"/{hopeless}/retry")] == []


def test_three_failures_of_a_workflow_are_told_to_a_chat_once(servers: Servers, tmp_path: Path, httpserver: HTTPServer) -> None:
    server = servers["simulator-2.41"]
    often, twice = server.fails(name="Nightly {{ 7 * 7 }}"), server.fails()
    said: list[str] = []

    def hear(request: Request) -> Response:
        said.append(request.get_json()["text"])
        return Response(status=204)

    httpserver.expect_request("/hook", method="POST").respond_with_handler(hear)
    with running(server, "flowops.n8n.notify", tmp_path, N8N_NOTIFY_URL=httpserver.url_for("/hook")):
        eventually((tmp_path / "state.json").exists, PATIENCE)
        for workflow in (twice, often, often, twice, often):
            last = workflow.run("error")
        eventually(lambda: said, PATIENCE)
        # A fourth failure is the first of the next three.
        often.run("error")
        time.sleep(12)
    (text,) = said
    assert f"Workflow Nightly {{ {{ 7 * 7 }}}} of {server.url} failed three times" in text
    assert f"execution {last}: Always fails" in text


def test_what_strangers_wrote_is_not_run_by_a_playbook_that_is_handed_the_event(servers: Servers, tmp_path: Path) -> None:
    server = servers["simulator-2.41"]
    trap = tmp_path / "trap"
    hostile = f"{{{{ lookup('ansible.builtin.pipe', 'touch {trap}') }}}}"
    workflow = server.workflow([stop_and_error(hostile)], name=hostile)
    task = {"ansible.builtin.debug": {"msg": "failed: {{ ansible_eda.event.execution.digest.message }}"}}
    playbook = tmp_path / "tell.yml"
    play = {"hosts": "all", "connection": "local", "gather_facts": False, "tasks": [task]}
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    rulebook = f"""---
- name: Hand it on
  hosts: all
  sources:
    - flowops.n8n.n8n_executions:
        poll_interval: 0.5
        digest: true
        state_path: state.json
  rules:
    - name: Failed
      condition: event.kind == "failed"
      action:
        run_playbook:
          name: {playbook}
          extra_vars:
            message: "{{{{ event.execution.digest.message }}}}"
"""
    with running(server, rulebook, tmp_path) as run:
        eventually((tmp_path / "state.json").exists, PATIENCE)
        workflow.run("error")
        run.says("failed: { { lookup(")
    assert not trap.exists()


def test_a_wrong_key_ends_it_with_a_sentence(servers: Servers, tmp_path: Path) -> None:
    with running(servers["simulator-2.41"], debugging(), tmp_path, N8N_API_KEY="wrong-key-0123456789") as run:
        run.says("Source error: Unauthorized: Source plugin failed with error message")
        eventually(lambda: run.process.poll() is not None, PATIENCE)
        assert run.process.returncode != 0
        assert "wrong-key-0123456789" not in run.printed
