# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every option of the connection, over real HTTP: what arrives at the server, or what comes of it, differs by it."""

from __future__ import annotations

import re
import ssl
import threading
import time as real_time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _transport
from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import row
from ansible_collections.flowops.n8n.tests.unit.running import Runner
from ansible_collections.flowops.n8n.tests.unit.tls import Authority
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

KEY = "key-0123456789"
Options = dict[str, t.Any]


class Site:
    """A server of real HTTP in front of the n8n in memory; it notes what arrives."""

    def __init__(self, context: ssl.SSLContext | None = None, slow: float = 0.0, busy: int = 0) -> None:
        self.n8n = FakeN8n(*[row(number, "error") for number in range(1, 13)])
        self.seen: list[dict[str, t.Any]] = []
        self.most_at_once = 0
        self._slow = slow
        self._busy = busy
        self._now = 0
        self._lock = threading.Lock()
        self.server = HTTPServer(ssl_context=context, threaded=True)
        self.server.expect_request(re.compile(".*")).respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            names = ("X-N8N-API-KEY", "Authorization", "X-Access")
            headers = {name: request.headers[name] for name in names if name in request.headers}
            self.seen.append({"path": request.path, "host": request.host, "headers": headers})
            busy, self._busy = self._busy, max(0, self._busy - 1)
        try:
            if busy:
                return Response('{"message": "busy"}', 503, content_type="application/json")
            real_time.sleep(self._slow)
            path = re.sub("^.*(?=/executions)", "", request.path)
            answer = self.n8n.answer(Call(request.method, path, tuple(request.args.items())))
            return Response(answer.content, answer.status, dict(answer.headers))
        finally:
            with self._lock:
                self._now -= 1


@dataclass(frozen=True)
class Case:
    """Options that a module is run with, at first without those of ``given``; the rest is about the server."""

    given: Options
    beside: Options = field(default_factory=dict)
    slow: float = 0.0
    busy: int = 0
    tls: bool = False
    client: bool = False


ONE = {"execution_id": ["1"]}
CASES: dict[str, Case] = {
    "url": Case({"url": "{url}/prefix"}),
    "api_key": Case({"api_key": "another-key-0123"}),
    "dialect": Case({"dialect": "n8n_work"}),
    "api_path": Case({"api_path": "/other/v1"}),
    "headers": Case({"headers": {"X-Access": "for-the-proxy"}}),
    "timeout": Case({"timeout": 0.2}, {"max_request_retries": 0}, slow=0.5),
    "max_request_retries": Case({"max_request_retries": 0}, busy=1),
    "validate_certs": Case({"validate_certs": False}, tls=True),
    "ca_path": Case({"ca_path": "{ca}"}, tls=True),
    "client_cert": Case({"client_cert": "{both}"}, {"ca_path": "{ca}", "max_request_retries": 0}, tls=True, client=True),
    "client_key": Case(
        {"client_key": "{key}"},
        {"ca_path": "{ca}", "client_cert": "{cert}", "max_request_retries": 0},
        tls=True,
        client=True,
    ),
    "use_proxy": Case({"use_proxy": False}),
    "concurrency": Case({"concurrency": 1}, {"execution_id": [str(number) for number in range(1, 13)]}, slow=0.05),
}


def test_every_option_has_its_case() -> None:
    assert set(CASES) == set(CONNECTION.options)


@pytest.mark.parametrize("option", CASES)
def test_an_option_changes_what_arrives_or_what_comes_of_it(
    option: str, run_module: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[option]
    assert option in case.given
    # A refused certificate or connection is not to be waited for; the limits of time are real here.
    monkeypatch.setattr(_transport, "time", real_time)
    monkeypatch.setattr(_transport, "BACKOFF_FIRST", 0.01)
    authority = Authority(tmp_path)
    certificate, key = authority.client_files()
    both = tmp_path / "both.pem"
    both.write_text(Path(key).read_text("utf-8") + Path(certificate).read_text("utf-8"), "utf-8")
    context = None
    if case.tls:
        context = authority.server_context()
        if case.client:
            context.verify_mode = ssl.CERT_REQUIRED
            authority.ca.configure_trust(context)
    outcomes = []
    for given in ({}, case.given):
        site = Site(context, case.slow, case.busy)
        with site.server as server:
            url = server.url_for("").rstrip("/")
            if option == "use_proxy":
                # What is asked of this host comes to the proxy, which is the server itself.
                monkeypatch.setenv("http_proxy", url)
                url = f"http://127.0.0.2:{server.port}"
            words = {"{url}": url, "{ca}": authority.path, "{cert}": certificate, "{key}": key, "{both}": str(both)}
            options = {"url": url, "api_key": KEY, **ONE, **case.beside, **given}
            told = {name: _filled(value, words) for name, value in options.items()}
            result = run_module("n8n_execution_info", None, connect=False, **told)
        asked = [{**one, "host": one["host"].split(":")[0]} for one in site.seen]
        told_of = "failed" in result, result.get("count"), result.get("status")
        at_once = site.most_at_once if option == "concurrency" else None
        outcomes.append((asked if option != "concurrency" else None, told_of, at_once))
    assert outcomes[0] != outcomes[1]


def _filled(value: t.Any, words: dict[str, str]) -> t.Any:
    if isinstance(value, str):
        for word, meant in words.items():
            value = value.replace(word, meant)
    return value
