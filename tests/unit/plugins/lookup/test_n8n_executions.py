# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup: the operation of n8n_execution_info, with options from variables and the environment too."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.flowops.n8n.plugins.doc_fragments import _connection, _connection_vars, _selection
from ansible_collections.flowops.n8n.plugins.lookup import n8n_executions
from ansible_collections.flowops.n8n.plugins.module_utils import _module
from ansible_collections.flowops.n8n.plugins.module_utils._errors import MissingLibrary
from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import row
from ansible_collections.flowops.n8n.tests.unit.running import options_of

KEY = "key-0123456789"
DIRECT = {"url": "http://n8n.example.com", "api_key": KEY}
FRAGMENT = yaml.safe_load(_connection_vars.ModuleDocFragment.DOCUMENTATION)
DOCS = yaml.safe_load(n8n_executions.DOCUMENTATION)

Look = t.Callable[..., t.Any]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Look:
    """Runs the lookup against an n8n in memory; what it was connected with is in ``look.connections``."""
    connections: list[t.Any] = []
    # As Ansible does where it loads a plugin by its name.
    options = {**FRAGMENT["options"], **DOCS["options"]}
    constants.config.initialize_plugin_configuration_definitions("lookup", n8n_executions.NAME, options)
    for variable in ("N8N_URL", "N8N_API_KEY", "N8N_DIALECT"):
        monkeypatch.delenv(variable, raising=False)

    def run(n8n: FakeN8n, *terms: t.Any, variables: dict[str, t.Any] | None = None, **options: t.Any) -> t.Any:
        def connect(connection: t.Any) -> t.Any:
            connections.append(connection)
            return n8n.client()

        monkeypatch.setattr(_module, "N8nClient", connect)
        loader = DataLoader()
        templar = Templar(loader=loader, variables=variables or {})
        plugin = n8n_executions.LookupModule(loader=loader, templar=templar)
        plugin._load_name = n8n_executions.NAME
        return plugin.run(list(terms), variables=variables or {}, **options)

    t.cast(t.Any, run).connections = connections
    return run


def ids(records: list[dict[str, t.Any]]) -> list[str]:
    return [record["id"] for record in records]


def history() -> FakeN8n:
    return FakeN8n(row(1, "success", stop=9), row(2, "error"), row(3, "error", workflow="w2", stop=5))


def test_without_terms_the_options_select(look: Look) -> None:
    assert ids(look(history(), **DIRECT)) == ["3", "2", "1"]
    assert ids(look(history(), **DIRECT, status=["error"], limit=1)) == ["3"]
    assert ids(look(history(), **DIRECT, sort_by="duration", order="asc")) == ["2", "3", "1"]


def test_terms_are_ids_of_any_kind_and_depth(look: Look) -> None:
    assert ids(look(history(), "1", 3, **DIRECT)) == ["3", "1"]
    assert ids(look(history(), ["1", ["2"]], **DIRECT)) == ["2", "1"]


def test_an_empty_list_of_ids_is_none_and_not_all(look: Look) -> None:
    n8n = history()
    assert look(n8n, [], **DIRECT) == []
    assert n8n.log == []


def test_data_and_digest_come_as_from_the_module(look: Look) -> None:
    assert "data" not in look(history(), "1", **DIRECT)[0]
    assert look(history(), "1", **DIRECT, include_data=True)[0]["data"] == {"of": "1"}
    assert look(history(), "1", **DIRECT, digest=True)[0]["digest"]["id"] == "1"


