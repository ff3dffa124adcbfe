# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to a real server: what is sent, what is sent again, and what never is."""

from __future__ import annotations

import re
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from time import time as real_time

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._errors import NoAnswer, NotConnected
from ansible_collections.flowops.n8n.plugins.module_utils._transport import Connection, Transport
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit import raw_server
from ansible_collections.flowops.n8n.tests.unit.raw_server import RawServer, cut_off, free_port, good, hang_up
from ansible_collections.flowops.n8n.tests.unit.rows import Clock
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

GET = Call("GET", "/executions", (("limit", "250"), ("status", "error")))
DELETE = Call("DELETE", "/executions/5")
POST = Call("POST", "/executions/5/retry", body={"loadWorkflow": False}, repeatable=False)


def transport(url: str, **more: t.Any) -> Transport:
    return Transport(Connection(url=url, api_path="/api/v1", **more))


def answers(server: HTTPServer, *script: Response) -> list[Request]:
    """Serve these answers in turn; the requests are collected. One more than scripted gets a 500."""
    seen: list[Request] = []
    left = list(script)

    def handle(request: Request) -> Response:
        seen.append(request)
        return left.pop(0)

    server.expect_request(re.compile(".*")).respond_with_handler(handle)
    return seen


def json(status: int = 200, body: str = '{"message": "x"}', **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(body, status, named, content_type="application/json")


def html(status: int) -> Response:
    return Response("<html>Cannot GET</html>", status, content_type="text/html")


def send(url: str, call: Call, **more: t.Any) -> Answer:
    return transport(url, **more).send(call)


def test_a_call_goes_below_the_api_path_with_its_query_headers_and_body(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, json(), json())
    headers = {"X-N8N-API-KEY": "key-0123456789", "CF-Access": "abc"}
    client = transport(httpserver.url_for("/prefix"), headers=headers)
    client.send(GET)
    client.send(POST)
    assert seen[0].full_path == "/prefix/api/v1/executions?limit=250&status=error"
    assert seen[0].headers["X-N8N-API-KEY"] == "key-0123456789"
    assert seen[0].headers["CF-Access"] == "abc"
    assert seen[0].headers["Accept"] == "application/json"
    assert seen[0].data == b""
    assert (seen[1].method, seen[1].path, seen[1].json) == ("POST", "/prefix/api/v1/executions/5/retry", {"loadWorkflow": False})
    assert seen[1].headers["X-N8N-API-KEY"] == "key-0123456789"


def test_the_user_agent_is_none_that_n8n_takes_for_a_robot(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, json())
    send(httpserver.url_for(""), GET)
    assert "bot" not in seen[0].headers["User-Agent"].lower()


def test_the_root_of_the_server_is_outside_of_its_api(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, json())
    transport(httpserver.url_for("/prefix")).send(Call("GET", "/healthz/readiness"), root=True)
    assert seen[0].path == "/prefix/healthz/readiness"


def test_an_answer_is_whole_whatever_its_status(httpserver: HTTPServer, clock: Clock) -> None:
    answers(httpserver, json(400, '{"message": "no"}', X_Thing="y"))
    url = httpserver.url_for("")
    answer = send(url, GET)
    assert (answer.call, answer.url, answer.status) == (GET, url + "/api/v1/executions", 400)
    assert (answer.headers["x-thing"], answer.content, answer.resent) == ("y", b'{"message": "no"}', False)
    assert clock.slept == []


@pytest.mark.parametrize("status", [429, 502, 503, 504])
@pytest.mark.parametrize("call", [GET, DELETE])
def test_a_safe_call_is_sent_again_while_the_server_is_busy(
    httpserver: HTTPServer, clock: Clock, status: int, call: Call
) -> None:
    seen = answers(httpserver, html(status), json(status), json())
    client = transport(httpserver.url_for(""))
    answer = client.send(call)
    assert (answer.status, len(seen), client.pushbacks) == (200, 3, 2)
    # After 429 nothing was done; after the others the server behind a proxy may have done it.
    assert answer.resent is (status != 429)
    first, second = clock.slept
    assert 0.25 <= first <= 0.5
    assert 0.5 <= second <= 1


@pytest.mark.parametrize("status", [400, 401, 403, 409, 500, 501])
def test_what_the_server_has_decided_is_not_asked_again(httpserver: HTTPServer, status: int) -> None:
    seen = answers(httpserver, json(status))
    assert send(httpserver.url_for(""), GET).status == status
    assert len(seen) == 1


@pytest.mark.parametrize("allowed", [0, 1, 5, 12])
def test_the_repeats_are_bounded_and_the_pauses_too(httpserver: HTTPServer, clock: Clock, allowed: int) -> None:
    seen = answers(httpserver, *(json(503) for _sending in range(allowed + 1)))
    assert send(httpserver.url_for(""), GET, max_request_retries=allowed).status == 503
    assert len(seen) == allowed + 1
    assert all(pause <= 20 for pause in clock.slept)


def test_a_404_that_is_a_web_page_is_worth_three_more_tries(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, html(404), html(404), html(404), json())
    assert send(httpserver.url_for(""), GET).status == 200
    assert len(seen) == 4


def test_a_wrong_address_is_told_after_three_more_tries(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, html(404), html(404), html(404), html(404))
    answer = send(httpserver.url_for(""), DELETE)
    assert (answer.status, answer.resent, len(seen)) == (404, False, 4)


def test_a_404_of_n8n_is_final_and_so_is_any_for_a_call_that_is_not_safe(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, json(404), html(404))
    client = transport(httpserver.url_for(""))
    assert client.send(GET).status == 404
    assert client.send(POST).status == 404
    assert len(seen) == 2


@pytest.mark.parametrize("refusal", [html(429), json(502), json(503), json(504), html(503), json(500)])
def test_a_call_that_is_not_safe_goes_out_once(httpserver: HTTPServer, clock: Clock, refusal: Response) -> None:
    seen = answers(httpserver, refusal)
    assert send(httpserver.url_for(""), POST).status == refusal.status_code
    assert len(seen) == 1
    assert clock.slept == []


def test_a_call_that_is_not_safe_goes_out_again_after_a_429_of_n8n_itself(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, json(429), json(429), json())
    answer = send(httpserver.url_for(""), POST)
    assert (answer.status, answer.resent, len(seen)) == (200, False, 3)


@pytest.mark.parametrize("fate", [hang_up, cut_off])
def test_a_safe_call_is_sent_again_after_a_broken_connection(fate: raw_server.Behave) -> None:
    server = RawServer(fate, good())
    answer = send(server.url, DELETE)
    assert (answer.status, answer.resent) == (200, True)
    assert server.lines == ["1: DELETE /api/v1/executions/5", "2: DELETE /api/v1/executions/5"]


@pytest.mark.parametrize("fate", [hang_up, cut_off])
def test_a_call_that_is_not_safe_is_not_sent_again_after_a_broken_connection(fate: raw_server.Behave, clock: Clock) -> None:
    server = RawServer(fate, good())
    with pytest.raises(NoAnswer, match="the connection broke before a whole answer came") as caught:
        send(server.url, POST)
    assert server.lines == ["1: POST /api/v1/executions/5/retry"]
    assert caught.value.fields() == {"method": "POST", "url": server.url + "/api/v1/executions/5/retry", "retryable": True}
    assert clock.slept == []


def test_calls_share_a_connection_but_one_that_is_not_safe_has_its_own() -> None:
    server = RawServer(good(), good(), good(), good(), good())
    client = transport(server.url)
    for call in (GET, DELETE, POST, POST, GET):
        client.send(call)
    assert [number for number, _request in server.requests] == [1, 1, 2, 3, 1]


def test_no_more_calls_are_under_way_than_are_allowed_whoever_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    client = transport("http://n8n.example.com", concurrency=2)
    lock, now, seen = threading.Lock(), [0], set[int]()

    def exchange(_session: t.Any, call: Call, url: str, _timeout: float) -> Answer:
        with lock:
            now[0] += 1
            seen.add(now[0])
        threading.Event().wait(0.01)
        with lock:
            now[0] -= 1
        return Answer(call, url, 200)

    monkeypatch.setattr(client, "_exchange", exchange)
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(client.send, [DELETE] * 24))
    assert seen == {1, 2}
    # A retry lasts as long as the execution, and is looked at meanwhile.
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(client.send, [POST] * 8))
    assert max(seen) > 2


