# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retrying executions: one decision for each chain."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._operations import retry
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.retrying import CHAIN, outcomes, posts, run, the_chain
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Row, at, retry_params, row
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "options, said",
    [
        ({}, "all=true"),
        ({"limit": 3}, "all=true"),
        ({"execution_id": ["-1"]}, "execution_id"),
        ({"execution_id": ["../workflows/1"]}, "execution_id"),
        ({"execution_id": ["5"], "newer_than": "1d"}, "execution_id"),
        ({"newer_than": "6"}, "newer_than"),
        ({"all": True, "limit": 0}, "limit"),
        ({"all": True, "max_attempts": 0}, "max_attempts"),
        ({"all": True, "wait_timeout": 0}, "wait_timeout"),
        ({"all": True, "wait_timeout": 1e10}, "wait_timeout"),
        ({"older_than": "1d", "started_before": at(0)}, "older_than"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        retry.parse(retry_params(**options), NOW)


def test_filters_alone_mean_what_failed_or_crashed() -> None:
    assert retry.parse(retry_params(newer_than="1d"), NOW).selection.statuses == frozenset({"error", "crashed"})
    assert retry.parse(retry_params(status=["canceled"]), NOW).selection.statuses == frozenset({"canceled"})
    assert retry.parse(retry_params(execution_id=["5"]), NOW).selection.statuses is None


def test_a_failed_execution_is_retried_with_one_post_and_seen_to_its_end() -> None:
    n8n = FakeN8n(row(1, "error"))
    result = run(n8n, execution_id=["1"])
    snapshot = "GET /executions/1?includeData=true"
    post = 'POST /executions/1/retry {"loadWorkflow": false}'
    assert n8n.log == ["GET /executions/1", *CHAIN, snapshot, post, "GET /executions/2"]
    assert the_chain(result) == {
        "outcome": "retried",
        "execution_id": "1",
        "original_id": "1",
        "workflow_id": "w1",
        "workflow_name": "as it ran",
        "retried_id": "1",
        "retry_id": "2",
        "status": "success",
        "attempts": 1,
        "msg": None,
    }
    assert (result.changed, result.failure, result.warnings) == (True, None, [])
    assert (result.values["counts"], result.values["retries_made"]) == ({"retried": 1}, 1)
    assert result.values["msg"] == "Looked at 1 chain of executions: 1 retried."


def test_a_retry_may_take_the_time_that_is_waited_for_it_and_other_calls_the_usual() -> None:
    n8n = FakeN8n(row(1, "error"))
    run(n8n, execution_id=["1"], wait_timeout=77.0)
    assert n8n.timeouts.pop('POST /executions/1/retry {"loadWorkflow": false}') == 77.0
    assert set(n8n.timeouts.values()) == {None}


@pytest.mark.parametrize("kind", ["exact", "ignored", "refused"])
def test_a_second_run_changes_nothing(kind: str) -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "crashed"), statuses=kind)
    assert run(n8n, newer_than="2d").changed
    n8n.log.clear()
    again = run(n8n, newer_than="2d")
    assert (again.changed, again.failure, posts(n8n)) == (False, None, [])
    assert [(chain["outcome"], chain["retry_id"]) for chain in again.values["chains"]] == [
        ("already_retried", "3"),
        ("already_retried", "4"),
    ]


def test_by_filters_failed_and_crashed_are_listed_and_their_chains_gathered_once() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "crashed"))
    run(n8n, all=True)
    assert n8n.log[:6] == ["GET /executions?status=crashed", "GET /executions?status=error", *CHAIN]
    assert posts(n8n) == ["1", "2"]


def test_it_is_retried_again_from_its_newest_failure_until_it_succeeds() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error", "crashed", "success"]
    result = run(n8n, execution_id=["1"])
    assert posts(n8n) == ["1", "2", "3"]
    chain = the_chain(result)
    assert (chain["outcome"], chain["retried_id"], chain["retry_id"], chain["status"]) == ("retried", "3", "4", "success")
    assert (chain["attempts"], result.values["retries_made"], result.failure) == (3, 3, None)


def test_it_is_given_up_after_max_attempts_and_stays_given_up() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error"] * 9
    result = run(n8n, execution_id=["1"], max_attempts=2)
    assert posts(n8n) == ["1", "2"]
    assert (the_chain(result)["status"], the_chain(result)["attempts"]) == ("error", 2)
    assert result.failure is not None
    assert result.failure.endswith("The first is execution 1: its retry 3 ended with error.")
    n8n.log.clear()
    again = run(n8n, execution_id=["1"], max_attempts=2)
    assert (again.changed, again.failure, posts(n8n)) == (False, None, [])
    assert outcomes(again) == [("1", "attempts_exhausted")]


def test_a_retry_that_fails_need_not_fail_the_run() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.retries_end = ["error"]
    result = run(n8n, execution_id=["1"], max_attempts=1, fail_on_error=False)
    assert (result.changed, result.failure, the_chain(result)["status"]) == (True, None, "error")


