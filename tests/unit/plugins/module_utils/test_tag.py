# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tagging executions: what is sent, what is spared, and what is told of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._operations import tag
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, reply
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, row, tag_params


def mark(n8n: FakeN8n, check_mode: bool = False, concurrency: int = 1, **options: t.Any) -> Result:
    options.setdefault("all", not any(key in options for key in ("execution_id", "status")))
    return tag.carry_out(n8n.client(concurrency), tag.parse(tag_params(**options), NOW), check_mode)


def puts(n8n: FakeN8n) -> list[str]:
    return [call[len("PUT /executions/") :] for call in n8n.log if call.startswith("PUT")]


def fails(error: errors.N8nError) -> t.Callable[[Call], Answer]:
    def turn(_call: Call) -> Answer:
        raise error

    return turn


@pytest.mark.parametrize(
    "options, said",
    [
        ({"all": True}, "set, add or remove"),
        ({"all": True, "set": ["a"], "add": ["b"]}, "excludes"),
        ({"all": True, "set": [], "remove": ["b"]}, "excludes"),
        ({"all": True, "add": []}, "add: the list is empty"),
        ({"all": True, "add": ["a"], "remove": []}, "remove: the list is empty"),
        ({"all": True, "add": ["a", "b"], "remove": ["b"]}, "both name b"),
        ({"all": True, "add": ["to be looked at"]}, "its name does not do"),
        ({"all": True, "set": [""]}, "not the id"),
        ({"add": ["a"]}, "all=true"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(errors.InvalidInput, match=said):
        tag.parse(tag_params(**options), NOW)


@pytest.mark.parametrize(
    "options, before, after",
    [
        ({"set": ["a", "b"]}, [], ["a", "b"]),
        ({"set": ["a"]}, ["a", "b"], ["a"]),
        ({"set": ["a", "b", "a"]}, ["b", "a"], None),
        ({"set": []}, ["a"], []),
        ({"set": []}, [], None),
        ({"add": ["b"]}, ["a"], ["a", "b"]),
        ({"add": ["a"]}, ["a", "b"], None),
        ({"remove": ["a"]}, ["a", "b"], ["b"]),
        ({"remove": ["a"]}, ["a"], []),
        ({"remove": ["a"]}, ["b"], None),
        ({"remove": ["a"]}, [], None),
        ({"add": ["c"], "remove": ["a"]}, ["a", "b"], ["b", "c"]),
    ],
)
def test_only_a_difference_is_sent(options: dict[str, t.Any], before: list[str], after: list[str] | None) -> None:
    n8n = FakeN8n(row(1))
    n8n.tags[1] = list(before)
    result = mark(n8n, **options)
    assert len(puts(n8n)) == (0 if after is None else 1)
    assert n8n.tags[1] == (before if after is None else after)
    assert (result.changed, result.values["tagged"], result.values["unchanged"]) == (
        (False, 0, 1) if after is None else (True, 1, 0)
    )
    assert not mark(n8n, **options).changed


def test_what_is_done_is_told() -> None:
    n8n = FakeN8n(row(1), row(2, "error"), row(3))
    n8n.tags = {1: ["a"], 3: ["b"]}
    predicted = mark(n8n, True, add=["a"])
    assert puts(n8n) == []
    result = mark(n8n, add=["a"])
    assert puts(n8n) == ['3/tags [{"id": "b"}, {"id": "a"}]', '2/tags [{"id": "a"}]']
    assert predicted.diff == result.diff
    assert result.diff is not None
    assert result.diff["before"] == "execution 2: no tags\nexecution 3: b\n"
    assert result.diff["after"] == "execution 2: a\nexecution 3: a, b\n"
    assert predicted.values.pop("msg") == "Would change the tags of 2 executions, 1 had them already."
    assert result.values.pop("msg") == "Changed the tags of 2 executions, 1 had them already."
    assert predicted.values == result.values
    assert result.values.pop("executions")[1] == {
        "id": "3",
        "workflow_id": "w1",
        "workflow_name": None,
        "tags_before": ["b"],
        "tags": ["b", "a"],
    }
    assert result.values == {
        "matched": 3,
        "tagged": 2,
        "unchanged": 1,
        "not_found": [],
        "more_remaining": False,
        "errors": [],
    }


def test_a_limit_counts_what_is_changed_from_the_oldest_on() -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 7)])
    n8n.tags = {1: ["a"], 2: ["a"]}
    first = mark(n8n, add=["a"], limit=2)
    assert [one["id"] for one in first.values["executions"]] == ["3", "4"]
    assert first.values["more_remaining"]
    last = mark(n8n, add=["a"], limit=2)
    assert [one["id"] for one in last.values["executions"]] == ["5", "6"]
    assert not last.values["more_remaining"]
    assert not mark(n8n, add=["a"], limit=2).changed


