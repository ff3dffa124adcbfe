"""The job templates of extensions/awx as AWX starts them: by ansible-runner, in the environment that the credential makes."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import writes
from tests.integration.runner import launch, scopes_of
from tests.servers import Server, Workflow
from tests.simulator.seed import Row
from tests.simulator.server import running

CLEANUP, RETRY, REPORT = "n8n cleanup", "n8n retry", "n8n report"


def credential(server: Server, name: str) -> dict[str, str]:
    """With a key that may do what the page says that is needed, and no more."""
    return {"url": server.url, "api_key": server.key(*scopes_of(name))}


def past(workflow: Workflow, count: int, *, days: float) -> list[str]:
    first = datetime.now(timezone.utc) - timedelta(days=days)
    starts = [first + timedelta(seconds=number) for number in range(count)]
    return workflow.server.insert(Row(workflow.id, started_at=start, stopped_at=start) for start in starts)


@pytest.fixture
def alone(server: Server) -> Server:
    """Without what other tests left: a cleanup would take it along, or end at it, since ids are handed out at start."""
    server.sql("DELETE FROM execution_entity")
    return server


@pytest.mark.only("2.41")
@pytest.mark.parametrize("verbosity", [0, 4])
def test_a_check_tells_what_the_run_deletes_and_a_second_run_changes_nothing(
    alone: Server, tmp_path: Path, verbosity: int
) -> None:
    workflow = alone.succeeds()
    old, recent = past(workflow, 25, days=40), past(workflow, 3, days=1)
    # Of each workflow the newest ten stay.
    going = 18
    alone.calls.clear()
    # As the template is, it only looks.
    looked = launch(tmp_path, CLEANUP, credential(alone, CLEANUP), verbosity=verbosity)
    assert (looked.rc, looked.status) == (0, "successful")
    assert looked.said("Sum up")[0].startswith(f"Would delete {going} executions, 0 of them archived")
    assert f"Would delete {going} executions" in looked.stdout
    assert writes(alone) == []
    assert workflow.ids() == old + recent
    done = launch(tmp_path, CLEANUP, credential(alone, CLEANUP), job_type="run", verbosity=verbosity)
    assert (done.rc, done.status) == (0, "successful")
    assert done.said("Sum up")[0].startswith(f"Deleted {going} executions, 0 of them archived")
    assert done.said("Tell how far it is") == [
        f"the rest: Deleted {going} executions, kept 7 as the newest of their workflows. {going} so far."
    ]
    assert workflow.ids() == old[going:] + recent
    assert [done.counts[name] for name in ("changed", "failures", "dark", "rescued")] == [1, 0, 0, 0]
    # AWX stores and shows each, whatever the number of executions.
    assert len([event for event in done.events if event["event"] != "verbose"]) <= 50
    again = launch(tmp_path, CLEANUP, credential(alone, CLEANUP), job_type="run", verbosity=verbosity)
    assert (again.rc, again.counts["changed"]) == (0, 0)
    assert again.said("Sum up") == ["Deleted 0 executions."]


@pytest.mark.only("2.41")
def test_the_survey_decides_what_goes_and_where_it_is_archived(alone: Server, tmp_path: Path) -> None:
    workflow = alone.succeeds()
    ids = past(workflow, 8, days=10)
    answers: dict[str, Any] = {"n8n_cleanup_older_than": "1w", "n8n_cleanup_keep_last": 3}
    nowhere = launch(
        tmp_path,
        CLEANUP,
        credential(alone, CLEANUP),
        job_type="run",
        n8n_cleanup_archive_path=str(tmp_path / "none/a.jsonl"),
        **answers,
    )
    assert (nowhere.rc, nowhere.status) == (2, "failed")
    assert f"archive_path: the folder {tmp_path}/none does not exist" in nowhere.said("Fail if a policy did")[0]
    refused = launch(tmp_path, CLEANUP, credential(alone, CLEANUP), job_type="run", execution_cleanup_abort_above=4, **answers)
    assert refused.status == "failed"
    assert "more than 4 executions match" in refused.said("Fail if a policy did")[0]
    assert workflow.ids() == ids
    archive = tmp_path / "archive.jsonl.gz"
    done = launch(tmp_path, CLEANUP, credential(alone, CLEANUP), job_type="run", n8n_cleanup_archive_path=str(archive), **answers)
    assert done.said("Sum up")[0].startswith("Deleted 5 executions, 5 of them archived before that")
    assert workflow.ids() == ids[5:]
    assert len(gzip.decompress(archive.read_bytes()).splitlines()) == 5


@pytest.mark.only("2.41")
def test_each_slice_of_a_long_cleanup_is_one_line(alone: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = alone.succeeds()
    ids = past(workflow, 300, days=40)
    if not alone.real:
        monkeypatch.setattr(alone.simulator, "latency", 0.01)
    # As "extra variables" of the template. Long enough to find the oldest and begin to delete, too short for all of them.
    more: dict[str, Any] = {"n8n_concurrency": 1, "execution_cleanup_slice": 2}
    done = launch(tmp_path, CLEANUP, credential(alone, CLEANUP), job_type="run", **more)
    assert done.rc == 0
    lines = done.said("Tell how far it is")
    assert len(lines) > 1
    assert lines[-1].endswith("290 so far.")
    assert done.stdout.count("so far") == len(lines)
    assert workflow.ids() == ids[-10:]
    assert len(done.events) <= 50 + 25 * len(lines)


@pytest.mark.only("2.41")
def test_retry_sends_what_may_pass_again_once(server: Server, tmp_path: Path) -> None:
    # Nothing of other tests that could be retried.
    server.sql("DELETE FROM execution_entity WHERE status IN ('error', 'crashed')")
    flaky, lasting = server.flaky(), server.fails()
    failed = flaky.run("error")
    lasting.run("error")
    flaky.stub.succeed()
    server.calls.clear()
    looked = launch(tmp_path, RETRY, credential(server, RETRY))
    assert looked.rc == 0
    assert f"{failed} retried" in looked.stdout
    assert writes(server) == []
    done = launch(tmp_path, RETRY, credential(server, RETRY), job_type="run")
    assert done.rc == 0
    assert [path for _method, path in writes(server)] == [f"/api/v1/executions/{failed}/retry"]
    (lines,) = done.said("List what was retried")
    assert f"{failed} retried {flaky.ids()[-1]} success" in lines
    again = launch(tmp_path, RETRY, credential(server, RETRY), job_type="run")
    assert (again.rc, again.counts["changed"]) == (0, 0)
    everything = launch(tmp_path, RETRY, credential(server, RETRY), execution_retry_only_transient="false")
    assert f"{lasting.ids()[0]} retried" in everything.stdout


@pytest.mark.only("2.41")
def test_report_lies_where_the_survey_says_with_the_markdown_beside_it(server: Server, tmp_path: Path) -> None:
    server.calls.clear()
    page = tmp_path / "page.html"
    done = launch(tmp_path, REPORT, credential(server, REPORT), execution_report_days=7, execution_report_path=str(page))
    assert (done.rc, writes(server)) == (0, [])
    assert done.said("Tell where it is") == [f"The report is {page} and {tmp_path}/page.md"]
    assert "</html>" in page.read_text(encoding="utf-8")
    assert (tmp_path / "page.md").exists()


@pytest.mark.only("2.41")
def test_a_wrong_key_a_narrow_one_and_none_are_told_apart(alone: Server, tmp_path: Path) -> None:
    workflow = alone.succeeds()
    ids = past(workflow, 12, days=40)
    for expected, inputs in {
        "n8n does not accept the key": {"api_key": "n8n_api_0123456789abcdef"},
        "It needs the scope execution:delete": {"api_key": alone.key("execution:list", "execution:read")},
        # As the credential is after the import.
        "'' is not the address of an instance": {"url": "", "api_key": ""},
    }.items():
        failed = launch(tmp_path, CLEANUP, {**credential(alone, CLEANUP), **inputs}, job_type="run", verbosity=4)
        assert (failed.rc, failed.status, failed.counts["failures"]) == (2, "failed", 1)
        assert expected in failed.said("Fail if a policy did")[0]
        assert workflow.ids() == ids


def test_the_credential_says_which_platform_it_is(tmp_path: Path) -> None:
    with running("n8n_work", seed=300, days=60) as server:
        done = launch(tmp_path, CLEANUP, {"url": server.url, "api_key": server.api_key, "dialect": "n8n_work"}, verbosity=1)
        assert done.rc == 0
        assert done.said("Sum up")[0].startswith("Would delete 1")
        assert {call.path.split("/")[1] for call in server.calls} == {"v1"}
