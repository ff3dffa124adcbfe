# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialect n8n_work, from what it sends to what the modules make of the answers."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._module import refuse_foreign
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete, info, instance, retry, stats, stop
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, check_id, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Query
from ansible_collections.flowops.n8n.tests.unit.fake_n8n_work import FakeN8nWork, row
from ansible_collections.flowops.n8n.tests.unit.rows import (
    NOW,
    at,
    delete_params,
    info_params,
    moment,
    retry_params,
    stats_params,
    stop_params,
)

WORK = DIALECTS["n8n_work"]
SELECT = {"dialect": "n8n_work"}
RETRY = 'POST /executions/exec_1/retry {"loadWorkflow": false}'


def walk(server: FakeN8nWork, **options: t.Any) -> list[str]:
    params = info_params(**options, **SELECT)
    return [one.id for one in server.client().executions(parse_selection(params, NOW))]


def lists(server: FakeN8nWork) -> list[str]:
    return [line.partition("sort=-startedAt")[2] for line in server.log if line.startswith("GET /executions?")]


def test_a_list_is_asked_for_with_every_filter_in_brackets() -> None:
    query = Query("wf_1", "failed", "scheduled", None, moment(0), moment(1))
    assert WORK.list_call(query, "abc").query == (
        ("limit", "100"),
        ("cursor", "abc"),
        ("sort", "-startedAt"),
        ("filter[workflowId]", "wf_1"),
        ("filter[status]", "failed"),
        ("filter[mode]", "scheduled"),
        ("filter[dateRange]", "custom"),
        # A second wider on both sides, since the document does not say whether the ends are included.
        ("filter[startDate]", "2026-10-31T23:59:59.000Z"),
        ("filter[endDate]", "2026-11-01T01:00:01.000Z"),
    )
    assert WORK.list_call(Query(), None).query == (("limit", "100"), ("sort", "-startedAt"))


def test_the_token_is_a_bearer_s() -> None:
    assert WORK.key_headers("token-0123456789") == {"Authorization": "Bearer token-0123456789"}


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("queued", "new"),
        ("running", "running"),
        ("success", "success"),
        ("failed", "error"),
        ("timeout", "error"),
        ("cancelled", "canceled"),
        ("paused", "unknown"),
    ],
)
def test_statuses_are_ours_and_the_raw_one_is_kept(theirs: str, ours: str) -> None:
    execution = FakeN8nWork(row(1, theirs)).client().get("exec_1")
    assert (execution.status, execution.extra["raw_status"]) == (ours, theirs)


@pytest.mark.parametrize(
    "theirs, ours", [("scheduled", "trigger"), ("trigger", "trigger"), ("webhook", "webhook"), ("new", "new")]
)
def test_modes_are_ours_and_the_raw_one_is_kept(theirs: str, ours: str) -> None:
    execution = FakeN8nWork(row(1, mode=theirs)).client().get("exec_1")
    assert (execution.mode, execution.extra["raw_mode"]) == (ours, theirs)


def test_one_of_our_statuses_may_be_two_lists_and_each_row_comes_once() -> None:
    server = FakeN8nWork(row(1, "failed"), row(2, "timeout"), row(3, "failed", start=2), row(4))
    assert sorted(walk(server, status=["error"])) == ["exec_1", "exec_2", "exec_3"]
    assert lists(server) == ["&filter[status]=failed", "&filter[status]=timeout"]
    server.log.clear()
    assert walk(server, mode=["trigger"]) == []
    assert lists(server) == ["&filter[mode]=trigger", "&filter[mode]=scheduled"]


def test_the_newest_start_comes_first_across_lists_whatever_the_ids() -> None:
    server = FakeN8nWork(row(9, "failed", start=1), row(1, "timeout", start=3), row(5, "failed", start=2))
    assert walk(server, status=["error"]) == ["exec_1", "exec_5", "exec_9"]


def test_what_began_in_the_same_moment_is_read_over_a_page_s_end() -> None:
    server = FakeN8nWork(*(row(number) for number in range(7)), page=2)
    assert sorted(walk(server)) == [f"exec_{number}" for number in range(7)]
    assert sorted(walk(server, workflow=["wf_1", "wf_2"])) == [f"exec_{number}" for number in range(7)]


