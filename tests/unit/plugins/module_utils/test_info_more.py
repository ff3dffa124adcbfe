# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at what is in executions: their digests, the data of some nodes, redacted data, and their chains of retries."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._operations import info
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, at, info_params, nested, row

DATA = {
    "resultData": {
        "error": {"message": "boom", "name": "NodeOperationError", "node": {"name": "B"}},
        "lastNodeExecuted": "B",
        "runData": {"A": [{"executionTime": 5}], "B": [{"executionTime": 7, "executionStatus": "error"}]},
    },
    "executionData": {"nodeExecutionStack": []},
}


def look(n8n: FakeN8n, **options: t.Any) -> Result:
    return info.carry_out(n8n.client(), info.parse(info_params(**options), NOW), False)


def told(result: Result, key: str) -> dict[str, t.Any]:
    return {record["id"]: record.get(key) for record in result.values["executions"]}


def test_a_digest_is_read_from_the_data_which_is_let_go() -> None:
    n8n = FakeN8n(row(1, "error", data=DATA, customData={"a": "b"}))
    (record,) = look(n8n, digest=True).values["executions"]
    assert (record["digest"]["failing_node"], record["digest"]["message"]) == ("B", "boom")
    assert "data" not in record
    assert "custom_data" not in record
    assert n8n.log[-1] == "GET /executions/1?includeData=true"


def test_a_digest_comes_with_the_data_where_both_are_wanted() -> None:
    (record,) = look(FakeN8n(row(1, "error", data=DATA)), digest=True, include_data=True).values["executions"]
    assert record["data"] == DATA
    assert record["digest"]["id"] == "1"


def test_a_digest_of_data_that_is_not_kept_says_so() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.without_data = {1}
    (record,) = look(n8n, execution_id=["1"], digest=True).values["executions"]
    assert record["digest"]["data_missing"] is True
    assert "no data" in record["digest"]["data_missing_reason"]


def test_a_digest_knows_the_name_of_a_workflow_that_was_looked_up() -> None:
    n8n = FakeN8n(row(1, "error"))
    n8n.workflows = {"w1": {"id": "w1", "name": "Nightly"}}
    n8n.without_data = {1}
    (record,) = look(n8n, workflow=["Nightly"], digest=True).values["executions"]
    assert record["digest"]["workflow_name"] == "Nightly"


def test_only_the_nodes_asked_for_keep_their_data_and_the_rest_stays() -> None:
    n8n = FakeN8n(row(1, "error", data=DATA))
    (record,) = look(n8n, execution_id=["1"], nodes=["B", "no such node"]).values["executions"]
    assert list(record["data"]["resultData"]["runData"]) == ["B"]
    assert record["data"]["resultData"]["lastNodeExecuted"] == "B"
    assert record["data"]["executionData"] == DATA["executionData"]


def test_a_digest_is_of_all_nodes_whichever_are_kept() -> None:
    (record,) = look(FakeN8n(row(1, "error", data=DATA)), digest=True, nodes=["A"]).values["executions"]
    assert [step["name"] for step in record["digest"]["flow"]] == ["A", "B"]
    assert list(record["data"]["resultData"]["runData"]) == ["A"]


@pytest.mark.parametrize("nodes", [[], [""], ["A", " "]])
def test_an_empty_name_of_a_node_is_refused(nodes: list[str]) -> None:
    with pytest.raises(InvalidInput, match="nodes"):
        info.parse(info_params(nodes=nodes), NOW)


@pytest.mark.parametrize("redact, sent", [(True, "true"), (False, "false")])
@pytest.mark.parametrize("options", [{"include_data": True}, {"digest": True}, {"nodes": ["A"]}])
def test_redacting_is_asked_for(redact: bool, sent: str, options: dict[str, t.Any]) -> None:
    n8n = FakeN8n(row(1, "error", data=DATA))
    look(n8n, execution_id=["1"], redact=redact, **options)
    assert n8n.log == [f"GET /executions/1?includeData=true&redactExecutionData={sent}"]


def test_redacting_without_data_is_refused() -> None:
    with pytest.raises(InvalidInput, match="include_data"):
        info.parse(info_params(redact=True), NOW)


