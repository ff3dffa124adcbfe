# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module begins and ends: its options, its secrets, its result."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.flowops.n8n.plugins.module_utils import _module
from ansible_collections.flowops.n8n.plugins.module_utils._errors import MissingLibrary
from ansible_collections.flowops.n8n.plugins.module_utils._module import ArgumentSpec
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import at, row
from ansible_collections.flowops.n8n.tests.unit.running import KEY, MODULES, Runner

INFO, DELETE, RETRY, INSTANCE = "n8n_execution_info", "n8n_execution_delete", "n8n_execution_retry", "n8n_instance_info"
# Without these a module refuses to begin.
NEEDED: dict[str, dict[str, t.Any]] = {
    "n8n_execution_export": {"path": str(Path(tempfile.gettempdir(), "never-written.json")), "_ansible_check_mode": True},
    "n8n_execution_tag": {"add": ["t1"]},
}
VARIABLES = ("N8N_URL", "N8N_API_KEY", "N8N_DIALECT")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


CONNECTIONS: list[tuple[dict[str, t.Any], str]] = [
    ({"url": "n8n.example.com"}, "url"),
    ({"url": "https://user:hunter2@n8n.example.com"}, "url"),
    ({"api_key": "short"}, "api_key"),
    ({"concurrency": 0}, "concurrency"),
    ({"concurrency": 33}, "concurrency"),
    ({"timeout": 0}, "timeout"),
    ({"headers": {"a b": "c"}}, "headers"),
    ({"client_key": "/key.pem"}, "client_cert"),
    ({"dialect": "other"}, "dialect"),
]
SELECTIONS: list[tuple[dict[str, t.Any], str]] = [
    *(({"execution_id": text}, "execution_id") for text in ("abc", "0x9", "5.0", "1?x=1", "../workflows/1", "", " ", "-1")),
    ({"execution_id": ["1", "abc"]}, "execution_id"),
    ({"id": "abc"}, "execution_id"),
    ({"older_than": 30}, "older_than"),
    ({"older_than": "30d", "started_before": at(0)}, "older_than"),
    ({"started_after": "yesterday"}, "started_after"),
    ({"started_before": "2026-11-01T00:00:00"}, "started_before"),
    ({"execution_id": "1", "workflow": "w1"}, "execution_id"),
    ({"status": "failed"}, "status"),
    ({"mode": "magic"}, "mode"),
]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("options, said", CONNECTIONS, ids=repr)
def test_a_bad_connection_is_refused_by_every_module_before_any_request(
    name: str, options: dict[str, t.Any], said: str, run_module: Runner
) -> None:
    n8n = FakeN8n(row(1, "error"))
    more: dict[str, t.Any] = {} if name == INSTANCE else {"execution_id": ["1"], **NEEDED.get(name, {})}
    result = run_module(name, n8n, **more, **options)
    assert result["failed"]
    assert said in result["msg"]
    assert n8n.log == []
    assert "hunter2" not in result["msg"]


@pytest.mark.parametrize("name", [INFO, DELETE, RETRY])
@pytest.mark.parametrize("options, said", SELECTIONS, ids=repr)
def test_a_bad_selection_is_refused_by_every_module_before_any_request(
    name: str, options: dict[str, t.Any], said: str, run_module: Runner
) -> None:
    n8n = FakeN8n(row(1, "error"))
    result = run_module(name, n8n, **options)
    assert result["failed"]
    assert said in result["msg"]
    assert n8n.log == []


@pytest.mark.parametrize("name", [DELETE, RETRY])
@pytest.mark.parametrize("options, said", [({}, "all=true"), ({"limit": 5}, "all=true"), ({"all": True, "limit": 0}, "limit")])
def test_nothing_is_changed_without_a_selection(name: str, options: dict[str, t.Any], said: str, run_module: Runner) -> None:
    n8n = FakeN8n(row(1, "error"))
    result = run_module(name, n8n, **options)
    assert (result["failed"], result["changed"], n8n.log) == (True, False, [])
    assert said in result["msg"]


