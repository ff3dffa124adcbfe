# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connection options, and what the client does with an instance."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Workflow
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.plugins.module_utils.client import parse_connection
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n, reply
from ansible_collections.flowops.n8n.tests.unit.rows import connection_params, row
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "url, expected",
    [
        ("https://n8n.example.com", "https://n8n.example.com"),
        ("https://n8n.example.com/", "https://n8n.example.com"),
        ("https://n8n.example.com/api/v1", "https://n8n.example.com"),
        ("https://n8n.example.com/api/v1/", "https://n8n.example.com"),
        ("https://n8n.example.com/api/v1/executions", "https://n8n.example.com"),
        ("https://n8n.example.com/api/v1/executions/", "https://n8n.example.com"),
        ("https://proxy.example.com/n8n/api/v1", "https://proxy.example.com/n8n"),
        (" http://localhost:5678 ", "http://localhost:5678"),
        ("http://[::1]:5678/", "http://[::1]:5678"),
        ("HTTPS://n8n.example.com", "https://n8n.example.com"),
    ],
)
def test_a_url_is_understood_as_users_copy_it(url: str, expected: str) -> None:
    assert parse_connection(connection_params(url=url)).url == expected


@pytest.mark.parametrize(
    "options, said",
    [
        ({"url": ""}, "url"),
        ({"url": "n8n.example.com"}, "url"),
        ({"url": "n8n.example.com:5678"}, "url"),
        ({"url": "//n8n.example.com"}, "url"),
        ({"url": "ftp://n8n.example.com"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https:///api/v1"}, "url"),
        ({"url": "https://n8n.example.com:port"}, "url"),
        ({"url": "https://n8n.example.com:0"}, "url"),
        ({"url": "https://n8n.example.com:99999"}, "url"),
        ({"url": "https://n8n.example.com?x=1"}, "url"),
        ({"url": "https://n8n.example.com#top"}, "url"),
        ({"url": "https://n8n example.com"}, "url"),
        ({"url": "https://[::1"}, "url"),
        ({"api_key": "1234567"}, "api_key.*8 characters"),
        ({"api_key": " 1234567 "}, "api_key.*8 characters"),
        ({"api_key": ""}, "api_key"),
        ({"api_key": "key-01234\n5678"}, "api_key"),
        ({"api_key": "key with blanks"}, "api_key"),
        ({"api_key": "clé-0123456789"}, "api_key"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 33}, "concurrency"),
        ({"concurrency": -1}, "concurrency"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": -1.5}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": float("inf")}, "timeout"),
        ({"timeout": 1e10}, "timeout"),
        ({"max_request_retries": -1}, "max_request_retries"),
        ({"api_path": "/"}, "api_path"),
        ({"api_path": "/api/../v1"}, "api_path"),
        ({"api_path": "/api/v1?x"}, "api_path"),
        ({"api_path": "https://other/"}, "api_path"),
        ({"headers": {"bad name": "x"}}, "headers.*bad name"),
        ({"headers": {"": "x"}}, "headers"),
        ({"headers": {"X": "a\nb"}}, "headers"),
        ({"headers": {"X": "ä"}}, "headers"),
    ],
)
def test_a_connection_that_cannot_be_meant_is_refused_by_its_option(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse_connection(connection_params(**options))


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@n8n.example.com",
        "https://user:hunter2?@n8n.example.com",
        "https://user:#hunter2@n8n.example.com/",
        "user:hunter2@n8n.example.com",
        "https://hunter2@n8n.example.com",
        "https:/user:hunter2@n8n.example.com",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_quoted_back(url: str) -> None:
    with pytest.raises(InvalidInput, match=r"url.*headers") as caught:
        parse_connection(connection_params(url=url))
    assert "hunter2" not in str(caught.value)


def test_no_value_of_a_header_and_no_key_is_quoted_back() -> None:
    for options in ({"headers": {"X": "hunter2\n"[:7] + "\x00"}}, {"api_key": "hunter2"}, {"api_key": "hunter2 hunter2"}):
        with pytest.raises(InvalidInput) as caught:
            parse_connection(connection_params(**options))
        assert "hunter2" not in str(caught.value)


def test_the_key_is_sent_without_surrounding_blanks_and_no_header_replaces_it() -> None:
    connection = parse_connection(
        connection_params(api_key=" key-0123456789\n", headers={"X-N8N-API-KEY": "other-key", "X-A": 5})
    )
    assert connection.headers == {"X-N8N-API-KEY": "key-0123456789", "X-A": "5"}


@pytest.mark.parametrize("concurrency", [1, 32])
def test_the_bounds_of_the_concurrency_are_within(concurrency: int) -> None:
    assert parse_connection(connection_params(concurrency=concurrency)).concurrency == concurrency


@pytest.mark.parametrize("api_path, expected", [(None, "/api/v1"), ("public/v1/", "/public/v1"), (" /v1 ", "/v1")])
def test_the_api_path_has_one_form(api_path: str | None, expected: str) -> None:
    assert parse_connection(connection_params(api_path=api_path)).api_path == expected


@given(st.text(max_size=30) | st.from_regex(r"\Ahttps?://[a-z.:@/?#\[\]0-9 -]{0,20}\Z"))
def test_any_url_is_an_address_or_refused(url: str) -> None:
    try:
        connection = parse_connection(connection_params(url=url))
    except InvalidInput:
        return
    assert connection.url.startswith(("http://", "https://"))
    assert "@" not in connection.url
    assert not connection.url.endswith("/")


def test_an_execution_without_stored_data_is_read_without_it() -> None:
    for kind in ("exact", "refused"):
        n8n = FakeN8n(row(5), statuses=kind)
        n8n.without_data = {5}
        client = n8n.client()
        assert client.get("5").data is None
        n8n.log.clear()
        assert client.get("5", include_data=True).data is None
        assert n8n.log == ["GET /executions/5?includeData=true", "GET /executions/5"]


def test_an_execution_that_is_not_there_is_not_found_even_with_data() -> None:
    n8n = FakeN8n(row(5))
    client = n8n.client()
    client.get("5")
    with pytest.raises(errors.NotFound):
        client.get("6", include_data=True)
    assert n8n.log == ["GET /executions/5", "GET /executions/6?includeData=true", "GET /executions/6"]


def test_not_found_is_believed_only_of_a_server_that_has_shown_itself_as_n8n() -> None:
    n8n = FakeN8n(row(5))
    client = n8n.client()
    for number in ("6", "7"):
        with pytest.raises(errors.NotFound):
            client.get(number)
    assert n8n.log == ["GET /executions/6", "GET /executions?workflowId=0", "GET /executions/7"]


def test_another_server_that_says_not_found_is_no_n8n() -> None:
    n8n = FakeN8n()
    n8n.refuse("GET /executions", 404, "Not Found")
    with pytest.raises(errors.Rejected):
        n8n.client().get("6")
    n8n.script("GET /executions", lambda call: Answer(call, "u", 200, {"Content-Type": "text/html"}, b"<html>"))
    with pytest.raises(errors.NotAnN8nAnswer):
        n8n.client().delete("6")


def test_a_key_that_may_not_list_still_shows_that_it_is_n8n() -> None:
    n8n = FakeN8n()
    n8n.scopes_missing = {"execution:list"}
    with pytest.raises(errors.NotFound):
        n8n.client().get("6")


def resent(n8n: FakeN8n) -> t.Callable[[Call], Answer]:
    """The transport had to send it twice: the first sending was carried out, and the second is answered."""

    def turn(call: Call) -> Answer:
        n8n.answer(call)
        again = n8n.answer(call)
        return Answer(call, again.url, again.status, again.headers, again.content, resent=True)

    return turn


def test_a_deletion_that_had_to_be_sent_again_was_ours() -> None:
    n8n = FakeN8n(row(5))
    n8n.script("DELETE /executions/5", resent(n8n))
    n8n.client().delete("5")
    assert n8n.rows == {}


def test_a_deletion_of_what_was_not_there_is_not_ours() -> None:
    n8n = FakeN8n(row(5))
    with pytest.raises(errors.NotFound):
        n8n.client().delete("6")


def test_stopping_names_the_version_that_can() -> None:
    n8n = FakeN8n(row(5, "running"), statuses="refused")
    with pytest.raises(errors.NoSuchRoute, match=r"this n8n has no such call.*n8n 2\.10 or newer"):
        n8n.client().stop("5")


def workflows(*pairs: tuple[str, str], page: int = 250) -> FakeN8n:
    n8n = FakeN8n(page=page)
    n8n.workflows = {number: {"id": number, "name": name, "settings": {}} for number, name in pairs}
    return n8n


def test_a_workflow_is_found_by_its_id_with_one_call() -> None:
    n8n = workflows(("w1", "Nightly"))
    assert n8n.client().find_workflow("w1") == Workflow("w1", "Nightly")
    assert n8n.log == ["GET /workflows/w1?excludePinnedData=true"]


def test_a_workflow_is_found_by_its_exact_name_among_those_that_contain_it() -> None:
    n8n = workflows(("w1", "Nightly import"), ("w2", "nightly"), ("w3", "Nightly"), ("w4", "My Nightly"), page=2)
    client = n8n.client()
    client.latency()
    n8n.log.clear()
    assert client.find_workflow("Nightly").id == "w3"
    assert n8n.log == [
        "GET /workflows/Nightly?excludePinnedData=true",
        "GET /workflows?name=Nightly&excludePinnedData=true",
        "GET /workflows?cursor=Mg%3D%3D&name=Nightly&excludePinnedData=true",
    ]


def test_what_cannot_be_an_id_is_not_asked_for_as_one() -> None:
    n8n = workflows(("w1", "../executions/5?x"))
    assert n8n.client().find_workflow("../executions/5?x").id == "w1"
    assert n8n.log == ["GET /workflows?name=..%2Fexecutions%2F5%3Fx&excludePinnedData=true"]


def test_an_unknown_workflow_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no workflow with the id or exact name 'nightly'"):
        workflows(("w1", "Nightly")).client().find_workflow("nightly")


def test_a_name_of_several_workflows_is_an_error_that_names_their_ids() -> None:
    with pytest.raises(InvalidInput, match=r"2 workflows have the name 'Nightly'.*w1, w2"):
        workflows(("w1", "Nightly"), ("w2", "Nightly")).client().find_workflow("Nightly")


ID = "6FB4pk3SAhf9riN4"


def test_without_the_scope_to_read_an_id_is_looked_for_in_the_list() -> None:
    n8n = workflows((ID, "Nightly"), ("w2", "SixteenLetterssX"))
    n8n.scopes_missing = {"workflow:read"}
    assert n8n.client().find_workflow(ID).name == "Nightly"
    assert n8n.client().find_workflow("SixteenLetterssX").id == "w2"


def test_without_any_scope_for_workflows_what_looks_like_an_id_is_taken_for_one() -> None:
    n8n = workflows((ID, "Nightly"))
    n8n.scopes_missing = {"workflow:read", "workflow:list"}
    assert n8n.client().find_workflow(ID) == Workflow(ID, None)
    with pytest.raises(errors.Forbidden, match="workflow:list"):
        n8n.client().find_workflow("Nightly")


def test_a_list_of_workflows_that_does_not_go_on_is_an_error() -> None:
    n8n = workflows(("w1", "a b"))
    n8n.script("GET /workflows", lambda call: reply(call, 200, {"data": [], "nextCursor": "same"}), times=50)
    with pytest.raises(errors.NotAnN8nAnswer, match="does not go on"):
        n8n.client().find_workflow("a b")
    assert len(n8n.log) == 2
