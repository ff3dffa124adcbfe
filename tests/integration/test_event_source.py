"""What the source of events tells of executions that really happen, and what it asks the server for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.integration.listening import PATH, listening
from tests.integration.plays import writes
from tests.lab.workflows import stop_and_error
from tests.servers import Server, Servers, eventually
from tests.simulator.faults import Fault, Kind
from tests.simulator.seed import Row

# One simulator of each era is enough: what differs between versions is tested module by module.
pytestmark = pytest.mark.only("1.123", "2.41")


def test_it_finds_the_rest_of_the_collection_by_where_it_lies() -> None:
    """ansible-rulebook knows nothing of collections when it runs a source."""
    load = f"import runpy; print(runpy.run_path({str(PATH)!r})['main'])"
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ANSIBLE_COLLECTIONS_PATH")}
    done = subprocess.run([sys.executable, "-c", load], env=env, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_executions_that_end_in_another_order_are_told_of_once(server: Server, tmp_path: Path) -> None:
    short, long, fails = server.succeeds(), server.waits_seconds(4), server.fails()
    before = short.run("success")
    server.calls.clear()
    with listening(server, tmp_path) as listener:
        slow = long.run("running")
        quick = short.run("success")
        failed = fails.run("error")
        wanted = [f"{one} {kind}" for one, kind in ((quick, "started"), (quick, "finished"), (failed, "started"))]
        listener.hears(*wanted, f"{failed} failed", f"{slow} started", f"{slow} finished")
        told = listener.told
    assert told.index(f"{quick} finished") < told.index(f"{slow} finished")
    assert [one for one, times in Counter(told).items() if times > 1] == []
    assert not [one for one in told if one.startswith(f"{before} ")]
    assert writes(server) == []


def test_what_waits_is_told_of_also_where_n8n_lists_it_nowhere(server: Server, tmp_path: Path) -> None:
    waits, short = server.waits_hours(), server.succeeds()
    # Where there is nothing yet, nobody knows from which id on to ask.
    short.run("success")
    with listening(server, tmp_path) as listener:
        parked = waits.run("waiting")
        after = short.run("success")
        listener.hears(f"{after} finished", f"{parked} started", f"{parked} waiting")


def test_what_its_workflow_does_not_save_is_not_told_of_when_it_ends(server: Server, tmp_path: Path) -> None:
    unsaved = server.waits_seconds(3, saveDataSuccessExecution="none")
    short = server.succeeds()
    with listening(server, tmp_path) as listener:
        gone = unsaved.run("running")
        listener.hears(f"{gone} started")
        eventually(lambda: server.row(gone) is None)
        after = short.run("success")
        listener.hears(f"{after} finished")
        assert f"{gone} finished" not in listener.told


def test_a_failure_comes_with_its_digest_and_nothing_that_a_template_could_be(server: Server, tmp_path: Path) -> None:
    workflow = server.workflow([stop_and_error("{{ lookup('pipe', 'id') }}")], name="{{ 7 * 7 }} {% raw %}")
    with listening(server, tmp_path, workflow=[workflow.id], events=["failed"], digest=True) as listener:
        failed = workflow.run("error")
        listener.hears(f"{failed} failed")
    execution = listener.events[0]["execution"]
    assert execution["workflow_name"] == "{ { 7 * 7 }} { % raw %}"
    assert execution["digest"]["failing_node"] == "Step 1"
    assert "{{" not in str(listener.events)
    assert "data" not in execution


def test_a_later_run_tells_what_happened_meanwhile(server: Server, tmp_path: Path) -> None:
    workflow = server.fails()
    with listening(server, tmp_path, events=["failed"]) as listener:
        first = workflow.run("error")
        listener.hears(f"{first} failed")
        eventually(lambda: first in json.loads((tmp_path / "state.json").read_text())["place"]["over"])
    meanwhile = workflow.run("error")
    with listening(server, tmp_path, events=["failed"]) as listener:
        listener.hears(f"{meanwhile} failed")
        assert f"{first} failed" not in listener.told


def test_a_look_asks_for_four_pages_and_a_connection_is_kept(servers: Servers, tmp_path: Path) -> None:
    server = servers["simulator-2.13"]
    server.sql("DELETE FROM execution_entity")
    with listening(server, tmp_path, poll_interval=0.1):
        opened = server.simulator.connections
        server.calls.clear()
        eventually(lambda: len(server.calls) >= 40)
        asked = list(server.calls)[:40]
        assert server.simulator.connections == opened
    assert Counter((call.path, call.query.get("status")) for call in asked) == {
        ("/api/v1/executions", status): 10 for status in (None, "new", "running", "waiting")
    }


@pytest.mark.parametrize("kind", ["answer", "reset", "cut", "refuse"])
def test_a_server_that_fails_for_a_while_is_survived_and_nothing_is_missed(servers: Servers, tmp_path: Path, kind: Kind) -> None:
    server = servers["simulator-2.41"]
    workflow = server.succeeds()
    options = {"max_request_retries": 0, "workflow": [workflow.id], "events": ["finished"]}
    with listening(server, tmp_path, **options) as listener:
        if kind == "refuse":
            server.simulator.refuse(2)
        else:
            fault = Fault(kind, path="/api/v1/executions", times=5, status=502, body="<html>Bad gateway</html>")
            server.simulator.faults.add(fault)
        now = datetime.now(timezone.utc)
        ended = server.insert(Row(workflow.id, "success", started_at=now, stopped_at=now) for _unused in range(3))
        listener.hears(*(f"{one} finished" for one in ended))
        assert listener.told == [f"{one} finished" for one in ended]
        assert len(server.simulator.faults) == 0


@pytest.mark.parametrize(
    "options, said",
    [
        ({"api_key": "wrong-key-0123456789"}, "n8n does not accept the key"),
        ({"workflow": ["No such workflow"]}, "no workflow with the id or exact name"),
    ],
)
def test_what_would_be_wrong_at_every_look_ends_the_source(
    servers: Servers, tmp_path: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(Exception, match=said), listening(servers["simulator-2.41"], tmp_path, **options) as listener:
        listener.hears("never")