def test_variables_and_the_environment_reach_an_instance_too(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("N8N_URL", "http://environment.example.com")
    monkeypatch.setenv("N8N_API_KEY", KEY)
    look(history())
    look(history(), variables={"n8n_url": "http://variable.example.com", "n8n_timeout": 5, "n8n_concurrency": 2})
    look(history(), variables={"n8n_url": "http://variable.example.com"}, url="http://direct.example.com")
    seen = [(one.url, one.timeout, one.concurrency) for one in t.cast(t.Any, look).connections]
    assert seen == [
        ("http://environment.example.com", 30.0, 4),
        ("http://variable.example.com", 5.0, 2),
        ("http://direct.example.com", 30.0, 4),
    ]


def test_what_is_missing_is_named(look: Look) -> None:
    with pytest.raises(AnsibleError, match="url"):
        look(history(), api_key=KEY)


@pytest.mark.parametrize(
    "terms, options, words",
    [
        (["abc"], {}, "execution_id"),
        (["1"], {"status": ["error"]}, "excludes the filters"),
        ([], {"newer_than": "5"}, "unit"),
        ([], {"limit": -1}, "limit"),
        (["77", "1", "78"], {}, "not there or not visible to this key: 77, 78"),
    ],
)
def test_errors_have_the_sentence_of_the_module(look: Look, terms: list[str], options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(AnsibleLookupError, match=f"n8n_executions: .*{words}") as raised:
        look(history(), *terms, **DIRECT, **options)
    assert KEY not in str(raised.value)


def test_an_execution_that_cannot_be_read_is_an_error(look: Look) -> None:
    n8n = history()
    n8n.refuse("GET /executions/2", 500, "Internal server error")
    with pytest.raises(AnsibleLookupError, match="1 execution failed, the first being 2"):
        look(n8n, "1", "2", **DIRECT)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_unused: t.Any) -> t.Any:
        raise MissingLibrary("requests", "traceback")

    monkeypatch.setattr(n8n_executions, "perform", missing)
    plugin = n8n_executions.LookupModule()
    monkeypatch.setattr(plugin, "set_options", lambda **_unused: None)
    monkeypatch.setattr(plugin, "get_option", lambda _option: None)
    with pytest.raises(AnsibleLookupError, match="Python library requests is needed on the controller"):
        plugin.run([], {})


def test_what_the_module_warns_of_is_shown(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(n8n_executions.display, "warning", shown.append)
    look(FakeN8n(row(1, "waiting"), statuses="refused"), **DIRECT, status=["waiting"])
    assert [one for one in shown if one.startswith("n8n_executions: This n8n is older")]


def test_everything_is_marked(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(n8n_executions, "make_unsafe", lambda value: ["marked", len(value)])
    assert look(history(), **DIRECT) == ["marked", 3]


def test_connection_options_are_those_of_the_modules() -> None:
    told = {option: _facts(facts) for option, facts in FRAGMENT["options"].items()}
    taken = {option: _facts(facts) for option, facts in CONNECTION.options.items()}
    assert told == taken
    of_modules = yaml.safe_load(_connection.ModuleDocFragment.DOCUMENTATION)["options"]
    assert {option: facts["type"] for option, facts in of_modules.items()} == {
        option: facts["type"] for option, facts in FRAGMENT["options"].items()
    }


def test_each_connection_option_comes_from_a_variable_and_from_the_modules_environment() -> None:
    for option, facts in FRAGMENT["options"].items():
        assert facts["vars"] == [{"name": f"n8n_{option}"}]
        fallback = CONNECTION.options[option].get("fallback")
        assert [one["name"] for one in facts.get("env", [])] == (fallback[1] if fallback else [])


def test_selecting_options_are_those_of_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the ids, which are the terms, and what the lookup leaves to the module."""
    told = {option: _facts(facts) for option, facts in DOCS["options"].items() if option != "_terms"}
    spec = options_of("n8n_execution_info", monkeypatch)
    left = {*CONNECTION.options, *n8n_executions._LEFT_OUT, "execution_id"}
    assert told == {option: _facts(facts) for option, facts in spec.items() if option not in left}
    assert set(SELECTION.options) - {"execution_id"} <= set(told)
    assert yaml.safe_load(_selection.ModuleDocFragment.DOCUMENTATION)["options"].keys() - {"execution_id"} <= set(told)


def _facts(option: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        "type": option["type"],
        "elements": option.get("elements"),
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": list(option["choices"]) if "choices" in option else None,
    }
