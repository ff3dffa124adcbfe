"""What goes wrong is said: what happened, to which execution, what was done so far, what to do next."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plays import run_play, run_tasks, writes
from tests.servers import Server

# One simulator of each era is enough: what differs between versions is tested call by call and module by module.
pytestmark = pytest.mark.only("1.123", "2.41")

MODULES: dict[str, dict[str, Any]] = {
    "n8n_execution_info": {},
    "n8n_execution_export": {"path": str(Path(tempfile.gettempdir(), "never-written.json"))},
    "n8n_execution_stats_info": {},
    "n8n_execution_delete": {"older_than": "30d"},
    "n8n_execution_retry": {"newer_than": "1d"},
    "n8n_execution_stop": {"newer_than": "1d"},
    "n8n_execution_tag": {"newer_than": "1d", "add": ["5GhT7xR2mQp9LkZw"]},
    "n8n_execution_wait": {"newer_than": "1d"},
    "n8n_instance_info": {},
}

# Options that cannot be meant, and a word that the message has of it.
BAD = [
    *[
        ("n8n_execution_info", {"id": [value]}, "execution_id")
        for value in ("abc", "0x9", "5.0", "1?x=1", "../workflows/1", "-1")
    ],
    ("n8n_execution_delete", {"id": ""}, "execution_id"),
    ("n8n_execution_delete", {"older_than": "30"}, "unit"),
    ("n8n_execution_delete", {"older_than": "1d", "started_before": "2026-01-01T00:00:00Z"}, "exclude each other"),
    ("n8n_execution_info", {"started_after": "yesterday"}, "ISO 8601"),
    ("n8n_execution_info", {"started_after": "2026-01-01T00:00:00"}, "zone"),
    ("n8n_execution_info", {"id": [1], "status": ["error"]}, "excludes the filters"),
    ("n8n_execution_delete", {}, "all=true"),
    ("n8n_execution_retry", {}, "all=true"),
    ("n8n_execution_info", {"api_key": "short"}, "8 characters"),
    ("n8n_execution_info", {"url": "n8n.example.com"}, "https://n8n.example.com"),
    ("n8n_execution_info", {"concurrency": 0}, "from 1 to 32"),
    ("n8n_execution_delete", {"all": True, "limit": 0}, "1 or more"),
]


def task(module: str, **options: Any) -> dict[str, Any]:
    return {f"flowops.n8n.{module}": {**MODULES[module], **options}}


def test_every_module_has_its_target() -> None:
    assert {path.name for path in (Path(__file__).parent / "targets").iterdir()} == set(MODULES)


# What the server is makes no difference to these.
@pytest.mark.only("2.41")
def test_what_cannot_be_meant_is_refused_before_any_request(server: Server, tmp_path: Path) -> None:
    tasks = [{f"flowops.n8n.{module}": options} for module, options, _word in BAD]
    server.calls.clear()
    results = run_tasks(server, tasks, tmp_path)
    assert list(server.calls) == []
    for (module, options, word), result in zip(BAD, results, strict=True):
        assert result["failed"], (module, options, result)
        assert word in result["msg"], (module, options, result)


def test_an_unknown_or_ambiguous_workflow_is_an_error(server: Server, tmp_path: Path) -> None:
    one, two = server.succeeds("Twice the same"), server.succeeds("Twice the same")
    unknown, ambiguous = run_tasks(
        server,
        [task("n8n_execution_info", workflow="No such one"), task("n8n_execution_delete", workflow="Twice the same")],
        tmp_path,
    )
    assert "No such one" in unknown["msg"]
    assert one.id in ambiguous["msg"]
    assert two.id in ambiguous["msg"]
    assert not ambiguous["changed"]


def test_a_wrong_key_is_said_by_every_module(server: Server, tmp_path: Path) -> None:
    results = run_tasks(server, [task(module, api_key="wrong-key-wrong-key") for module in MODULES], tmp_path)
    for result in results:
        assert (result["failed"], result["changed"], result["status"]) == (True, False, 401)
        assert "api_key" in result["msg"]
        assert result["url"].startswith(server.url)
        assert result["method"] == "GET"
        assert not result["retryable"]


def test_a_wrong_address_is_said_by_every_module(server: Server, tmp_path: Path) -> None:
    tasks = [task(module, api_path="/nowhere", max_request_retries=0) for module in MODULES]
    for result in run_tasks(server, tasks, tmp_path):
        assert (result["failed"], result["changed"]) == (True, False)
        assert "web page" in result["msg"]
        assert "api_path" in result["msg"]


def test_an_id_behind_a_wrong_address_is_not_absent(server: Server, tmp_path: Path) -> None:
    tasks = [
        {f"flowops.n8n.{module}": {"id": "1", "api_path": "/nowhere", "max_request_retries": 0}}
        for module in MODULES
        if module != "n8n_instance_info"
    ]
    for result in run_tasks(server, tasks, tmp_path):
        assert result["failed"]
        assert not result.get("not_found")


@pytest.mark.only("2.41")
def test_a_server_that_is_down_is_said_by_every_module(server: Server, tmp_path: Path) -> None:
    tasks = [task(module, url="http://127.0.0.1:9", max_request_retries=1) for module in MODULES if module != "n8n_instance_info"]
    for result in run_tasks(server, tasks, tmp_path):
        assert (result["failed"], result["changed"], result["retryable"]) == (True, False, True)
        assert "Connection refused" in result["msg"]


# n8n 1.123 does not enforce scopes without a licence.
@pytest.mark.only("2.41")
def test_a_missing_scope_is_named(server: Server, tmp_path: Path) -> None:
    workflow = server.fails()
    failed = workflow.run("error")
    key = server.key("execution:list", "execution:read", "workflow:read")
    by_id = {"id": failed, "api_key": key}
    deleting, retrying, listing = run_tasks(
        server,
        [
            {"flowops.n8n.n8n_execution_delete": by_id},
            {"flowops.n8n.n8n_execution_retry": by_id},
            {"flowops.n8n.n8n_execution_info": {"api_key": server.key("execution:delete")}},
        ],
        tmp_path,
    )
    for result, scope in ((deleting, "execution:delete"), (retrying, "execution:retry"), (listing, "execution:list")):
        assert (result["failed"], result["changed"], result["status"]) == (True, False, 403)
        assert scope in result["msg"]
        assert result["api_message"] == "Forbidden"
    assert workflow.ids() == [failed]


@pytest.mark.only("1.123", "2.41")
def test_no_key_is_in_any_output_at_any_verbosity(server: Server, tmp_path: Path) -> None:
    secret = "a-secret-of-a-proxy"
    headers = {"headers": {"X-Access-Token": secret, "X-Count": "1"}}
    tasks: list[dict[str, Any]] = [{**task(module, **headers), "ignore_errors": True} for module in MODULES]
    tasks += [
        {**task(module, **headers, api_path="/nowhere", max_request_retries=0), "ignore_errors": True} for module in MODULES
    ]
    server.calls.clear()
    done = run_play(server, tasks, tmp_path, "-vvvv", "--check", "--diff")
    assert done.returncode == 0, done.stdout
    assert secret not in done.stdout
    assert writes(server) == []
    # A short value is no secret: hiding it would turn every 1 into asterisks.
    assert json.dumps("matched") in done.stdout
    assert "127.0.0.1" in done.stdout