def test_a_kept_connection_that_has_died_costs_a_repeat_and_no_error() -> None:
    server = RawServer(good(), hang_up, good())
    client = transport(server.url)
    client.send(GET)
    assert client.send(GET).resent
    assert len(server.requests) == 3


@pytest.mark.parametrize("call", [GET, POST])
def test_a_refused_connection_is_tried_again_whatever_the_call(call: Call, clock: Clock) -> None:
    with pytest.raises(NotConnected, match=r"no connection: Connection refused.*Is n8n running") as caught:
        send(f"http://127.0.0.1:{free_port()}", call)
    assert len(clock.slept) == 5
    assert caught.value.retryable
    assert caught.value.condemns_all


def test_a_refused_connection_after_a_lost_answer_is_still_a_doubt(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    server = RawServer(hang_up)
    pause = clock.sleep

    def sleep(seconds: float) -> None:
        server.close()
        pause(seconds)

    monkeypatch.setattr(clock, "sleep", sleep)
    with pytest.raises(NoAnswer):
        send(server.url, DELETE)
    assert len(server.requests) == 1


@pytest.mark.parametrize("asked, pause", [("7", 7.0), ("300", 300.0)])
def test_the_pause_that_the_server_asks_for_is_kept(httpserver: HTTPServer, clock: Clock, asked: str, pause: float) -> None:
    answers(httpserver, json(429, Retry_After=asked), json())
    assert send(httpserver.url_for(""), GET).status == 200
    assert sum(clock.slept) == pytest.approx(pause, abs=1)


def test_n8n_work_has_a_header_of_its_own_for_the_pause(httpserver: HTTPServer, clock: Clock) -> None:
    answers(httpserver, json(429, Retry_After_short="9"), json())
    assert send(httpserver.url_for(""), GET).status == 200
    assert sum(clock.slept) == pytest.approx(9.0, abs=1)


def test_the_pause_may_be_a_date(httpserver: HTTPServer, clock: Clock) -> None:
    answers(httpserver, json(503, Retry_After=formatdate(real_time() + 60, usegmt=True)), json())
    assert send(httpserver.url_for(""), GET).status == 200
    assert 55 <= sum(clock.slept) <= 61


@pytest.mark.parametrize("asked", ["301", "86400", "Tue, 01 Jan 2199 00:00:00 GMT", "9" * 12])
def test_an_absurd_pause_is_reported_and_not_waited_for(httpserver: HTTPServer, clock: Clock, asked: str) -> None:
    seen = answers(httpserver, json(429, Retry_After=asked))
    answer = send(httpserver.url_for(""), GET)
    assert (answer.status, answer.headers["Retry-After"], len(seen)) == (429, asked, 1)
    assert clock.slept == []


@pytest.mark.parametrize("asked", ["soon", "-5", "1.5", "Mon, 32 Foo 2026 00:00:00 GMT"])
def test_an_unreadable_pause_is_our_own(httpserver: HTTPServer, clock: Clock, asked: str) -> None:
    answers(httpserver, json(429, Retry_After=asked), json())
    assert send(httpserver.url_for(""), GET).status == 200
    assert 0.25 <= sum(clock.slept) <= 0.5


@pytest.mark.parametrize("asked", ["0", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_pause_that_is_over_already_is_no_leave_to_hammer(httpserver: HTTPServer, clock: Clock, asked: str) -> None:
    answers(httpserver, json(429, Retry_After=asked), json())
    assert send(httpserver.url_for(""), GET).status == 200
    assert sum(clock.slept) >= 0.25


def test_a_redirect_is_not_followed(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, json(302, "", Location=httpserver.url_for("/elsewhere")), json(308, "", Location="http://other/"))
    client = transport(httpserver.url_for(""))
    assert client.send(GET).status == 302
    assert client.send(POST).status == 308
    assert len(seen) == 2


def test_cookies_are_not_kept(httpserver: HTTPServer) -> None:
    seen = answers(httpserver, json(Set_Cookie="n8n-auth=abc; Path=/"), json())
    client = transport(httpserver.url_for(""))
    client.send(GET)
    client.send(GET)
    assert "Cookie" not in seen[1].headers
