# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How n8n's errors are told apart, in both eras, and what is said of answers that are not n8n's."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Query
from hypothesis import given
from hypothesis import strategies as st

n8n = DIALECTS["n8n"]

LIST = n8n.list_call(Query(), None)
GET = n8n.get_call("5", False)
DATA = n8n.get_call("5", True)
DELETE = n8n.delete_call("5")
RETRY = n8n.retry_call("5", False, None, ())
STOP = n8n.stop_call("5")
WORKFLOW = n8n.workflow_call("w1")
OPENAPI = n8n.openapi_call()

READ: dict[Call, t.Callable[[Answer], t.Any]] = {
    LIST: n8n.read_page,
    GET: n8n.read_execution,
    DATA: n8n.read_snapshot,
    DELETE: n8n.read_deleted,
    STOP: n8n.read_stopped,
    WORKFLOW: n8n.read_workflow,
    OPENAPI: n8n.read_capabilities,
    n8n.workflows_call("a", None): n8n.read_workflows,
    n8n.discover_call(): n8n.read_scopes,
    n8n.era_call(): n8n.read_era,
}


def answer(call: Call, status: int, content: bytes, content_type: str = "application/json", **headers: str) -> Answer:
    url = "https://n8n.example.com/api/v1" + call.path
    return Answer(call, url, status, {"Content-Type": content_type, **headers}, content)


def said(call: Call, status: int, message: t.Any) -> Answer:
    return answer(call, status, json.dumps({"message": message}).encode())


def read(one: Answer) -> t.Any:
    return n8n.read_execution(one) if one.call.method == "POST" else READ[one.call](one)


def error_of(one: Answer) -> errors.N8nError:
    with pytest.raises(errors.N8nError) as caught:
        read(one)
    return caught.value


@pytest.mark.parametrize(
    "call, status, message, expected",
    [
        # Absent, in the words of exactly this call.
        (GET, 404, "Not Found", errors.NotFound),
        (DATA, 404, "Not Found", errors.NotFound),
        (DELETE, 404, "Not Found", errors.NotFound),
        (WORKFLOW, 404, "Not Found", errors.NotFound),
        (RETRY, 404, 'The execution with the ID "5" does not exist.', errors.NotFound),
        (RETRY, 404, 'The execution with the ID "5" does not exist', errors.NotFound),
        # Any other 404.
        (GET, 404, "not found", errors.NoSuchRoute),
        (LIST, 404, "not found", errors.NoSuchRoute),
        (STOP, 404, "not found", errors.NoSuchRoute),
        (OPENAPI, 404, "not found", errors.NoSuchRoute),
        (RETRY, 404, "not found", errors.NoSuchRoute),
        (LIST, 404, "Not Found", errors.Rejected),
        (RETRY, 404, "Not Found", errors.Rejected),
        (GET, 404, 'The execution with the ID "5" does not exist.', errors.Rejected),
        (DELETE, 404, "NOT FOUND", errors.Rejected),
        (GET, 404, "Not Found.", errors.Rejected),
        (STOP, 404, "Failed to find execution to stop", errors.Rejected),
        (GET, 404, "", errors.Rejected),
        # Keys.
        (LIST, 401, "'X-N8N-API-KEY' header required", errors.Unauthorized),
        (LIST, 401, "unauthorized", errors.Unauthorized),
        (LIST, 401, "Unauthorized", errors.Unauthorized),
        (RETRY, 403, "Forbidden", errors.Forbidden),
        # Lists.
        (LIST, 400, "Unknown query parameter 'startedBefore'", errors.UnknownParameter),
        (LIST, 400, "request/query/status must be equal to one of the allowed values: canceled, error", errors.UnknownStatus),
        (LIST, 400, "request/query/status Invalid enum value. Expected 'canceled' | 'error'", errors.UnknownStatus),
        (LIST, 400, "request/query/limit must be <= 250", errors.Rejected),
        (LIST, 400, "An invalid cursor was provided", errors.Rejected),
        # Single executions.
        (GET, 400, "request/params/id must be number", errors.Rejected),
        (GET, 400, "request/params/executionId must be a positive integer", errors.Rejected),
        (DELETE, 400, "Cannot delete a running execution", errors.ExecutionRunning),
        (RETRY, 400, "The execution succeeded, so it cannot be retried.", errors.NotRetryable),
        (RETRY, 409, "The execution succeeded, so it cannot be retried.", errors.NotRetryable),
        (RETRY, 409, "Execution is queued to run (not yet started) so it cannot be retried", errors.NotRetryable),
        (RETRY, 409, "The execution was aborted before starting, so it cannot be retried", errors.NotRetryable),
        (RETRY, 400, "Cannot read properties of null (reading 'data')", errors.NotRetryable),
        (DATA, 400, "Cannot read properties of null (reading 'data')", errors.NothingStored),
        (RETRY, 400, "some raw text of an old server", errors.Rejected),
        (STOP, 400, "Only running or waiting executions can be stopped", errors.Rejected),
        (STOP, 409, "Only running or waiting executions can be stopped", errors.Rejected),
        (STOP, 500, "Internal server error", errors.ServerFault),
        (LIST, 405, "PUT method not allowed", errors.Rejected),
        # Faults.
        (DELETE, 500, "Internal server error", errors.ServerFault),
        (LIST, 501, "Not implemented", errors.ServerFault),
        (LIST, 429, "Too many requests", errors.RateLimited),
        (LIST, 502, "Bad gateway", errors.TooBusy),
        (LIST, 503, "Database is not ready!", errors.TooBusy),
        (RETRY, 504, "Gateway timeout", errors.TooBusy),
    ],
)
def test_each_answer_of_n8n_has_its_own_error(call: Call, status: int, message: str, expected: type) -> None:
    assert error_of(said(call, status, message)).__class__ is expected


