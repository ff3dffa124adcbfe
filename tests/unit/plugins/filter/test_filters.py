# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters: records in, plain values out, nothing in them trusted as a template."""

from __future__ import annotations

import importlib
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.flowops.n8n.plugins.filter import n8n_execution_digest, n8n_execution_sort, n8n_execution_stats
from ansible_collections.flowops.n8n.plugins.module_utils._digest import digest_of
from ansible_collections.flowops.n8n.plugins.module_utils._execution import SORT_KEYS, Execution, from_record
from ansible_collections.flowops.n8n.plugins.module_utils._statistics import GRANULARITIES, Statistics
from ansible_collections.flowops.n8n.plugins.plugin_utils import _unsafe
from ansible_collections.flowops.n8n.tests.unit.rows import moment
from ansible_collections.flowops.n8n.tests.unit.strategies import executions
from hypothesis import given
from hypothesis import strategies as st

FILTERS = {
    "n8n_execution_digest": n8n_execution_digest,
    "n8n_execution_sort": n8n_execution_sort,
    "n8n_execution_stats": n8n_execution_stats,
}
DATA = {"resultData": {"runData": {}, "error": {"message": "boom"}}}


def filtered(name: str, *given: t.Any, **options: t.Any) -> t.Any:
    return FILTERS[name].FilterModule().filters()[name](*given, **options)


@given(
    one=executions(), extra=st.dictionaries(st.sampled_from(("created_at", "digest")), st.text()), kept=st.none() | st.just(DATA)
)
def test_a_record_becomes_the_execution_of_which_it_was_made(one: Execution, extra: dict[str, t.Any], kept: t.Any) -> None:
    whole = one._replace(extra=extra, data=kept, retry_of="5", workflow_name="Nightly", wait_till=one.stopped_at)
    assert from_record(whole.record()) == whole


@pytest.mark.parametrize(
    "record, words",
    [
        (None, "but nothing"),
        ([], "but a list"),
        (5, "but a number"),
        (True, "but true or false"),
        ("text", "but text"),
        ({}, "no id and no status"),
        ({"id": 1, "status": "error"}, "no id that is text"),
        ({"id": "1"}, "no status that is text"),
        ({"id": "1", "status": "done"}, "'done' is no status"),
        ({"id": "1", "status": "error", "started_at": 5}, "its started_at is a number"),
        ({"id": "1", "status": "error", "started_at": "yesterday"}, "is not an ISO 8601 time"),
        ({"id": "1", "status": "error", "workflow_id": {}}, "its workflow_id is a dictionary"),
    ],
)
def test_what_is_no_record_is_refused_in_plain_words(record: t.Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        from_record(record)
    for name in FILTERS:
        with pytest.raises(AnsibleFilterError, match=f"{name}: .*{words}"):
            filtered(name, [record])


@given(
    value=st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_anything_else_is_refused_as_well(value: t.Any) -> None:
    for name in FILTERS:
        try:
            filtered(name, value)
        except AnsibleFilterError:
            continue
        assert value == []


def test_digests_are_those_of_the_module() -> None:
    one = Execution(id="1", workflow_id="w", status="error", data=DATA)
    expected = digest_of(one)
    assert filtered("n8n_execution_digest", one.record()) == expected
    assert filtered("n8n_execution_digest", [one.record()]) == [expected]
    assert filtered("n8n_execution_digest", []) == []


ROWS = [
    Execution(id="9", workflow_id="w", status="success", started_at=moment(1), stopped_at=moment(9)),
    Execution(id="10", workflow_id="w", status="error", started_at=moment(3), stopped_at=moment(4)),
    Execution(id="8", workflow_id="w", status="running", started_at=moment(2)),
    Execution(id="7", workflow_id="w", status="new"),
]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({}, ["10", "9", "8", "7"]),
        ({"order": "asc"}, ["7", "8", "9", "10"]),
        ({"sort_by": "started_at"}, ["10", "8", "9", "7"]),
        ({"sort_by": "duration"}, ["9", "10", "8", "7"]),
        ({"sort_by": "status", "order": "asc"}, ["10", "7", "8", "9"]),
    ],
)
def test_records_are_sorted_as_the_module_sorts(options: dict[str, str], expected: list[str]) -> None:
    records = [one.record() for one in ROWS]
    got = filtered("n8n_execution_sort", records, **options)
    assert [record["id"] for record in got] == expected
    assert sorted(got, key=lambda one: one["id"]) == sorted(records, key=lambda one: one["id"])
    assert filtered("n8n_execution_sort", iter(records), **options) == got


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_statistics_are_those_of_the_module(granularity: str) -> None:
    statistics = Statistics(granularity)
    for one in ROWS:
        statistics.add(one)
    got = filtered("n8n_execution_stats", [one.record() for one in ROWS], granularity)
    assert got == statistics.summary()


@pytest.mark.parametrize("name, options", [("n8n_execution_sort", {"sort_by": "name"}), ("n8n_execution_sort", {"order": 5})])
def test_an_option_that_cannot_be_meant_names_what_can(name: str, options: dict[str, t.Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="is one of"):
        filtered(name, [], **options)


def test_a_granularity_that_cannot_be_meant_names_those_that_can() -> None:
    with pytest.raises(AnsibleFilterError, match="hour, day, week"):
        filtered("n8n_execution_stats", [], "year")


def test_every_text_is_marked_and_everything_else_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_unsafe, "wrap_var", lambda text: f"<{text}>")
    value = {"a": ["b", ("c", 1, None, True, 1.5)], 2: {"d": {}}}
    assert _unsafe.make_unsafe(value) == {"<a>": ["<b>", ["<c>", 1, None, True, 1.5]], 2: {"<d>": {}}}
    monkeypatch.setattr(_unsafe, "wrap_var", None)
    assert _unsafe.make_unsafe(value) is value


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_marks_what_it_returns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FILTERS[name], "make_unsafe", lambda value: ("marked", len(value)))
    marked, size = filtered(name, [ROWS[0].record()])
    assert marked == "marked"
    assert size > 0


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_is_documented_as_it_is(name: str) -> None:
    module = importlib.import_module(f"ansible_collections.flowops.n8n.plugins.filter.{name}")
    docs = yaml.safe_load(module.DOCUMENTATION)
    assert (docs["name"], docs["version_added"]) == (name, "1.0.0")
    assert list(yaml.safe_load(module.RETURN)) == ["_value"]
    assert f"flowops.n8n.{name}" in module.EXAMPLES
    yaml.safe_load(module.EXAMPLES)
    choices = {option: facts["choices"] for option, facts in docs["options"].items() if "choices" in facts}
    known = {
        "n8n_execution_digest": {},
        "n8n_execution_sort": {"sort_by": sorted(SORT_KEYS), "order": ["asc", "desc"]},
        "n8n_execution_stats": {"granularity": sorted(GRANULARITIES)},
    }
    assert {option: sorted(listed) for option, listed in choices.items()} == known[name]