def test_a_list_that_goes_back_in_time_is_an_error() -> None:
    server = FakeN8nWork(row(1, start=1), row(2, start=2), page=1)
    first = server._list({})
    again = {"data": [row(3, start=5)], "pagination": {"hasMore": False}}
    answers = iter([first, again])
    server._list = lambda _query: next(answers)  # type: ignore[method-assign]
    with pytest.raises(_errors.NotAnN8nAnswer, match="does not go on"):
        walk(server)


def test_a_page_that_promises_more_and_leads_nowhere_is_an_error() -> None:
    with pytest.raises(_errors.NotAnN8nAnswer):
        WORK.read_page(good(WORK.list_call(Query(), None), {"data": [], "pagination": {"hasMore": True}}))


@pytest.mark.parametrize("wrapping", [0, 1, 2])
def test_answers_are_read_in_none_one_or_two_envelopes(wrapping: int) -> None:
    server = FakeN8nWork(row(1, "failed"), row(2, "running"), wrapping=wrapping)
    client = server.client()
    assert walk(server)
    assert client.get("exec_1").status == "error"
    assert client.logs("exec_1") == [{"level": "info", "message": "began"}]
    assert client.server_statistics("24h", None, "hour")["total"] == 3
    assert client.retry("exec_1", False, 5.0).retry_of == "exec_1"
    client.stop("exec_2")
    client.delete("exec_1")
    assert "exec_1" not in server.rows


def good(call: Call, body: t.Any) -> Answer:
    return Answer(call, "https://api.n8n-work.example/v1", 200, {}, json.dumps(body).encode())