@pytest.mark.parametrize(
    "status, kind", [(401, "condemns_all"), (403, "condemns_all"), (503, "retryable"), (429, "retryable"), (500, "retryable")]
)
def test_an_error_tells_what_it_means_for_the_rest(status: int, kind: str) -> None:
    assert getattr(error_of(said(LIST, status, "x")), kind) is True


@pytest.mark.parametrize("status, message", [(400, "x"), (404, "Not Found"), (500, "x")])
def test_what_went_wrong_with_one_execution_does_not_condemn_the_others(status: int, message: str) -> None:
    assert error_of(said(GET, status, message)).condemns_all is False


def test_an_error_carries_the_facts_of_its_call() -> None:
    error = error_of(said(DELETE, 403, "Forbidden"))
    assert error.fields() == {
        "status": 403,
        "method": "DELETE",
        "url": "https://n8n.example.com/api/v1/executions/5",
        "api_message": "Forbidden",
        "retryable": False,
    }


@pytest.mark.parametrize(
    "call, scope",
    [
        (LIST, "execution:list"),
        (GET, "execution:read"),
        (DELETE, "execution:delete"),
        (RETRY, "execution:retry"),
        (STOP, "execution:stop"),
        (WORKFLOW, "workflow:read"),
        (n8n.workflows_call("a", None), "workflow:list"),
    ],
)
def test_a_forbidden_call_names_the_scope_that_it_needs(call: Call, scope: str) -> None:
    one = said(call, 403, "Forbidden")
    with pytest.raises(errors.Forbidden, match=scope):
        n8n.read_stopped(one)


def test_the_unknown_parameter_is_named() -> None:
    error = error_of(said(LIST, 400, "Unknown query parameter 'projectId'"))
    assert isinstance(error, errors.UnknownParameter)
    assert error.parameter == "projectId"


def test_a_busy_server_is_reported_with_the_pause_that_it_asks_for() -> None:
    one = answer(LIST, 429, b"slow down", "text/plain", **{"Retry-After": "3600"})
    assert "Retry-After: 3600" in str(error_of(one))


