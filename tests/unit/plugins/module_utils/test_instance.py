# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at an instance."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._operations import instance
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import URL, FakeN8n, reply

NEW = """openapi: 3.0.0
paths:
  /executions:
    get:
      parameters:
        - name: startedBefore
      responses: {}
  /executions/{executionId}/retry:
    post: {}
"""
OLD = NEW.replace("        - name: startedBefore\n", "")


def serving(n8n: FakeN8n, openapi: str | None = None, scopes: list[str] | None = None) -> FakeN8n:
    if openapi is not None:
        content = openapi.encode()
        n8n.script("GET /openapi.yml", lambda call: Answer(call, "u", 200, {"Content-Type": "text/yaml"}, content))
    if scopes is not None:
        n8n.script("GET /discover", lambda call: reply(call, 200, {"data": {"scopes": scopes}}))
    return n8n


def look(n8n: FakeN8n) -> Result:
    return instance.carry_out(n8n.client(), None, False)


def test_a_new_instance_tells_what_it_can_do_and_what_the_key_may_do() -> None:
    n8n = serving(FakeN8n(), NEW, ["execution:read", "execution:list"])
    result = look(n8n)
    assert n8n.log == [
        "GET root:/healthz/readiness",
        "GET /executions?workflowId=0",
        "GET /executions?workflowId=0&flowops=1",
        "GET /discover",
        "GET /openapi.yml",
    ]
    capabilities = result.values.pop("capabilities")
    assert (capabilities["retry"], capabilities["started_filters"], capabilities["stop"]) == (True, True, False)
    assert result.values.pop("latency") >= 0
    assert result.values == {
        "url": URL,
        "reachable": True,
        "ready": True,
        "era": "zod",
        "version_at_least": "2.39",
        "scopes": ["execution:list", "execution:read"],
        "msg": f"{URL} is ready.",
    }
    assert (result.changed, result.failure, result.warnings) == (False, None, [])


def test_an_old_instance_does_not_tell_what_the_key_may_do() -> None:
    result = look(serving(FakeN8n(statuses="refused"), OLD))
    assert (result.values["era"], result.values["scopes"], result.values["version_at_least"]) == ("validator", None, "1.112")
    assert (result.failure, result.warnings) == (None, [])


def test_the_newest_version_that_it_cannot_be_older_than_is_told() -> None:
    assert look(serving(FakeN8n(statuses="ignored"), NEW)).values["version_at_least"] == "2.37"
    assert look(FakeN8n(statuses="refused")).values["version_at_least"] is None


def test_a_server_that_tells_scopes_is_2_14_or_newer_even_without_its_description() -> None:
    result = look(serving(FakeN8n(statuses="ignored"), scopes=["execution:list"]))
    assert (result.values["capabilities"], result.values["version_at_least"]) == (None, "2.14")


@pytest.mark.parametrize("status, message", [(404, "not found"), (500, "Internal server error")])
def test_a_description_that_is_not_served_is_warned_of(status: int, message: str) -> None:
    n8n = serving(FakeN8n(), scopes=[])
    n8n.refuse("GET /openapi.yml", status, message)
    result = look(n8n)
    assert (result.values["capabilities"], result.failure, len(result.warnings)) == (None, None, 1)
    assert "capabilities are not known" in result.warnings[0]


def test_only_where_no_connection_can_be_made_it_is_not_reachable() -> None:
    n8n = FakeN8n()
    n8n.script("GET root:/healthz/readiness", fail(errors.NotConnected("Connection refused")))
    result = look(n8n)
    assert (result.values["reachable"], result.values["ready"], result.values["latency"]) == (False, False, None)
    assert (result.failure, result.values["msg"]) == (None, "Connection refused")
    assert len(n8n.log) == 1


@pytest.mark.parametrize(
    "call, error",
    [
        ("GET root:/healthz/readiness", errors.NoAnswer("lost")),
        ("GET /executions", errors.Unauthorized("401", status=401)),
        ("GET /executions", errors.NotAnN8nAnswer("html", status=200)),
        ("GET /discover", errors.TooBusy("503", status=503)),
        ("GET /openapi.yml", errors.TooBusy("503", status=503)),
    ],
)
def test_anything_else_that_goes_wrong_is_an_error(call: str, error: errors.N8nError) -> None:
    n8n = serving(FakeN8n(), scopes=["x"] if call == "GET /openapi.yml" else None)
    n8n.script(call, fail(error))
    with pytest.raises(type(error)):
        look(n8n)


def test_a_server_that_is_not_ready_says_so() -> None:
    n8n = serving(FakeN8n(), NEW, [])
    n8n.script("GET root:/healthz/readiness", lambda call: reply(call, 503, {"status": "error"}))
    result = look(n8n)
    assert (result.values["ready"], result.values["reachable"]) == (False, True)
    assert result.values["msg"] == f"{URL} is reachable but not ready."


def test_where_no_word_of_n8n_itself_can_be_had_one_that_answers_is_ready() -> None:
    n8n = serving(FakeN8n(), NEW, [])
    n8n.script("GET root:/healthz/readiness", lambda call: reply(call, 404, {"status": 404, "error": "Not Found"}))
    result = look(n8n)
    assert (result.values["ready"], result.values["reachable"]) == (True, True)


def fail(error: errors.N8nError) -> t.Callable[[Call], Answer | None]:
    def turn(_call: Call) -> Answer | None:
        raise error

    return turn