def test_retries_count_whoever_made_them() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error", retry_of=1), row(3, "error", retry_of=1), row(4, "error", retry_of=3))
    assert outcomes(run(n8n, execution_id=["1"])) == [("1", "attempts_exhausted")]
    assert posts(n8n) == []
    assert the_chain(run(n8n, execution_id=["1"], max_attempts=4))["attempts"] == 4
    assert posts(n8n) == ["4"]


def test_a_further_attempt_that_is_refused_does_not_deny_the_one_before() -> None:
    # As n8n does with the retry of an execution that was canceled: it keeps the old error, and says that it finished.
    n8n = FakeN8n(row(1, "canceled"))
    n8n.retries_end = ["error"]
    n8n.refuse('POST /executions/2/retry {"loadWorkflow": false}', 409, "The execution succeeded, so it cannot be retried.")
    result = run(n8n, execution_id=["1"])
    assert (result.changed, result.values["retries_made"], outcomes(result)) == (True, 1, [("1", "retried")])
    chain = the_chain(result)
    assert (chain["retried_id"], chain["retry_id"], chain["status"]) == ("1", "2", "error")
    assert chain["msg"] == "Execution 2 cannot be retried in turn: The execution succeeded, so it cannot be retried."


def test_a_chain_gets_one_decision_however_many_of_it_are_selected() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error", retry_of=1), row(3, "error", retry_of=2))
    result = run(n8n, all=True, max_attempts=5)
    assert posts(n8n) == ["3"]
    assert (the_chain(result)["execution_id"], the_chain(result)["original_id"]) == ("1", "1")


@pytest.mark.parametrize(
    "rows",
    [
        [row(1, "error"), row(2, "error", retry_of=1), row(3, "success", retry_of=2)],
        [row(1, "error"), row(2, "success", retry_of=1), row(3, "error", retry_of=1)],
        [row(1, "error"), row(2, "error", retry_of=1), row(3, "success", retry_of=1)],
    ],
    ids=["two steps on", "an older sibling", "a newer sibling"],
)
@pytest.mark.parametrize("selected", ["1", "2", "3"])
def test_a_success_anywhere_in_the_chain_is_enough(rows: list[Row], selected: str) -> None:
    n8n = FakeN8n(*rows)
    result = run(n8n, execution_id=[selected])
    itself = n8n.rows[int(selected)]["status"] == "success"
    assert the_chain(result)["outcome"] == ("not_failed" if itself else "already_retried")
    assert the_chain(result)["original_id"] == "1"
    assert (posts(n8n), result.changed, result.failure) == ([], False, None)


def test_an_execution_that_succeeded_has_not_failed() -> None:
    n8n = FakeN8n(row(1))
    chain = the_chain(run(n8n, execution_id=["1"]))
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("not_failed", None, "success")
    assert posts(n8n) == []


def test_a_success_that_is_no_longer_kept_counts_by_its_mark() -> None:
    n8n = FakeN8n(row(1, "error", success_id=9), row(2, "error", retry_of=1))
    chain = the_chain(run(n8n, execution_id=["2"]))
    assert (chain["outcome"], chain["retry_id"], chain["status"]) == ("already_retried", "9", None)
    assert posts(n8n) == []


def test_a_mark_of_a_retry_that_did_not_succeed_is_no_success() -> None:
    n8n = FakeN8n(row(1, "canceled", success_id=2), row(2, "error", retry_of=1))
    assert the_chain(run(n8n, execution_id=["1"]))["outcome"] == "retried"
    assert posts(n8n) == ["2"]


def test_a_retry_outlives_what_it_is_a_retry_of() -> None:
    n8n = FakeN8n(row(5, "error", retry_of=1))
    chain = the_chain(run(n8n, execution_id=["5"]))
    assert (chain["outcome"], chain["original_id"], chain["attempts"]) == ("retried", "1", 2)
    assert posts(n8n) == ["5"]


def test_siblings_are_known_though_their_parent_is_deleted() -> None:
    n8n = FakeN8n(row(5, "success", retry_of=1), row(6, "error", retry_of=1))
    result = run(n8n, execution_id=["6"])
    assert (the_chain(result)["outcome"], the_chain(result)["retry_id"], posts(n8n)) == ("already_retried", "5", [])


def test_ancestors_that_are_not_selected_are_read_once() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error", retry_of=1), row(3, "error", retry_of=2), row(4, "error", retry_of=2))
    run(n8n, execution_id=["3", "4"], check_mode=True)
    reads = [call for call in n8n.log if call.startswith("GET /executions/") and "?" not in call]
    assert sorted(reads) == [f"GET /executions/{number}" for number in (1, 2, 3, 4)]


def test_only_the_workflow_of_the_chain_is_searched_and_only_since_its_oldest_member() -> None:
    old = [row(number) for number in range(1, 40)]
    n8n = FakeN8n(*old, row(40, "error"), *(row(number) for number in range(41, 46)), page=5)
    run(n8n, execution_id=["40"], check_mode=True)
    lists = [call for call in n8n.log if call.startswith("GET /executions?")]
    assert all("workflowId=w1" in call for call in lists)
    assert len(lists) == 5, "three live lists, and of the plain one the page with the newer ones and the page with number 40"