def test_long_messages_are_quoted_up_to_a_point() -> None:
    error = error_of(said(LIST, 400, "x" * 5000))
    assert error.api_message is not None
    assert len(error.api_message) == 300
    assert len(str(error)) < 600


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 500])
@pytest.mark.parametrize("call", [LIST, GET, DELETE, RETRY])
def test_a_web_page_is_never_an_answer_and_never_absent(call: Call, status: int) -> None:
    error = error_of(answer(call, status, b"<!DOCTYPE html><pre>Cannot GET /api/v1/executions</pre>", "text/html"))
    assert error.__class__ is errors.NotAnN8nAnswer
    assert f"web page ({status})" in str(error)
    assert "api_path" in str(error)


@pytest.mark.parametrize(
    "one, words",
    [
        (answer(LIST, 302, b"", Location="https://login.example.com/"), "redirect (302) to https://login.example.com/"),
        (answer(LIST, 301, b""), "redirect (301) to nowhere"),
        (answer(LIST, 204, b"", ""), "empty body (204).*'bot'"),
        (answer(LIST, 200, b""), "empty body (200)"),
        (answer(LIST, 200, b'{"data": [{"id": "1", "sta'), "not whole JSON (200, 26 bytes)"),
        (answer(LIST, 200, b"OK", "text/plain"), "not whole JSON"),
        (answer(LIST, 200, b"[]"), "JSON (200) that is not what n8n answers"),
        (answer(LIST, 200, b"{}"), "is not n8n's list of executions"),
        (answer(LIST, 200, b'{"data": [], "nextCursor": 5}'), "is not n8n's list of executions"),
        (answer(LIST, 404, b'{"error": "no such tenant"}'), "is not n8n's form of an error"),
        (answer(LIST, 200, b" <html>", "application/json"), "web page (200)"),
    ],
)
def test_what_is_not_n8n_is_described_and_ends_everything(one: Answer, words: str) -> None:
    error = error_of(one)
    assert error.__class__ is errors.NotAnN8nAnswer
    assert error.condemns_all
    for part in words.split(".*"):
        assert part in str(error)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        *("id", "status", "finished", "startedAt", "stoppedAt", "waitTill", "workflowId", "workflowData", "retryOf"),
        *("data", "nextCursor", "message", "scopes", "name", "settings", "mode"),
    ]
)
OBJECTS = st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES), max_size=6)
BODIES = VALUES | OBJECTS | st.fixed_dictionaries({"data": st.lists(OBJECTS, max_size=2), "nextCursor": st.none()})


def told(one: Answer) -> errors.N8nError | None:
    """The error for an answer; any other exception is a failure."""
    try:
        READ[one.call](one)
    except errors.N8nError as error:
        return error
    return None


@given(st.sampled_from(sorted(READ, key=str)), st.sampled_from([200, 201, 400, 404, 409, 500]), BODIES)
def test_any_json_is_understood_or_an_error_and_never_taken_for_absent(call: Call, status: int, body: t.Any) -> None:
    one = answer(call, status, json.dumps(body).encode())
    error = told(one)
    assert error is None or error.status == status
    if isinstance(error, errors.NotFound):
        assert (status, body["message"]) == (404, "Not Found")


@given(st.sampled_from(sorted(READ, key=str)), st.sampled_from([200, 404, 500]), st.binary(max_size=60))
def test_any_bytes_are_an_error_and_never_absent(call: Call, status: int, content: bytes) -> None:
    one = answer(call, status, content)
    error = told(one)
    assert not isinstance(error, errors.NotFound)
    assert error is not None or isinstance(one.json(), dict)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"data":' + b"[" * 600 + b"]" * 600 + b"}"])
def test_json_that_nests_too_deep_condemns_nothing_else(content: bytes) -> None:
    error = error_of(answer(GET, 200, content))
    assert isinstance(error, errors.AnswerTooDeep)
    assert not error.condemns_all
    assert "nests deeper than 500 levels" in str(error)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'{"id": ' + b"9" * 5000 + b"}"])
def test_json_that_cannot_be_parsed_is_not_n8n(content: bytes) -> None:
    assert error_of(answer(GET, 200, content)).__class__ is errors.NotAnN8nAnswer