def test_a_server_that_cannot_redact_ends_the_reading_and_the_version_is_named() -> None:
    n8n = FakeN8n(row(1), row(2), statuses="refused")
    result = look(n8n, execution_id=["1", "2"], include_data=True, redact=True)
    assert result.failure is not None
    assert "2.16" in result.failure
    assert len(n8n.log) == 1


def chained() -> FakeN8n:
    """1 was retried by 3, that by 4 and by 6; 5 is of the same workflow, 2 of another."""
    return FakeN8n(
        row(1, "error"),
        row(2, "error", workflow="w2"),
        row(3, "error", retry_of=1, mode="retry"),
        row(4, "error", retry_of=3, mode="retry"),
        row(5, "success"),
        row(6, "running", retry_of=3, mode="retry", start=5),
    )


@pytest.mark.parametrize("asked", ["1", "3", "4", "6"])
def test_a_chain_is_whole_whichever_member_is_asked_for(asked: str) -> None:
    result = look(chained(), execution_id=[asked], retry_chain=True)
    chain = told(result, "retry_chain")[asked]
    assert [member["id"] for member in chain] == ["1", "3", "4", "6"]
    assert chain[0] == {"id": "1", "status": "error", "started_at": at(1), "retry_of": None}
    assert chain[3] == {"id": "6", "status": "running", "started_at": at(5), "retry_of": "3"}


def test_what_was_never_retried_is_alone_in_its_chain() -> None:
    result = look(chained(), execution_id=["5"], retry_chain=True)
    assert [member["id"] for member in told(result, "retry_chain")["5"]] == ["5"]


def test_the_rows_of_each_workflow_are_read_once_for_all_chains() -> None:
    n8n = chained()
    result = look(n8n, status=["error"], retry_chain=True)
    chains = {key: [member["id"] for member in chain] for key, chain in told(result, "retry_chain").items()}
    assert chains == {"1": ["1", "3", "4", "6"], "2": ["2"], "3": ["1", "3", "4", "6"], "4": ["1", "3", "4", "6"]}
    plain = [call for call in n8n.log if call.startswith("GET /executions?workflowId=")]
    assert plain == ["GET /executions?workflowId=w1", "GET /executions?workflowId=w2"]
    # The ancestors were found themselves, so none is read by itself.
    assert not [call for call in n8n.log if call.startswith("GET /executions/")]


def test_an_original_that_is_gone_leaves_the_rest_of_the_chain() -> None:
    n8n = chained()
    n8n.forget(1)
    chain = told(look(n8n, execution_id=["4"], retry_chain=True), "retry_chain")["4"]
    assert [member["id"] for member in chain] == ["3", "4", "6"]


def test_a_chain_that_cannot_be_read_is_an_error_and_what_was_read_is_told() -> None:
    n8n = chained()
    n8n.scopes_missing = {"execution:list"}
    result = look(n8n, execution_id=["1"], retry_chain=True)
    assert list(told(result, "id")) == ["1"]
    assert result.failure is not None
    assert "execution:list" in result.failure


def test_an_ancestor_that_cannot_be_read_is_an_error_of_that_execution_alone() -> None:
    n8n = chained()
    n8n.refuse("GET /executions/3", 500, "Internal server error")
    result = look(n8n, execution_id=["5", "6"], retry_chain=True)
    chains = told(result, "retry_chain")
    assert [error["id"] for error in result.values["errors"]] == ["6"]
    assert (chains["6"], [member["id"] for member in chains["5"]]) == (None, ["5"])


def test_data_that_ansible_could_not_take_is_left_out_and_said_to_be() -> None:
    deep = {"resultData": {"error": {"message": "Boom"}, "runData": {"A": nested(120)}}}
    n8n = FakeN8n(row(1, "error", data=deep), row(2, "error", data=DATA))
    result = look(n8n, include_data=True, digest=True, order="asc")
    first, second = result.values["executions"]
    assert (first["data_too_deep"], "data" in first, first["digest"]["message"]) == (True, False, "Boom")
    assert second["data"] == DATA
    assert "data_too_deep" not in second
    assert result.warnings[0].startswith("The data of 1 execution is left out, 1 first: it nests deeper than 100 levels")
    assert result.failure is None