@pytest.mark.parametrize("name", MODULES)
def test_the_connection_may_come_from_the_environment(name: str, run_module: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    more: dict[str, t.Any] = {} if name == INSTANCE else {"execution_id": [], **NEEDED.get(name, {})}
    missing = run_module(name, FakeN8n(), connect=False, **more)
    assert missing["msg"].startswith("missing required arguments: api_key, url")
    monkeypatch.setenv("N8N_URL", "http://n8n.example.com")
    monkeypatch.setenv("N8N_API_KEY", KEY)
    monkeypatch.setenv("N8N_DIALECT", "n8n")
    assert "failed" not in run_module(name, FakeN8n(), connect=False, **more)


def test_the_key_and_long_header_values_are_in_no_output(run_module: Runner) -> None:
    n8n = FakeN8n(row(1))
    n8n.refuse("GET /executions/1", 400, f"bad key {KEY} and {KEY}-more, header value-012345")
    result = run_module(INFO, n8n, api_key=f" {KEY}\n", headers={"X-A": "value-012345"}, execution_id="1")
    assert result["failed"]
    assert KEY not in repr(result)
    assert "value-012345" not in repr(result)


def test_short_header_values_do_not_shred_the_output(run_module: Runner) -> None:
    rows = [row(number, workflow="won") for number in range(1, 12)]
    result = run_module(
        INFO, FakeN8n(*rows), headers={"X-A": "1", "X-B": "on", "X-C": "success", "X-D": "true"}, status="success"
    )
    assert result["count"] == 11
    assert result["executions"][0]["id"] == "11"
    assert result["executions"][0]["started_at"] == "2026-11-01T01:00:00.000Z"
    assert result["executions"][0]["status"] == "success"
    assert "*" not in repr(result["executions"])


def test_an_error_comes_with_the_facts_of_its_call(run_module: Runner) -> None:
    n8n = FakeN8n(row(1))
    n8n.scopes_missing = {"execution:list"}
    result = run_module(INFO, n8n)
    assert (result["failed"], result["changed"], result["status"], result["method"]) == (True, False, 403, "GET")
    assert result["url"] == "http://n8n.example.com/api/v1/executions"
    assert (result["api_message"], result["retryable"]) == ("Forbidden", False)
    assert "execution:list" in result["msg"]


def test_a_run_that_failed_after_changes_tells_both(run_module: Runner) -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.refuse("DELETE /executions/1", 500, "Internal server error")
    result = run_module(DELETE, n8n, all=True)
    assert (result["failed"], result["changed"], result["deleted"], result["status"]) == (True, True, 1, 500)
    assert result["msg"].startswith("Deleted 1 execution. 1 execution failed")


def test_a_diff_is_shown_only_where_it_is_asked_for(run_module: Runner) -> None:
    assert "diff" not in run_module(DELETE, FakeN8n(row(1)), all=True)
    assert run_module(DELETE, FakeN8n(row(1)), all=True, _ansible_diff=True)["diff"]["before"].startswith("execution 1")
    assert "diff" not in run_module(INFO, FakeN8n(row(1)), _ansible_diff=True)


@pytest.mark.parametrize("name", [DELETE, RETRY])
def test_check_mode_is_passed_on(name: str, run_module: Runner) -> None:
    n8n = FakeN8n(row(1, "error"))
    result = run_module(name, n8n, all=True, _ansible_check_mode=True)
    assert result["changed"] is True
    assert {call.split()[0] for call in n8n.log} == {"GET"}


def test_warnings_are_passed_on(run_module: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where they come out differs with what else of Ansible this process has loaded.
    warnings: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda _module, text: warnings.append(text))
    run_module(INFO, FakeN8n(row(1, "waiting"), statuses="refused"), status="waiting")
    assert "older than 2.13" in warnings[0]


def test_a_missing_library_is_named_with_the_python_that_misses_it(run_module: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def carry_out(*_args: t.Any) -> t.NoReturn:
        raise MissingLibrary("requests", "Traceback: No module named requests")

    monkeypatch.setattr("ansible_collections.flowops.n8n.plugins.module_utils._operations.info.carry_out", carry_out)
    result = run_module(INFO, FakeN8n())
    assert result["failed"]
    assert "requests" in result["msg"]
    assert "Python" in result["msg"]


def test_specs_add_up_and_the_right_one_counts() -> None:
    left = ArgumentSpec({"a": {"type": "int"}, "b": {"type": "str"}}, mutually_exclusive=[["a", "b"]], required_by={"a": ["b"]})
    right = ArgumentSpec({"b": {"type": "bool"}}, mutually_exclusive=[["b", "c"]], required_by={"c": ["a"]})
    both = left + right
    assert both.arguments() == {
        "argument_spec": {"a": {"type": "int"}, "b": {"type": "bool"}},
        "mutually_exclusive": [["a", "b"], ["b", "c"]],
        "required_by": {"a": ["b"], "c": ["a"]},
    }
    assert left.options["b"] == {"type": "str"}


def test_every_option_that_holds_a_secret_is_not_logged() -> None:
    assert [name for name, option in _module.CONNECTION.options.items() if option.get("no_log")] == ["api_key", "headers"]
