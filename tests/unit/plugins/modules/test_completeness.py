# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every module is documented as it is: options, results, attributes, its place in the action group."""

from __future__ import annotations

import re
import tempfile
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.flowops.n8n.plugins.doc_fragments import _attributes, _connection, _selection
from ansible_collections.flowops.n8n.plugins.module_utils import _module
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import row
from ansible_collections.flowops.n8n.tests.unit.running import CONNECTION, MODULES, Runner, module, options_of

# The collection's own folder is found from its code: ansible-test runs a copy of it.
ROOT = Path(_module.__file__).parents[2]
ROLES = ROOT / "roles"
FRAGMENTS = {
    "flowops.n8n._attributes": _attributes.ModuleDocFragment.DOCUMENTATION,
    "flowops.n8n._attributes.action_group": _attributes.ModuleDocFragment.ACTION_GROUP,
    "flowops.n8n._attributes.info_module": _attributes.ModuleDocFragment.INFO_MODULE,
    "flowops.n8n._connection": _connection.ModuleDocFragment.DOCUMENTATION,
    "flowops.n8n._selection": _selection.ModuleDocFragment.DOCUMENTATION,
}
ATTRIBUTES = {"check_mode", "diff_mode", "idempotent", "action_group"}
ACTING = [name for name in MODULES if name != "n8n_instance_info"]
# What Ansible itself adds to a result.
ANSIBLES = {"changed", "failed", "invocation", "warnings", "diff"}


