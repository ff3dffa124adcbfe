# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The digest of an execution: what failed, why, where the time went, and whether it may pass by itself."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._digest import digest, digest_of
from ansible_collections.flowops.n8n.plugins.module_utils._execution import STATUSES, Execution
from ansible_collections.flowops.n8n.plugins.module_utils._run_data import keep_nodes, read_trace
from ansible_collections.flowops.n8n.plugins.module_utils._trace import LONGEST_TEXT, Trace, moment, seconds, text
from hypothesis import given
from hypothesis import strategies as st

HTTP = "n8n-nodes-base.httpRequest"
STOP = "n8n-nodes-base.stopAndError"
CODE = "n8n-nodes-base.code"


def run(start: t.Any = 0, took: t.Any = 1, index: t.Any = 0, error: t.Any = None) -> dict[str, t.Any]:
    told = {"startTime": start, "executionTime": took, "executionIndex": index, "executionStatus": "success"}
    return told if error is None else {**told, "executionStatus": "error", "error": error}


def data(runs: t.Any, error: t.Any = None, last: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    result = {"runData": runs, **({"error": error} if error is not None else {}), **({"lastNodeExecuted": last} if last else {})}
    return {"resultData": result, **more}


def execution(status: str = "error", kept: t.Any = None, **more: t.Any) -> Execution:
    return Execution(id="1", workflow_id="w1", workflow_name="Nightly", status=status, data=kept, **more)


def failed(error: dict[str, t.Any], kind: str = HTTP) -> dict[str, t.Any]:
    """The digest of an execution that failed with this error."""
    whole = {"node": {"name": "Fetch", "type": kind}, **error}
    return digest_of(execution(kept=data({"Fetch": [run(error=whole)]}, whole, "Fetch")))


# As n8n 1.123.81 and 2.41.1 write them.
API = {"name": "NodeApiError", "level": "warning", "messages": []}
PASSING = [
    ({**API, "httpCode": "500", "message": "The service was not able to process your request"}, "HTTP 500"),
    ({**API, "httpCode": "502", "message": "Bad gateway - the service failed to handle your request"}, "HTTP 502"),
    ({**API, "httpCode": "503", "message": "Service unavailable - try again later"}, "HTTP 503"),
    ({**API, "httpCode": "504", "message": "Gateway timed out - perhaps try again later?"}, "HTTP 504"),
    ({**API, "httpCode": "429", "message": "The service is receiving too many requests from you"}, "HTTP 429"),
    ({**API, "httpCode": "408", "message": "Your request is invalid or could not be processed by the service"}, "HTTP 408"),
    ({**API, "httpCode": "425", "message": "Your request is invalid or could not be processed by the service"}, "HTTP 425"),
    ({**API, "httpCode": 503, "message": "a number"}, "HTTP 503"),
    (
        {**API, "httpCode": "ECONNREFUSED", "message": "The service refused the connection - perhaps it is offline"},
        "ECONNREFUSED",
    ),
    ({**API, "httpCode": "ENOTFOUND", "message": "The connection cannot be established"}, "ENOTFOUND"),
    ({**API, "httpCode": "ECONNABORTED", "messages": ["timeout of 300ms exceeded"]}, "ECONNABORTED"),
    ({**API, "httpCode": "ECONNRESET", "messages": ["socket hang up"]}, "ECONNRESET"),
    ({**API, "code": "EAI_AGAIN"}, "EAI_AGAIN"),
    ({"cause": {"code": "ETIMEDOUT"}, "message": "it failed"}, "ETIMEDOUT"),
    ({"cause": {"message": "x", "cause": {"response": {"status": 503}}}}, "HTTP 503"),
    ({"errorResponse": {"statusCode": 502}}, "HTTP 502"),
    ({"message": "boom ETIMEDOUT [line 1]"}, "ETIMEDOUT"),
    ({"message": "The service refused the connection - perhaps it is offline"}, "refused the connection"),
    ({"message": "The service is receiving too many requests from you"}, "too many requests"),
    ({"message": "Gateway timed out - perhaps try again later?"}, "timed out"),
    ({"message": "The connection timed out, consider setting the 'Retry on Fail' option in the node settings"}, "timed out"),
    ({"message": "The connection was aborted, perhaps the server is offline"}, "connection was aborted"),
    ({"message": "The connection to the server was closed unexpectedly, perhaps it is offline."}, None),
    ({"message": "The connection cannot be established, this usually occurs due to an incorrect host (domain) value"}, None),
    ({"message": "The host is unreachable, perhaps the server is offline"}, "host is unreachable"),
    ({"message": "The DNS server returned an error, perhaps the server is offline"}, "DNS server returned an error"),
    ({"message": "The server closed the connection unexpectedly"}, "server closed the connection unexpectedly"),
    ({"message": "Bad gateway - the service failed to handle your request"}, "Bad gateway"),
    ({"message": "The service was not able to process your request"}, "service was not able to process your request"),
    ({"message": "The service failed to process your request"}, "service failed to process your request"),
    ({"message": "Service unavailable - try again later"}, "Service unavailable"),
    ({"message": "x", "description": '503 - "{}"'}, "503"),
    ({"message": "x", "messages": ["Request failed with status code 502"]}, "status code 502"),
    ({"message": "HTTP/1.1 504"}, "HTTP/1.1 504"),
    ({"message": "timeout of 5000ms exceeded"}, "timeout of 5000ms exceeded"),
    ({"message": "Query read timeout"}, "read timeout"),
    ({"message": "declared", "failure": {"cause": "temporarily-unavailable"}}, "the node says so"),
]
STAYING = [
    ({**API, "httpCode": "400", "message": "Bad request - please check your parameters"}, HTTP),
    ({**API, "httpCode": "401", "message": "Authorization failed - please check your credentials"}, HTTP),
    ({**API, "httpCode": "404", "message": "The connection timed out"}, HTTP),
    ({"message": "ECONNREFUSED 503 Service unavailable timed out"}, STOP),
    ({"message": "Order 5031 is broken"}, HTTP),
    ({"message": "Order 503 is broken"}, HTTP),
    ({"message": "Invoice 5030: status 5030"}, HTTP),
    ({"message": "XECONNREFUSED2"}, HTTP),
    ({"message": "The field timeout is missing"}, HTTP),
    ({"message": "Cannot read properties of null (reading 'x') [line 1]", "description": "TypeError"}, CODE),
    ({"name": "TypeError", "message": "timed out is not a function"}, CODE),
    ({"name": "ExpressionError", "message": "request timeout"}, HTTP),
    ({"message": "Connection timed out", "failure": {"cause": "node-defect"}}, HTTP),
    ({"message": "", "code": "42P01"}, HTTP),
    ({}, HTTP),
]


@pytest.mark.parametrize("error, reason", PASSING)
def test_what_may_pass_by_itself_is_known_by_its_code_or_its_words(error: dict[str, t.Any], reason: str | None) -> None:
    told = failed(error)
    assert told["transient"] is True
    assert told["transient_reason"] == reason if reason is not None else told["transient_reason"]


@pytest.mark.parametrize("error, kind", STAYING)
def test_what_will_not_pass_is_not_taken_for_it(error: dict[str, t.Any], kind: str) -> None:
    told = failed(error, kind)
    assert (told["transient"], told["transient_reason"]) == (False, None)


def test_a_status_above_500_of_any_kind_may_pass() -> None:
    assert all(failed({"httpCode": str(code)})["transient"] for code in range(500, 600))
    passing = {code for code in range(400, 500) if failed({"httpCode": str(code)})["transient"]}
    assert passing == {408, 425, 429}


def test_the_failing_node_its_words_and_its_type_are_told() -> None:
    error = {**API, "httpCode": "503", "message": "Service unavailable", "description": "later"}
    assert failed(error) == {
        "id": "1",
        "workflow_id": "w1",
        "workflow_name": "Nightly",
        "status": "error",
        "failing_node": "Fetch",
        "failing_node_type": HTTP,
        "message": "Service unavailable",
        "description": "later",
        "error_type": "NodeApiError",
        "http_status": "503",
        "transient": True,
        "transient_reason": "HTTP 503",
        "flow": [
            {
                "name": "Fetch",
                "type": HTTP,
                "runs": 1,
                "status": "error",
                "started_at": "1970-01-01T00:00:00.000Z",
                "duration": 0.001,
            }
        ],
        "slowest": [{"name": "Fetch", "duration": 0.001}],
        "data_missing": False,
        "data_missing_reason": None,
    }


def test_the_words_that_n8n_has_replaced_by_its_own_are_told_beside_them() -> None:
    """As n8n 2.41.1 writes it where no connection could be made."""
    said = ["connect ECONNREFUSED 127.0.0.1:9"] * 2
    told = failed({**API, "httpCode": "ECONNREFUSED", "message": "The service refused the connection", "messages": said})
    assert (told["message"], told["description"]) == ("The service refused the connection", said[0])
    assert failed({"message": "same", "messages": ["same"]})["description"] is None


def test_nodes_stand_in_the_order_in_which_they_ran_and_the_slowest_first() -> None:
    runs = {
        "C": [run(1_700_000_000_500, 30, 2)],
        "A": [run(1_700_000_000_000, 100, 0)],
        "B": [run(1_700_000_000_400, 20, 1), run(1_700_000_000_600, 2000, 3)],
    }
    told = digest_of(execution("success", data(runs), node_types={"A": "trigger"}))
    assert [(step["name"], step["runs"], step["duration"]) for step in told["flow"]] == [
        ("A", 1, 0.1),
        ("B", 2, 2.02),
        ("C", 1, 0.03),
    ]
    assert [step["name"] for step in told["slowest"]] == ["B", "A", "C"]
    assert told["flow"][0]["type"] == "trigger"
    assert told["flow"][1]["type"] is None
    assert told["flow"][1]["started_at"] == "2023-11-14T22:13:20.400Z"
    assert told["failing_node"] is None
    assert told["message"] is None


def test_without_numbers_of_runs_their_start_decides() -> None:
    runs = {"B": [{"startTime": 2}], "A": [{"startTime": 1}]}
    assert [step["name"] for step in digest_of(execution("success", data(runs)))["flow"]] == ["A", "B"]


def test_a_node_that_failed_while_its_workflow_went_on_is_no_failure() -> None:
    told = digest_of(execution("success", data({"A": [run(error={"message": "boom"})], "B": [run()]}, last="B")))
    assert (told["failing_node"], told["message"], told["transient"]) == (None, None, False)


def test_the_last_node_counts_where_the_error_names_none() -> None:
    runs = {"A": [run(error={"message": "first"})], "B": [run(error={"message": "second"})]}
    told = digest_of(execution(kept=data(runs, {"message": "whole"}, "A")))
    assert (told["failing_node"], told["message"]) == ("A", "whole")


def test_an_execution_without_an_error_of_its_own_tells_that_of_its_node() -> None:
    told = digest_of(execution("crashed", data({"A": [run(error={"message": "boom", "description": "why"})]})))
    assert (told["failing_node"], told["message"], told["description"]) == ("A", "boom", "why")


@pytest.mark.parametrize(
    "kind, transient", [("ManualExecutionCancelledError", False), ("TimeoutExecutionCancelledError", True), ("X", False)]
)
def test_what_was_canceled_by_hand_stays_so_and_what_ran_out_of_time_may_not(kind: str, transient: bool) -> None:
    error = {"name": kind, "message": "The execution was cancelled because it timed out"}
    told = digest_of(execution("canceled", data({}, error)))
    assert (told["failing_node"], told["transient"], told["message"]) == (None, transient, error["message"])


def test_a_redacted_execution_says_so_and_tells_what_is_left() -> None:
    """As n8n 2.41.1 writes it."""
    left = {"type": "NodeApiError", "httpCode": "503"}
    runs = {"A": [run()], "B": [{**run(), "executionStatus": "error", "redactedError": left}]}
    kept = {
        "resultData": {"runData": runs, "lastNodeExecuted": "B", "redactedError": left},
        "redactionInfo": {"isRedacted": True, "reason": "user_requested"},
    }
    told = digest_of(execution(kept=kept, node_types={"B": HTTP}))
    assert (told["failing_node"], told["failing_node_type"], told["error_type"]) == ("B", HTTP, "NodeApiError")
    assert (told["message"], told["transient_reason"]) == (None, "HTTP 503")
    assert (told["data_missing"], told["data_missing_reason"]) == (True, "the data is redacted (user_requested)")


@pytest.mark.parametrize(
    "kept, extra, said",
    [
        (None, {}, "no data"),
        (None, {"data_too_large": True}, "too large"),
        ({"resultData": {"runData": {}}}, {"data_too_large": True}, "too large"),
        ({"something": "else"}, {}, "no form that is known"),
        ("text", {}, "no form that is known"),
        (5, {}, "no form that is known"),
    ],
)
def test_data_that_is_missing_gives_a_digest_that_says_why(kept: t.Any, extra: dict[str, t.Any], said: str) -> None:
    told = digest_of(execution(kept=kept, extra=extra))
    assert told["data_missing"] is True
    assert said in told["data_missing_reason"]
    assert (told["failing_node"], told["flow"], told["transient"]) == (None, [], False)


def test_the_other_dialects_data_is_read_by_its_own_form() -> None:
    nodes = [
        {"nodeId": "n2", "nodeName": "B", "nodeType": "http", "status": "failed", "startedAt": "2026-01-01T00:00:02Z"},
        {
            "nodeId": "n1",
            "nodeName": "A",
            "nodeType": "hook",
            "status": "success",
            "startedAt": "2026-01-01T00:00:00Z",
            "duration": 1.5,
        },
    ]
    error = {"type": "NetworkError", "message": "connect ECONNREFUSED 1.2.3.4", "nodeId": "n2"}
    told = digest_of(execution(kept={"executionData": nodes, "error": error}))
    assert [(step["name"], step["type"], step["status"]) for step in told["flow"]] == [
        ("A", "hook", "success"),
        ("B", "http", "error"),
    ]
    assert (told["failing_node"], told["error_type"], told["transient_reason"]) == ("B", "NetworkError", "ECONNREFUSED")
    assert told["slowest"] == [{"name": "A", "duration": 1.5}]
    assert digest_of(execution(kept=nodes))["failing_node"] == "B"


def test_texts_are_cut_and_whole_characters_are_left() -> None:
    told = failed({"message": "x" * 100_000, "description": "\ud800", "name": "n" * 500})
    assert (len(told["message"]), told["message"][-1]) == (LONGEST_TEXT, "…")
    assert len(told["error_type"]) == 200
    json.dumps(told).encode()
    assert told["description"] == "?"


@pytest.mark.parametrize("value", [True, None, [], {}, "", "  ", float("nan"), float("inf"), 10**400])
def test_what_is_no_text_is_none(value: t.Any) -> None:
    assert text(value) is None


@pytest.mark.parametrize("value", [True, None, "5", -1, float("nan"), float("inf"), 10**400, [1]])
def test_what_is_no_time_is_none(value: t.Any) -> None:
    assert (moment(value), seconds(value)) == (None, None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
_ERROR_KEYS = (
    "name",
    "message",
    "description",
    "httpCode",
    "code",
    "cause",
    "messages",
    "node",
    "context",
    "failure",
    "response",
)
_ERRORS = _JSON | st.dictionaries(st.sampled_from(_ERROR_KEYS), _JSON | st.sampled_from(("503", "ETIMEDOUT", 503)), max_size=5)
_RUN_KEYS = ("startTime", "executionTime", "executionIndex", "executionStatus", "error", "redactedError", "data")
_RUNS = _JSON | st.lists(_JSON | st.dictionaries(st.sampled_from(_RUN_KEYS), _ERRORS, max_size=7), max_size=3)
_NODES = _JSON | st.dictionaries(st.sampled_from(("nodeId", "nodeName", "status", "startedAt", "duration", "error")), _ERRORS)
_DATA = st.one_of(
    _JSON,
    st.fixed_dictionaries(
        {"resultData": st.fixed_dictionaries({}, optional={
            "runData": _JSON | st.dictionaries(st.text(max_size=4), _RUNS, max_size=4),
            "error": _ERRORS,
            "redactedError": _ERRORS,
            "lastNodeExecuted": _JSON,
        })},
        optional={"redactionInfo": _JSON, "executionData": _JSON},
    ),
    st.fixed_dictionaries({"executionData": st.lists(_NODES, max_size=4)}, optional={"error": _ERRORS}),
)  # fmt: skip


@given(kept=_DATA, status=st.sampled_from(STATUSES), nodes=st.sets(st.text(max_size=4), max_size=2))
def test_whatever_the_data_is_a_digest_comes_of_it_in_plain_json(kept: t.Any, status: str, nodes: set[str]) -> None:
    told = digest_of(execution(status, kept))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["transient"] is (told["transient_reason"] is not None)
    assert told["data_missing"] is (told["data_missing_reason"] is not None)
    assert len(told["slowest"]) <= len(told["flow"])
    assert set(told) == set(digest(execution(), Trace()))
    keep_nodes(kept, nodes)


def test_data_that_is_nested_endlessly_deep_is_no_danger() -> None:
    deep: t.Any = {"message": "bottom"}
    for _unused in range(20_000):
        deep = {"cause": deep, "messages": [deep]}
    assert digest_of(execution(kept=data({"A": [run(error=deep)]}, deep)))["failing_node"] == "A"
    for _unused in range(20_000):
        # Taken apart by hand: Python's own clearing away would go as deep.
        deep = deep["cause"]


def test_a_trace_is_none_where_there_is_no_form_that_is_known() -> None:
    assert read_trace(execution(kept={"a": 1})) is None