def test_a_limit_that_is_reached_leaves_the_rest_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tag, "BATCH", 2)
    n8n = FakeN8n(*[row(number) for number in range(1, 7)])
    result = mark(n8n, add=["a"], limit=2)
    assert [call for call in n8n.log if call.endswith("/tags")] == ["GET /executions/1/tags", "GET /executions/2/tags"]
    assert (result.values["matched"], result.values["more_remaining"]) == (2, True)


def test_by_id_what_is_absent_is_told_and_no_limit_counts() -> None:
    n8n = FakeN8n(row(1), row(2, "running"))
    result = mark(n8n, execution_id=["2", "1", "9"], add=["a"], limit=1)
    assert [put.split("/")[0] for put in puts(n8n)] == ["1", "2"]
    assert (result.values["not_found"], result.failure) == (["9"], None)


def test_one_that_vanishes_is_told() -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.script("GET /executions/2/tags", lambda _call: n8n.forget(2))
    result = mark(n8n, add=["a"])
    assert (result.values["not_found"], result.values["tagged"], result.failure) == (["2"], 1, None)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_an_unknown_tag_ends_it_at_the_first_since_even_that_leaves_a_mark(concurrency: int) -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 9)])
    n8n.known_tags = {"a"}
    result = mark(n8n, concurrency=concurrency, add=["a", "b"])
    assert len(puts(n8n)) == 1
    assert not result.changed
    assert result.values["api_message"] == "Some tags not found"
    assert "Asked for: a, b." in str(result.failure)
    assert "pruning spares that execution" in str(result.failure)


def test_an_answer_with_other_tags_is_an_error() -> None:
    n8n = FakeN8n(row(1), row(2))
    n8n.script('PUT /executions/2/tags [{"id": "a"}]', lambda call: reply(call, 200, [{"id": "z"}]))
    result = mark(n8n, add=["a"])
    assert (result.values["tagged"], [one["id"] for one in result.values["errors"]]) == (1, ["2"])
    assert "has the tags z" in str(result.failure)
    assert result.changed


def test_a_lost_answer_is_looked_up() -> None:
    n8n = FakeN8n(row(1), row(2))

    def lost(_call: Call) -> Answer:
        n8n.tags[2] = ["a"]
        raise errors.NoAnswer("lost")

    n8n.script('PUT /executions/2/tags [{"id": "a"}]', lost)
    n8n.script('PUT /executions/1/tags [{"id": "a"}]', fails(errors.NoAnswer("lost")))
    result = mark(n8n, add=["a"])
    assert (result.values["tagged"], [one["id"] for one in result.values["errors"]]) == (1, ["1"])


def test_one_bad_execution_does_not_end_it() -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 4)])
    n8n.refuse("GET /executions/3/tags", 500, "Internal server error")
    n8n.refuse('PUT /executions/2/tags [{"id": "a"}]', 400, "no")
    result = mark(n8n, add=["a"])
    assert (result.values["tagged"], [one["id"] for one in result.values["errors"]]) == (1, ["3", "2"])
    assert result.changed
    assert result.failure is not None


@pytest.mark.parametrize("scope", ["execution:list", "executionTags:list", "executionTags:update"])
def test_a_missing_scope_is_named_at_once(scope: str) -> None:
    n8n = FakeN8n(*[row(number) for number in range(1, 4)])
    n8n.scopes_missing = {scope}
    result = mark(n8n, add=["a"])
    assert scope in str(result.failure)
    assert (result.changed, len(puts(n8n)) <= 1) == (False, True)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_server_without_tags_is_told_by_the_version_it_needs(check_mode: bool) -> None:
    result = mark(FakeN8n(row(1), statuses="refused"), check_mode, add=["a"])
    assert "2.10" in str(result.failure)
    assert not result.changed


def test_without_a_limit_no_history_is_held() -> None:
    """The walk goes on only after a batch of it has been dealt with."""
    n8n = FakeN8n(*[row(number) for number in range(1, 301)], page=150)
    mark(n8n, concurrency=4, add=["a"])
    lists = [number for number, call in enumerate(n8n.log) if call.startswith("GET /executions?")]
    first_put = next(number for number, call in enumerate(n8n.log) if call.startswith("PUT"))
    assert len(puts(n8n)) == 300
    assert lists[-1] > first_put