def documentation(name: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", yaml.safe_load(module(name).DOCUMENTATION))


def documented(name: str, part: str) -> dict[str, t.Any]:
    """Options or attributes with those of the fragments; the module's own count, as in Ansible."""
    merged: dict[str, t.Any] = {}
    docs = documentation(name)
    for fragment in docs["extends_documentation_fragment"]:
        for key, value in yaml.safe_load(FRAGMENTS[fragment]).get(part, {}).items():
            merged.setdefault(key, {}).update(value)
    for key, value in docs.get(part, {}).items():
        merged[key] = {**merged.get(key, {}), **value}
    return merged


def returned(name: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", yaml.safe_load(module(name).RETURN))


def test_every_module_of_the_collection_is_known_to_these_tests() -> None:
    assert {path.stem for path in (ROOT / "plugins" / "modules").glob("*.py")} == set(MODULES)


def test_every_module_stands_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["n8n"] == sorted(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_options_are_documented_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {option: _facts(facts) for option, facts in documented(name, "options").items()}
    taken = {option: _facts(facts) for option, facts in options_of(name, monkeypatch).items()}
    assert told == taken


def _facts(option: dict[str, t.Any]) -> dict[str, t.Any]:
    """What stands in both: a list of choices and a dictionary that explains them are the same."""
    return {
        "type": option["type"],
        "elements": option.get("elements"),
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": list(option["choices"]) if "choices" in option else None,
        "aliases": option.get("aliases", []),
    }


@pytest.mark.parametrize("name", MODULES)
def test_every_option_is_described(name: str) -> None:
    assert [option for option, facts in documented(name, "options").items() if not facts.get("description")] == []


@pytest.mark.parametrize("name", MODULES)
def test_what_the_environment_gives_is_said(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = documented(name, "options")
    for option, facts in options_of(name, monkeypatch).items():
        for variable in facts["fallback"][1] if "fallback" in facts else []:
            assert f"E({variable})" in " ".join(told[option]["description"])


@pytest.mark.parametrize("name", MODULES)
def test_every_module_extends_the_fragments_and_documents_its_attributes(name: str) -> None:
    fragments = set(documentation(name)["extends_documentation_fragment"])
    wanted = {"flowops.n8n._attributes", "flowops.n8n._attributes.action_group", "flowops.n8n._connection"}
    if name in ACTING:
        wanted.add("flowops.n8n._selection")
    if name.endswith("_info"):
        wanted.add("flowops.n8n._attributes.info_module")
    assert fragments == wanted
    attributes = documented(name, "attributes")
    assert set(attributes) == ATTRIBUTES
    assert all(facts["description"] and facts["support"] for facts in attributes.values())
    assert attributes["action_group"]["membership"] == ["flowops.n8n.n8n"]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_name_a_version_authors_and_links(name: str) -> None:
    docs = documentation(name)
    assert docs["module"] == name
    assert docs["version_added"]
    assert docs["author"]
    assert docs["seealso"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_use_the_full_name_and_options_that_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = options_of(name, monkeypatch)
    tasks = [task for task in yaml.safe_load(module(name).EXAMPLES) if f"flowops.n8n.{name}" in task]
    assert tasks
    for task in tasks:
        assert task["name"]
        options = task[f"flowops.n8n.{name}"]
        aliases = {alias for facts in known.values() for alias in facts.get("aliases", [])}
        assert set(options) <= set(known) | aliases
        assert {"url", "api_key"} <= set(options)


@pytest.mark.parametrize("name", ACTING)
def test_examples_are_accepted(name: str, run_module: Runner) -> None:
    n8n = FakeN8n(row(1), row(1234, "error"))
    n8n.workflows = {"w1": {"id": "w1", "name": "Nightly import"}, "w2": {"id": "w2", "name": "Poll the mailbox"}}
    for task in yaml.safe_load(module(name).EXAMPLES):
        options = task.get(f"flowops.n8n.{name}")
        if options:
            result = run_module(name, n8n, **{**options, **CONNECTION}, _ansible_check_mode=True)
            assert "failed" not in result, (task["name"], result["msg"])


# Without these a module refuses to begin; the others stand beside execution_id, too.
BESIDE: dict[str, dict[str, t.Any]] = {
    "n8n_execution_export": {"path": str(Path(tempfile.gettempdir(), "never-written.json")), "_ansible_check_mode": True},
    "n8n_execution_tag": {"add": ["t1"]},
}
USUAL: dict[str, dict[str, t.Any]] = {
    "n8n_execution_delete": {"all": True},
    "n8n_execution_retry": {"all": True},
    "n8n_execution_stop": {"all": True},
    "n8n_execution_tag": {"all": True, "add": ["t1"]},
    "n8n_execution_wait": {"status": ["running"]},
}


def results(name: str, run_module: Runner) -> t.Iterator[dict[str, t.Any]]:
    """Results of a module: all went well, one item failed, all failed."""
    options = {**BESIDE.get(name, {}), **USUAL.get(name, {})}
    n8n = FakeN8n(row(1, "error"), row(2, "error", workflow="w2"))
    yield run_module(name, n8n, **options)
    more: dict[str, t.Any] = {"execution_id": ["1", "2"]} if name in ACTING else {}
    more = {**BESIDE.get(name, {}), **more}
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    n8n.refuse("GET /executions/1", 500, "Internal server error")
    yield run_module(name, n8n, **more)
    n8n = FakeN8n()
    n8n.scopes_missing = {"execution:list"}
    yield run_module(name, n8n, **options)


@pytest.mark.parametrize("name", MODULES)
def test_whatever_is_returned_is_documented_and_the_other_way_round(name: str, run_module: Runner) -> None:
    docs = returned(name)
    fine, *others = results(name, run_module)
    assert "failed" not in fine
    for result in (fine, *others):
        # "exception" is the traceback that newer versions of Ansible add to a failure.
        assert set(result) - ANSIBLES - {"exception"} <= set(docs) | {"msg"}
    promised = {key for key, facts in docs.items() if facts["returned"] in ("always", "success")}
    assert promised <= set(fine)


# What n8n-work tells of an execution, and n8n does not.
ELSEWHERE = {"logs", "metadata", "raw_mode", "raw_status", "updated_at"}


@pytest.mark.parametrize("name, key", [("n8n_execution_info", "executions"), ("n8n_execution_retry", "chains")])
def test_records_are_documented_field_by_field(name: str, key: str, run_module: Runner) -> None:
    docs = returned(name)[key]["contains"]
    looking = {"include_data": True, "digest": True, "retry_chain": True}
    options: dict[str, t.Any] = looking if key == "executions" else {"all": True}
    more: dict[str, t.Any] = {"createdAt": "x", "deletedAt": None, "storedAt": "db", "jsonSizeBytes": 1, "binaryDataSizeBytes": 0}
    n8n = FakeN8n(row(1, "error", **more, workflowVersionId="v", customData={}, dataTooLargeToDisplay=False))
    record = run_module(name, n8n, **options)[key][0]
    # An error is told only of a chain that has one, what was left out where it was, and some fields only by other platforms.
    assert set(record) == set(docs) - {"error", "data_redacted", "data_too_deep", *ELSEWHERE}


def test_a_digest_and_a_retry_chain_are_documented_field_by_field(run_module: Runner) -> None:
    docs = returned("n8n_execution_info")["executions"]["contains"]
    data = {"resultData": {"runData": {"A": [{"executionTime": 5, "startTime": 1}]}}}
    (record,) = run_module("n8n_execution_info", FakeN8n(row(1, data=data)), digest=True, retry_chain=True)["executions"]
    assert set(record["digest"]) == set(docs["digest"]["contains"])
    assert set(record["digest"]["flow"][0]) == set(docs["digest"]["contains"]["flow"]["contains"])
    assert set(record["digest"]["slowest"][0]) == set(docs["digest"]["contains"]["slowest"]["contains"])
    assert set(record["retry_chain"][0]) == set(docs["retry_chain"]["contains"])


@pytest.mark.parametrize(
    "name, key", [("n8n_execution_stop", "executions"), ("n8n_execution_tag", "executions"), ("n8n_execution_wait", "open")]
)
def test_records_of_live_executions_are_documented_field_by_field(name: str, key: str, run_module: Runner) -> None:
    (record,) = run_module(name, FakeN8n(row(1, "running")), **USUAL[name], _ansible_check_mode=True)[key]
    assert set(record) == set(returned(name)[key]["contains"])


@pytest.mark.parametrize("name", MODULES)
def test_samples_have_the_type_that_is_told(name: str) -> None:
    kinds = {"str": str, "int": int, "bool": bool, "float": float, "list": list, "dict": dict}
    for key, facts in _all_returned(returned(name)):
        sample = facts.get("sample")
        assert sample is None or isinstance(sample, kinds[facts["type"]]), key


def _all_returned(docs: dict[str, t.Any]) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for key, facts in docs.items():
        yield key, facts
        yield from _all_returned(facts.get("contains", {}))


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_roles_take_every_option_of_the_connection(role: str) -> None:
    """With the prefix n8n_, and hand each on to the modules."""
    folder = ROLES / role
    specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text("utf-8"))["argument_specs"]["main"]["options"]
    connection = {name: facts for name, facts in specs.items() if name.startswith("n8n_")}
    assert set(connection) == {f"n8n_{option}" for option in _module.CONNECTION.options}
    (block,) = yaml.safe_load((folder / "tasks" / "main.yml").read_text("utf-8"))
    handed_on = block["module_defaults"]["group/flowops.n8n.n8n"]
    for option, facts in _module.CONNECTION.options.items():
        told = connection[f"n8n_{option}"]
        assert (told["type"], told.get("no_log", False)) == (facts["type"], facts.get("no_log", False))
        assert re.match(r"\{\{ n8n_(\w+)", handed_on[option])[1] == option  # type: ignore[index]
    assert set(handed_on) == set(_module.CONNECTION.options)


@pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))
def test_the_defaults_of_a_role_are_those_that_are_documented(role: str) -> None:
    folder = ROLES / role
    specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text("utf-8"))["argument_specs"]["main"]["options"]
    defaults = yaml.safe_load((folder / "defaults" / "main.yml").read_text("utf-8"))
    documented = {name: facts["default"] for name, facts in specs.items() if "default" in facts}
    own = {name: value for name, value in defaults.items() if name.startswith(role)}
    # The policies of a cleanup are told in words.
    assert documented == {name: value for name, value in own.items() if name in documented or not isinstance(value, list)}
    readme = (folder / "README.md").read_text("utf-8")
    assert not [name for name in specs if name.startswith(role) and f"`{name}`" not in readme]
