# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What protects the user of a connection: its limits, its secrets, its certificates, and the environment left out."""

from __future__ import annotations

import gzip
import importlib.util
import ssl
import sys
import time as real_time
import traceback
import typing as t
import warnings
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _transport
from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    AnswerTooLarge,
    InvalidInput,
    MissingLibrary,
    N8nError,
    NoAnswer,
    NotConnected,
)
from ansible_collections.flowops.n8n.plugins.module_utils._transport import Connection, Transport
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.raw_server import (
    Behave,
    RawServer,
    cut_off,
    drip,
    free_port,
    good,
    hang_up,
    say_nothing,
)
from ansible_collections.flowops.n8n.tests.unit.rows import Clock
from ansible_collections.flowops.n8n.tests.unit.tls import Authority
from pytest_httpserver import HTTPServer

GET = Call("GET", "/executions")
POST = Call("POST", "/executions/5/retry", repeatable=False)
KEY, SECRET = "key-0123456789", "header-value-9876"
HEADERS = {"X-N8N-API-KEY": KEY, "CF-Access-Client-Secret": SECRET}


def send(url: str, call: Call = GET, timeout: float | None = None, **more: t.Any) -> Answer:
    return Transport(Connection(url=url, api_path="/api/v1", headers=HEADERS, **more)).send(call, timeout=timeout)


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real clock, for what takes real time."""
    monkeypatch.setattr(_transport, "time", real_time)


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize(
    "head, drop",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
    ],
    ids=["length", "chunked", "until closed"],
)
def test_the_time_limit_is_for_the_whole_answer_even_if_it_drips(head: bytes, drop: bytes) -> None:
    server = RawServer(drip(head, drop))
    begun = real_time.monotonic()
    with pytest.raises(NoAnswer, match=r"no whole answer within 0\.2 s"):
        send(server.url, timeout=0.2, max_request_retries=0)
    assert real_time.monotonic() - begun < 2


@pytest.mark.usefixtures("ticking")
def test_a_server_that_says_nothing_is_left_after_the_time_limit() -> None:
    server = RawServer(say_nothing)
    with pytest.raises(NoAnswer, match=r"no whole answer within 0\.1 s") as caught:
        send(server.url, timeout=0.1, max_request_retries=0)
    assert caught.value.retryable
    assert not caught.value.condemns_all


def test_the_time_limit_of_the_connection_holds_where_the_call_has_none() -> None:
    server = RawServer(say_nothing)
    with pytest.raises(NoAnswer, match=r"0\.15 s"):
        Transport(Connection(url=server.url, api_path="", timeout=0.15, max_request_retries=0)).send(GET)


def test_an_answer_that_is_too_large_is_not_read_to_its_end_nor_asked_for_again() -> None:
    server = RawServer(good(b"x" * 300_000), good())
    with pytest.raises(AnswerTooLarge, match="larger than 100000 bytes") as caught:
        send(server.url, Call("GET", "/executions/5", max_bytes=100_000))
    assert len(server.requests) == 1
    assert (caught.value.status, caught.value.retryable) == (200, False)


def test_what_is_packed_counts_unpacked() -> None:
    packed = gzip.compress(b"x" * 300_000)
    server = RawServer(good(packed, more="Content-Encoding: gzip\r\n"))
    with pytest.raises(AnswerTooLarge):
        send(server.url, Call("GET", "/executions/5", max_bytes=100_000))


@pytest.mark.parametrize("size", [0, 1, 100_000, 3_000_000])
def test_a_packed_answer_is_unpacked_whole(size: int) -> None:
    body = (b"abcdefghij" * (size // 10 + 1))[:size]
    server = RawServer(good(gzip.compress(body), more="Content-Encoding: gzip\r\n"), good())
    assert send(server.url).content == body


def test_a_large_answer_comes_whole_in_chunks_too() -> None:
    chunk = b"10000\r\n" + b"y" * 65536 + b"\r\n"

    def behave(connection: t.Any, _request: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 20 + b"0\r\n\r\n")
        return True

    server = RawServer(behave, good())
    client = Transport(Connection(url=server.url, api_path=""))
    assert client.send(GET).content == b"y" * 65536 * 20
    assert client.send(GET).content == b"{}"
    assert [number for number, _request in server.requests] == [1, 1], "the connection was read to its end and is kept"


def test_chunks_that_break_off_are_a_broken_connection() -> None:
    def behave(connection: t.Any, _request: bytes) -> bool:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")
        return False

    with pytest.raises(NoAnswer, match="broke before a whole answer"):
        send(RawServer(behave).url, max_request_retries=0)


@pytest.mark.parametrize("fate", [hang_up, cut_off, say_nothing, good(b"x" * 99)])
@pytest.mark.parametrize("call", [GET, POST])
def test_no_error_holds_the_key_or_another_header(fate: Behave, call: Call) -> None:
    url = RawServer(fate).url
    limited = Call(call.method, call.path, max_bytes=10, repeatable=call.repeatable)
    with pytest.raises(N8nError) as caught:
        send(url, limited, timeout=0.2, max_request_retries=0)
    told = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    told += repr(caught.value.fields()) + repr(caught.value.__context__)
    assert KEY not in told
    assert SECRET not in told


def test_a_connection_does_not_show_its_headers() -> None:
    shown = repr(Connection(url="https://n8n.example.com", api_path="/api/v1", headers=HEADERS))
    assert KEY not in shown
    assert SECRET not in shown


def test_netrc_does_not_speak_for_the_user(httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {httpserver.host} login somebody password else\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    httpserver.expect_request("/api/v1/executions").respond_with_json({})
    send(httpserver.url_for(""))
    assert "Authorization" not in httpserver.log[0][0].headers


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_the_proxy_of_the_environment_is_used(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = RawServer(good(), good())
    monkeypatch.setenv(variable, proxy.url)
    send("http://n8n.example.com")
    send("http://n8n.example.com", POST)
    assert proxy.lines == [
        "1: GET http://n8n.example.com/api/v1/executions",
        "2: POST http://n8n.example.com/api/v1/executions/5/retry",
    ]


def test_the_proxy_of_the_environment_is_left_alone_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = RawServer(good()), RawServer(good(), good())
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    send(server.url, use_proxy=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    send(server.url)
    assert (len(proxy.requests), len(server.requests)) == (0, 2)


def test_a_proxy_that_is_not_there_has_let_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://somebody:{SECRET}@127.0.0.1:{free_port()}")
    with pytest.raises(NotConnected) as caught:
        send("http://n8n.example.com", POST)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("host", ["n8n..example.com", "a" * 64 + ".example.com", ".example.com", "*.example.com"])
def test_a_name_that_cannot_be_one_is_the_users_to_mend(host: str, clock: Clock) -> None:
    with pytest.raises(InvalidInput, match="url"):
        send(f"http://{host}", use_proxy=False)
    assert clock.slept == []


def test_without_requests_the_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    spec = importlib.util.spec_from_file_location("transport_without_requests", _transport.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    with pytest.raises(MissingLibrary) as caught:
        module.Transport(Connection(url="http://n8n.example.com", api_path=""))
    assert caught.value.library == "requests"
    assert "Traceback" in caught.value.import_traceback
    assert caught.value.condemns_all


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def tls_server(context: ssl.SSLContext) -> HTTPServer:
    server = HTTPServer(ssl_context=context)
    server.expect_request("/api/v1/executions").respond_with_json({})
    return server


@pytest.fixture(scope="module")
def tls_url(authority: Authority) -> t.Iterator[str]:
    server = tls_server(authority.server_context())
    with server:
        yield server.url_for("").rstrip("/")


def test_a_certificate_of_an_unknown_authority_is_refused_once(tls_url: str, clock: Clock) -> None:
    with pytest.raises(NotConnected, match=r"certificate was not accepted: .*ca_path") as caught:
        send(tls_url)
    assert not caught.value.retryable
    assert clock.slept == []


def test_a_named_authority_is_trusted(tls_url: str, authority: Authority) -> None:
    assert send(tls_url, ca_path=authority.path).status == 200


def test_switching_the_check_off_makes_no_noise(tls_url: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert send(tls_url, validate_certs=False).status == 200


def test_bundles_of_the_environment_are_ignored(tls_url: str, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", authority.path)
    monkeypatch.setenv("CURL_CA_BUNDLE", authority.path)
    with pytest.raises(NotConnected):
        send(tls_url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    assert send(tls_url, ca_path=authority.path).status == 200


def test_a_certificate_for_another_host_is_refused(authority: Authority) -> None:
    with tls_server(authority.server_context("other.example.com")) as server:
        with pytest.raises(NotConnected, match="certificate was not accepted"):
            send(server.url_for("").rstrip("/"), ca_path=authority.path)
        assert send(server.url_for("").rstrip("/"), validate_certs=False).status == 200


def test_a_certificate_that_has_expired_is_refused_once_and_said_to_have(authority: Authority, clock: Clock) -> None:
    with tls_server(authority.server_context(not_after=datetime(2001, 1, 1, tzinfo=timezone.utc))) as server:
        url = server.url_for("").rstrip("/")
        with pytest.raises(NotConnected, match=r"certificate was not accepted: .*expired") as caught:
            send(url, ca_path=authority.path)
        # Nothing else is wrong with it.
        assert send(url, validate_certs=False).status == 200
    assert "ca_path" not in str(caught.value)
    assert not caught.value.retryable
    assert clock.slept == []


def test_a_client_certificate_is_shown_to_the_server(authority: Authority) -> None:
    context = authority.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(context)
    certificate, key = authority.client_files()
    with tls_server(context) as server:
        url = server.url_for("").rstrip("/")
        assert send(url, ca_path=authority.path, client_cert=certificate, client_key=key).status == 200
        with pytest.raises(N8nError):
            send(url, ca_path=authority.path, max_request_retries=0)


def test_a_server_without_tls_is_told_from_a_bad_certificate(httpserver: HTTPServer, clock: Clock) -> None:
    with pytest.raises(NotConnected, match="does not speak TLS on this port; try http://") as caught:
        send(httpserver.url_for("").replace("http:", "https:"))
    assert not caught.value.retryable
    assert clock.slept == []


@pytest.mark.parametrize("option", ["ca_path", "client_cert"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_refused_before_any_request(
    option: str, content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=option):
        Transport(Connection(url="https://n8n.example.com", api_path="", **t.cast("dict[str, t.Any]", {option: str(path)})))