def bad(call: Call, status: int, code: str, **more: t.Any) -> Answer:
    body = {"error": {"code": code, "message": f"said {code}", **more}}
    return Answer(call, "https://api.n8n-work.example/v1", status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    "call, status, code, error",
    [
        (WORK.get_call("exec_1", False), 404, "EXECUTION_NOT_FOUND", _errors.NotFound),
        (WORK.list_call(Query(), None), 404, "EXECUTION_NOT_FOUND", _errors.NoSuchRoute),
        (WORK.get_call("exec_1", False), 404, "NOT_FOUND", _errors.NoSuchRoute),
        (WORK.get_call("exec_1", False), 401, "UNAUTHORIZED", _errors.Unauthorized),
        (WORK.get_call("exec_1", False), 403, "INSUFFICIENT_PERMISSIONS", _errors.Forbidden),
        (WORK.stop_call("exec_1"), 409, "CANNOT_CANCEL_EXECUTION", _errors.NotBegun),
        (WORK.retry_call("exec_1", False, None, ()), 400, "CANNOT_RETRY_EXECUTION", _errors.NotRetryable),
        (WORK.delete_call("exec_1"), 409, "EXECUTION_RUNNING", _errors.ExecutionRunning),
        (WORK.get_call("exec_1", False), 500, "INTERNAL", _errors.ServerFault),
        (WORK.get_call("exec_1", False), 429, "RATE_LIMITED", _errors.RateLimited),
        (WORK.get_call("exec_1", False), 503, "DOWN", _errors.TooBusy),
    ],
)
def test_errors_are_typed_by_their_code(call: Call, status: int, code: str, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        WORK.read_execution(bad(call, status, code))
    assert raised.type is error


def test_a_missing_permission_is_named() -> None:
    refused = bad(WORK.get_call("exec_1", False), 403, "INSUFFICIENT_PERMISSIONS", requiredPermission="executions:read")
    with pytest.raises(_errors.Forbidden, match="executions:read"):
        WORK.read_execution(refused)


@pytest.mark.parametrize("body", [b"<html>gone</html>", b'{"message": "Not Found"}', b"[]", b""])
def test_a_404_in_no_known_words_is_not_absent(body: bytes) -> None:
    with pytest.raises(_errors.NotAnN8nAnswer):
        WORK.read_execution(Answer(WORK.get_call("exec_1", False), "https://x/v1", 404, {}, body))


@pytest.mark.parametrize(
    "status, content", [(204, b""), (200, b""), (200, b'{"success": true}'), (200, b'{"message": "deleted"}')]
)
def test_any_good_answer_to_a_deletion_will_do(status: int, content: bytes) -> None:
    WORK.read_deleted(Answer(WORK.delete_call("exec_1"), "https://x/v1", status, {}, content))


@pytest.mark.parametrize("content", [b"<html>login</html>", b"true", b'{"success": false, "error": {"message": "no"}}'])
def test_a_page_or_a_refusal_is_no_deletion(content: bytes) -> None:
    with pytest.raises(_errors.N8nError):
        WORK.read_deleted(Answer(WORK.delete_call("exec_1"), "https://x/v1", 200, {}, content))


@pytest.mark.parametrize("value", ["exec_1", "a", "7", "A-b_9"])
def test_ids_are_letters_digits_and_two_signs(value: str) -> None:
    assert check_id(f" {value} ", WORK) == value


@pytest.mark.parametrize("value", ["", "a/b", "..", "a b", "é", "x" * 81, "a?b"])
def test_what_cannot_stand_in_a_path_is_no_id(value: str) -> None:
    with pytest.raises(_errors.InvalidInput, match="n8n-work"):
        check_id(value, WORK)


@pytest.mark.parametrize(
    "dialect, options",
    [
        ("n8n", {"logs": True}),
        ("n8n", {"from_node": "slack_1"}),
        ("n8n", {"start_nodes": ["slack_1"]}),
        ("n8n", {"source": "server"}),
        ("n8n_work", {"project": "p1"}),
        ("n8n_work", {"redact": False}),
        ("n8n_work", {"redact": True}),
        ("n8n_work", {"keep_tagged": True}),
        ("n8n_work", {"add": ["t1"]}),
        ("n8n_work", {"remove": ["t1"]}),
        ("n8n_work", {"set": []}),
    ],
)
def test_what_only_the_other_platform_has_is_refused_by_name(dialect: str, options: dict[str, t.Any]) -> None:
    (option,) = options
    with pytest.raises(_errors.NotOffered, match=f"^{option}: not on {DIALECTS[dialect].platform}"):
        refuse_foreign({"dialect": dialect, **options})
    refuse_foreign({"dialect": "n8n" if dialect == "n8n_work" else "n8n_work", **options})


@pytest.mark.parametrize("options", [{"status": ["waiting"]}, {"status": ["crashed", "unknown"]}, {"mode": ["cli"]}])
def test_a_status_that_the_platform_does_not_know_is_refused_unless_another_is_wanted_too(options: dict[str, t.Any]) -> None:
    server = FakeN8nWork(row(1, "failed", mode="manual"))
    with pytest.raises(_errors.NotOffered, match="n8n-work knows no execution"):
        walk(server, **options)
    assert server.log == []
    more = {key: [*value, "error" if key == "status" else "manual"] for key, value in options.items()}
    assert walk(server, **more) == ["exec_1"]


def test_a_workflow_is_named_by_its_id() -> None:
    client = FakeN8nWork().client()
    assert client.find_workflow("wf_1").id == "wf_1"
    with pytest.raises(_errors.NotOffered, match="by their ids"):
        client.find_workflow("Nightly run")


def test_info_comes_with_data_and_logs_on_request_only() -> None:
    server = FakeN8nWork(row(1, "failed", error={"message": "secret"}, trigger={"payload": "secret"}))
    rule = info.parse(info_params(execution_id=["exec_1"], **SELECT), NOW)
    (plain,) = info.carry_out(server.client(), rule, False).values["executions"]
    assert "secret" not in str(plain)
    assert "data" not in plain
    assert "logs" not in plain
    rule = info.parse(info_params(execution_id=["exec_1"], include_data=True, logs=True, **SELECT), NOW)
    (record,) = info.carry_out(server.client(), rule, False).values["executions"]
    assert record["data"]["error"] == {"message": "refused"}
    assert record["logs"] == [{"level": "info", "message": "began"}]
    assert server.log[-2:] == ["GET /executions/exec_1?include=data,error,metadata", "GET /executions/exec_1/logs?limit=1000"]


def test_a_run_of_delete_is_as_on_n8n() -> None:
    server = FakeN8nWork(row(1, "failed"), row(2, "running"), row(3, "failed", start=23))
    rule = delete.parse(delete_params(older_than="1h", **SELECT), NOW)
    result = delete.carry_out(server.client(), rule, False)
    assert (result.changed, result.failure, sorted(server.rows)) == (True, None, ["exec_2", "exec_3"])
    assert delete.carry_out(server.client(), rule, False).changed is False


def test_stopping_is_canceling_and_never_in_bulk() -> None:
    server = FakeN8nWork(*(row(number, "running") for number in range(9)), row(9, "queued"))
    result = stop.carry_out(server.client(), stop.parse(stop_params(all=True, **SELECT), NOW), False)
    assert (result.values["stopped"], result.failure) == (10, None)
    assert {one["status"] for one in server.rows.values()} == {"cancelled"}
    assert sum(line.endswith("/cancel") for line in server.log) == 10


def the_retry(server: FakeN8nWork, check_mode: bool = False, **options: t.Any) -> tuple[bool, list[tuple[str, str | None]]]:
    rule = retry.parse(retry_params(**options, **SELECT), NOW)
    result = retry.carry_out(server.client(), rule, check_mode)
    return result.changed, [(chain["outcome"], chain["retry_id"]) for chain in result.values["chains"]]


def test_a_retry_is_followed_to_its_end_and_a_second_run_does_not_retry_again() -> None:
    server = FakeN8nWork(row(1, "failed"))
    assert the_retry(server, check_mode=True, execution_id=["exec_1"]) == (True, [("retried", None)])
    assert the_retry(server, execution_id=["exec_1"]) == (True, [("retried", "exec_101")])
    # The document names nowhere what an execution is a retry of, so the new one may be of this one or of another.
    assert the_retry(server, execution_id=["exec_1"]) == (False, [("not_recordable", None)])
    assert [line for line in server.log if line.startswith("POST")] == [RETRY]


def test_a_retry_of_which_nobody_knows_what_it_is_of_is_not_retried_itself() -> None:
    server = FakeN8nWork(row(1, "failed", mode="retry"))
    assert the_retry(server, newer_than="2d") == (False, [("not_recordable", None)])
    assert the_retry(server, newer_than="2d", allow_unrecorded=True) == (True, [("retried", "exec_101")])


def test_retries_of_one_run_are_not_taken_for_each_other_s() -> None:
    server = FakeN8nWork(row(1, "failed"), row(2, "timeout", start=2), row(3, "failed", workflow="wf_2"))
    changed, chains = the_retry(server, newer_than="2d")
    assert changed
    assert [outcome for outcome, _id in chains] == ["retried"] * 3


def test_attempts_of_a_chain_are_counted_within_a_run() -> None:
    server = FakeN8nWork(row(1, "failed"))
    server.retries_end = "failed"
    rule = retry.parse(retry_params(execution_id=["exec_1"], max_attempts=2, **SELECT), NOW)
    result = retry.carry_out(server.client(), rule, False)
    assert (result.values["retries_made"], result.values["chains"][0]["attempts"]) == (2, 2)


def test_an_earlier_retry_in_the_workflow_is_no_reason_to_hold_back() -> None:
    server = FakeN8nWork(row(1, "success", mode="retry", start=0), row(2, "failed", start=5))
    assert the_retry(server, execution_id=["exec_2"]) == (True, [("retried", "exec_102")])


def test_where_executions_name_what_they_are_a_retry_of_chains_are_as_on_n8n() -> None:
    server = FakeN8nWork(row(1, "failed"), row(2, "failed", start=2), names_retries=True)
    assert the_retry(server, execution_id=["exec_1"])[0] is True
    assert the_retry(server, execution_id=["exec_1"]) == (False, [("already_retried", "exec_102")])
    assert the_retry(server, execution_id=["exec_2"]) == (True, [("retried", "exec_103")])


def test_a_retry_can_begin_at_a_node() -> None:
    server = FakeN8nWork(row(1, "failed"))
    the_retry(server, execution_id=["exec_1"], from_node="slack_1", start_nodes=["slack_1", "b"], load_workflow=True)
    body = json.dumps({"loadWorkflow": True, "fromNode": "slack_1", "startNodes": ["slack_1", "b"]})
    assert f"POST /executions/exec_1/retry {body}" in server.log


def test_a_retry_that_the_server_refuses_is_an_error_and_nothing_was_changed() -> None:
    server = FakeN8nWork(row(1, "failed"))
    rule = retry.parse(retry_params(execution_id=["exec_1"], from_node="nobody", **SELECT), NOW)
    result = retry.carry_out(server.client(), rule, False)
    assert (result.changed, result.values["retries_made"], result.values["chains"]) == (False, 0, [])
    assert "Node 'nobody' not found" in (result.failure or "")


def test_a_chain_names_its_workflow_as_the_rows_do() -> None:
    rule = retry.parse(retry_params(execution_id=["exec_1"], **SELECT), NOW)
    result = retry.carry_out(FakeN8nWork(row(1, "failed")).client(), rule, False)
    assert result.values["chains"][0]["workflow_name"] == "Nightly"


def test_what_succeeded_meanwhile_is_not_failed() -> None:
    server = FakeN8nWork(row(1, "failed"))
    client = server.client()
    execution = client.get("exec_1")
    server.rows["exec_1"]["status"] = "success"
    with pytest.raises(_errors.NotRetryable) as raised:
        client.retry(execution.id, False, 5.0)
    assert raised.value.succeeded


def test_the_server_counts_over_a_period_that_it_knows() -> None:
    server = FakeN8nWork()
    params = stats_params(newer_than="1d", workflow=["wf_1"], granularity="hour", **SELECT)
    result = stats.carry_out(server.client(), stats.parse({**params, "source": "server"}, NOW), False)
    assert server.log == ["GET /executions/statistics?period=24h&workflowId=wf_1&granularity=hour"]
    counted = result.values["statistics"]
    assert (counted["total"], counted["succeeded"], counted["success_rate"]) == (3, 2, 2 / 3)
    assert (counted["by_status"], counted["by_mode"], counted["duration"]["p95"]) == ({"error": 1}, None, None)
    assert result.values["window"]["source"] == "server"
    here = stats.carry_out(FakeN8nWork(row(1)).client(), stats.parse(stats_params(**SELECT), NOW), False)
    assert set(here.values) == set(result.values)
    assert set(here.values["statistics"]) == set(counted)


@pytest.mark.parametrize("options", [{}, {"newer_than": "2d"}, {"newer_than": "1d", "status": ["error"]}, {"older_than": "1d"}])
def test_the_server_is_not_asked_for_what_it_cannot_count(options: dict[str, t.Any]) -> None:
    with pytest.raises(_errors.InvalidInput, match=r"^source: "):
        stats.parse({**stats_params(**options, **SELECT), "source": "server"}, NOW)


def test_an_instance_tells_what_its_document_promises() -> None:
    server = FakeN8nWork()
    result = instance.carry_out(server.client(), None, False)
    assert (result.values["ready"], result.values["era"], result.values["version_at_least"]) == (True, None, None)
    assert result.values["capabilities"]["stop"] is True
    assert result.values["capabilities"]["tags"] is False
    assert result.warnings == []


def test_rows_without_a_start_have_the_place_of_their_making() -> None:
    waiting = {**row(2, "queued", start=3), "startedAt": None}
    page = WORK.read_page(good(WORK.list_call(Query(), None), {"data": [waiting, row(1)], "pagination": {"hasMore": False}}))
    assert [one.order > 0 for one in page.executions] == [True, True]
    assert page.executions[0].order > page.executions[1].order
    assert page.executions[0].extra["created_at"] == at(3)


def test_a_selection_by_ids_names_them_as_they_are() -> None:
    params = info_params(execution_id=["exec_1"], **SELECT)
    assert parse_selection(params, NOW) == Selection(now=NOW, ids=("exec_1",), limit=100)