def test_an_execution_that_names_no_workflow_is_not_searched_for_among_all() -> None:
    n8n = FakeN8n(row(1, "error", workflow=t.cast(str, None)), row(2))
    assert the_chain(run(n8n, execution_id=["1"]))["outcome"] == "retried"
    assert not [call for call in n8n.log if call.startswith("GET /executions?")]


def test_check_mode_predicts_the_first_attempt_and_sends_nothing() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error", retry_of=1), row(3, "crashed"), row(4, "error"), row(5, retry_of=4))
    result = run(n8n, check_mode=True, all=True)
    assert {call.split()[0] for call in n8n.log} == {"GET"}
    assert outcomes(result) == [("1", "retried"), ("3", "retried"), ("4", "already_retried")]
    assert [chain["retried_id"] for chain in result.values["chains"]] == ["2", "3", None]
    assert [chain["retry_id"] for chain in result.values["chains"]] == [None, None, "5"]
    assert (result.changed, result.failure, result.values["retries_made"]) == (True, None, 0)
    assert result.values["msg"] == "Predicted for 3 chains of executions: 1 already_retried, 2 retried."


def test_the_diff_shows_what_became_of_each_chain() -> None:
    result = run(FakeN8n(row(1, "error"), row(2, "error"), row(3, retry_of=2)), all=True)
    assert result.diff is not None
    before, after = result.diff["before"].splitlines(), result.diff["after"].splitlines()
    assert before[0].endswith("ended 2026-11-01T02:00:00.000Z, 0 retries so far")
    assert after[0] == before[0] + "; retried: execution 4 is success"
    assert after[1] == before[1]
    assert before[1].endswith("1 retry so far")


def test_the_limit_counts_chains_that_are_acted_on_oldest_first() -> None:
    rows = [row(1, "error"), row(2, retry_of=1), row(3, "error"), row(4, "error", retry_of=3), row(5, "error"), row(6, "error")]
    n8n = FakeN8n(*rows)
    result = run(n8n, all=True, limit=2)
    assert posts(n8n) == ["4", "5"]
    assert outcomes(result) == [("1", "already_retried"), ("3", "retried"), ("5", "retried")]
    assert result.values["more_remaining"] is True
    assert result.values["msg"].endswith("; more remain.")
    assert run(n8n, all=True, limit=1).values["more_remaining"] is False
    assert posts(n8n) == ["4", "5", "6"]


def test_ids_are_never_cut_by_the_limit() -> None:
    n8n = FakeN8n(row(1, "error"), row(2, "error"))
    run(n8n, execution_id=["2", "1"], limit=1)
    assert posts(n8n) == ["1", "2"]


@pytest.mark.parametrize("concurrency", [4, 16])
def test_many_chains_at_once_are_each_retried_once(concurrency: int) -> None:
    n8n = FakeN8n(*(row(number, "error") for number in range(1, 41)), page=50)
    result = run(n8n, concurrency=concurrency, all=True)
    assert sorted(map(int, posts(n8n))) == list(range(1, 41))
    assert (result.values["counts"], result.failure) == ({"retried": 40}, None)


@st.composite
def forests(draw: st.DrawFn) -> list[Row]:
    """Executions, retries of them, retries of those; some have been deleted since."""
    rows = []
    for number in range(1, draw(st.integers(1, 10)) + 1):
        parent = draw(st.none() | st.integers(1, number - 1)) if number > 1 else None
        status = draw(st.sampled_from(["error", "error", "error", "crashed", "canceled", "success", "running", "unknown"]))
        rows.append(row(number, status, retry_of=parent))
    return [one for one in rows if draw(st.integers(0, 4)) > 0]


@given(forests(), st.integers(1, 5), st.sampled_from(["exact", "ignored", "refused"]), st.integers(1, 4))
def test_each_chain_without_a_success_is_retried_once_from_its_newest_failure_and_then_never_again(
    rows: list[Row], most: int, kind: str, page: int
) -> None:
    n8n = FakeN8n(*rows, statuses=kind, page=page)
    expected = []
    for chain in _chains(rows):
        statuses = {one["status"] for one in chain}
        failed = [int(one["id"]) for one in chain if one["status"] in ("error", "crashed", "canceled")]
        retries = sum(one["retryOf"] is not None for one in chain)
        if statuses & {"error", "crashed"} and not statuses & {"success", "running"} and retries < most:
            expected.append(str(max(failed)))
    run(n8n, all=True, max_attempts=most, wait_timeout=1.0)
    assert sorted(posts(n8n)) == sorted(expected)
    n8n.log.clear()
    again = run(n8n, all=True, max_attempts=most, wait_timeout=1.0)
    assert (posts(n8n), again.changed) == ([], False)


def _chains(rows: list[Row]) -> list[list[Row]]:
    """What hangs together by retryOf, by way of what is deleted too."""
    chain_of = {one["id"]: one["retryOf"] or one["id"] for one in rows}
    roots: dict[str, list[Row]] = {}
    for one in rows:
        root = one["id"]
        while chain_of.get(root, root) != root:
            root = chain_of[root]
        roots.setdefault(root, []).append(one)
    return list(roots.values())
