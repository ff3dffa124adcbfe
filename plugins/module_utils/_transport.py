# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP through one ``requests`` session: TLS, keep-alive, repeats by the safety of the call, typed errors.

Knows nothing of executions.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
import traceback
import typing as t
from contextlib import closing
from dataclasses import dataclass, field, replace

from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    AnswerTooLarge,
    InvalidInput,
    MissingLibrary,
    N8nError,
    NoAnswer,
    NotConnected,
)
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call

try:
    import requests
    import urllib3
    from requests.adapters import HTTPAdapter
    from urllib3 import exceptions as urllib3_errors
    from urllib3.util import Retry
except ImportError:
    REQUESTS_IMPORT_ERROR: str | None = traceback.format_exc()
    # A base to stand in, so that the class below can be defined; it is never used then.
    HTTPAdapter = object  # type: ignore[assignment,misc]
else:
    REQUESTS_IMPORT_ERROR = None

# n8n answers a User-Agent that contains "bot" with 204 and an empty body (all versions).
USER_AGENT = "flowops.n8n (Ansible collection)"

PASSING_STATUS = frozenset({429, 502, 503, 504})
# Those after which the server behind the proxy may have carried the call out all the same.
DOUBTFUL_STATUS = frozenset({502, 503, 504})
# A starting n8n answers 404 with an HTML page for some seconds; a wrong address does so for ever.
STARTING_REPEATS = 3

BACKOFF_FIRST = 0.5
BACKOFF_MOST = 20.0
# A server that asks for a longer pause is reported, not waited for.
RETRY_AFTER_MOST = 300.0

CHUNK = 64 * 1024

# OpenSSL's words for a certificate whose authority is not known: self-signed, alone or in its chain, and without an issuer.
_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})


@dataclass(frozen=True)
class Connection:
    """Where the server is and how it is reached; seconds for times, ``url`` without the API path."""

    url: str
    api_path: str
    dialect: str = "n8n"
    headers: t.Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 30.0
    max_request_retries: int = 5
    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    use_proxy: bool = True
    concurrency: int = 4


class Transport:
    """Sends calls. Safe to use from several threads at once."""

    def __init__(self, connection: Connection) -> None:
        """Raise ``MissingLibrary`` without requests, ``InvalidInput`` for certificates that cannot be read."""
        if REQUESTS_IMPORT_ERROR is not None:
            raise MissingLibrary("requests", REQUESTS_IMPORT_ERROR)
        self._connection = connection
        self._tls = _tls_context(connection) if connection.url.startswith("https:") else None
        self._verify: bool | str = (connection.ca_path or True) if connection.validate_certs else False
        self._session = self._new_session()
        # A prepared request by method, for those that differ in their path only.
        self._models: dict[str, requests.PreparedRequest] = {}
        self._lock = threading.Lock()
        # Whoever sends, no more are under way than the user allows, and none needs a connection more than that.
        self._slots = threading.BoundedSemaphore(connection.concurrency)
        self._not_before = 0.0
        # How often the server asked for a slower pace; a pool of workers watches it.
        self.pushbacks = 0

    def close(self) -> None:
        self._session.close()

    def send(self, call: Call, *, timeout: float | None = None, root: bool = False) -> Answer:
        """The whole answer to a call, whatever its status.

        A repeatable call is sent again, with growing pauses, after 429, 502, 503, 504 and a
        broken connection. Any other goes out on a fresh connection, and again only if no
        connection was made or n8n itself answered 429. ``timeout`` is in seconds for one
        sending; ``root`` addresses the server's root instead of its API.

        Raises ``NotConnected``, ``NoAnswer`` or ``AnswerTooLarge``.
        """
        sent, resent = 0, False
        while True:
            self._wait_for_turn()
            pause: float | None = None
            try:
                answer = self._send_once(call, self._connection.timeout if timeout is None else timeout, root)
            except AnswerTooLarge:
                raise
            except NotConnected as error:
                if sent >= self._connection.max_request_retries or not error.retryable:
                    if resent:
                        # An earlier sending may have been carried out.
                        raise NoAnswer(str(error), method=error.method, url=error.url) from None
                    raise
            except NoAnswer:
                self._pushed_back()
                if sent >= self._connection.max_request_retries or not call.repeatable:
                    raise
                resent = True
            else:
                if sent >= self._repeats_after(answer):
                    return replace(answer, resent=resent)
                if answer.status in PASSING_STATUS:
                    pause = _retry_after(answer)
                    if pause is not None and pause > RETRY_AFTER_MOST:
                        return replace(answer, resent=resent)
                    self._pushed_back(pause)
                resent = resent or answer.status in DOUBTFUL_STATUS
            # A pause that was asked for is kept by everyone, and is no reason to come back at once.
            time.sleep(_backoff(sent))
            sent += 1

    def _repeats_after(self, answer: Answer) -> int:
        """How many repeats this answer is worth."""
        if answer.status == 404 and answer.call.repeatable and "json" not in answer.headers.get("Content-Type", ""):
            return min(STARTING_REPEATS, self._connection.max_request_retries)
        if answer.status not in PASSING_STATUS:
            return 0
        if not answer.call.repeatable and not (answer.status == 429 and isinstance(answer.json(), dict)):
            return 0
        return self._connection.max_request_retries

    def _pushed_back(self, pause: float | None = None) -> None:
        with self._lock:
            self.pushbacks += 1
            if pause is not None:
                self._not_before = max(self._not_before, time.monotonic() + pause)

    def _wait_for_turn(self) -> None:
        """A pause that the server asked for holds for every thread."""
        while True:
            with self._lock:
                left = self._not_before - time.monotonic()
            if left <= 0:
                return
            time.sleep(left)

    def _send_once(self, call: Call, timeout: float, root: bool) -> Answer:
        url = self._connection.url + ("" if root else self._connection.api_path) + call.path
        if call.repeatable:
            with self._slots:
                return self._exchange(self._session, call, url, timeout)
        # A pooled connection may be dead without our knowing, and then nobody
        # could tell whether the call was carried out.
        with closing(self._new_session()) as session:
            return self._exchange(session, call, url, timeout)

    def _exchange(self, session: requests.Session, call: Call, url: str, timeout: float) -> Answer:
        deadline = time.monotonic() + timeout
        try:
            request = self._prepared(session, call, url)
            # By the adapter, as the session would add what is not wanted here, cookies and redirects, and takes a while for it.
            send = session.get_adapter(url).send
            with send(request, stream=True, timeout=timeout, verify=self._verify, proxies=session.proxies) as response:
                # urllib3 before 2 takes a body that was cut off for a whole one otherwise.
                response.raw.enforce_content_length = True
                content = bytearray()
                for chunk in _chunks(response):
                    content += chunk
                    if len(content) > call.max_bytes:
                        raise AnswerTooLarge(
                            f"{call.method} {url}: the answer is larger than {call.max_bytes} bytes.",
                            status=response.status_code,
                            method=call.method,
                            url=url,
                        )
                    if time.monotonic() > deadline:
                        raise requests.exceptions.ReadTimeout("the answer did not end in time")
                return Answer(call, url, response.status_code, response.headers, bytes(content))
        except (requests.exceptions.RequestException, urllib3_errors.HTTPError, OSError) as error:
            raise _typed(error, call, url, timeout) from None

    def _prepared(self, session: requests.Session, call: Call, url: str) -> requests.PreparedRequest:
        """The request of a call. Preparing takes longer than sending, so one that has nothing but a path is a copy."""
        address = self._connection.url + self._connection.api_path
        if call.query or call.body is not None or session is not self._session or not url.startswith(address + "/"):
            return session.prepare_request(requests.Request(call.method, url, params=call.query, json=call.body))
        model = self._models.get(call.method)
        if model is None:
            model = self._models[call.method] = session.prepare_request(requests.Request(call.method, address + "/"))
        request = model.copy()
        # The address as requests writes it, which may be otherwise than the user did.
        request.url = f"{model.url}{url[len(address) + 1 :]}"
        return request

    def _new_session(self) -> requests.Session:
        connection = self._connection
        session = requests.Session()
        # Neither ~/.netrc nor the environment may replace the key or divert it;
        # of the environment only the proxies are taken, and only if asked for.
        session.trust_env = False
        if connection.use_proxy:
            session.proxies = requests.utils.get_environ_proxies(connection.url)
        if not connection.validate_certs:
            # It was switched off knowingly, and the warning would come with every connection.
            urllib3.disable_warnings(urllib3_errors.InsecureRequestWarning)
        session.headers.update({"Accept": "application/json", "User-Agent": USER_AGENT})
        session.headers.update(connection.headers)
        adapter = _Adapter(self._tls, connection.concurrency)
        session.mount("http://", adapter)
        session.mount("https://", adapter)
        return session


def _chunks(response: requests.Response) -> t.Iterator[bytes]:
    """The body as it comes in, so that one that drips is noticed; older urllib3 can only wait for whole chunks."""
    read = getattr(response.raw, "read1", None)
    if read is None:
        yield from response.iter_content(CHUNK)
        return
    while True:
        chunk = read(CHUNK, decode_content=True)
        if not chunk:
            return
        yield chunk


class _Adapter(HTTPAdapter):
    """requests' own adapter with our TLS context and no repeats of its own."""

    def __init__(self, tls: ssl.SSLContext | None, connections: int) -> None:
        self._tls = tls
        self._pool: t.Any = None
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)

    def get_connection_with_tls_context(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """All calls go to the same place the same way; requests finds out which anew for each (2.32 and newer)."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
        if self._tls is not None:
            kwargs["ssl_context"] = self._tls
        super().init_poolmanager(*args, **kwargs)

    def proxy_manager_for(self, proxy: str, **kwargs: t.Any) -> t.Any:
        if self._tls is not None:
            kwargs["ssl_context"] = self._tls
        return super().proxy_manager_for(proxy, **kwargs)


def _tls_context(connection: Connection) -> ssl.SSLContext:
    """As ansible.builtin.uri does it: the system's certificates, or those of ca_path alone."""
    try:
        context = ssl.create_default_context(cafile=connection.ca_path)
    except OSError as error:
        raise InvalidInput(f"ca_path: {connection.ca_path} cannot be read as PEM certificates: {error}") from None
    if not connection.validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if connection.client_cert:
        try:
            # An encrypted key would ask for its passphrase on a terminal that is not there.
            context.load_cert_chain(connection.client_cert, connection.client_key, password="")
        except (OSError, ValueError) as error:
            raise InvalidInput(
                f"client_cert, client_key: not usable as a PEM certificate with its unencrypted key: {error}"
            ) from None
    return context


def _backoff(sent: int) -> float:
    """Seconds before the next sending: doubled each time, with jitter so that many clients do not march in step."""
    return min(BACKOFF_FIRST * 2.0**sent, BACKOFF_MOST) * random.uniform(0.5, 1.0)


def _retry_after(answer: Answer) -> float | None:
    """What the server asks for, in seconds; from seconds or an HTTP date. n8n-work has a header of its own for it."""
    value = answer.headers.get("Retry-After") or answer.headers.get("Retry-After-short")
    if not value:
        return None
    try:
        seconds = float(Retry().parse_retry_after(value))
    except (urllib3_errors.HTTPError, ValueError, OverflowError):
        return None
    return seconds


def _causes(error: BaseException) -> t.Iterator[BaseException]:
    """The error and all that it wraps; requests and urllib3 hide causes in several places."""
    seen: set[int] = set()
    todo: list[t.Any] = [error]
    while todo:
        one = todo.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [getattr(one, "reason", None), one.__cause__, one.__context__, *one.args]


def _typed(error: Exception, call: Call, url: str, timeout: float) -> N8nError:
    """Our error for one of the HTTP library's. Only what certainly left nothing on the server is ``NotConnected``."""
    facts: dict[str, t.Any] = {"method": call.method, "url": url}
    where = f"{call.method} {url}"
    causes = list(_causes(error))
    system = [cause for cause in causes if isinstance(cause, OSError) and cause.strerror]
    reason = str(system[-1].strerror if system else causes[-1])
    if any(isinstance(cause, (requests.exceptions.InvalidURL, urllib3_errors.LocationParseError)) for cause in causes):
        return InvalidInput(f"url: {url} is not an address: {error}", **facts)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            if isinstance(cause, ssl.SSLCertVerificationError):
                advice = " Name its authority with ca_path." if cause.verify_code in _UNKNOWN_AUTHORITY else ""
                refused = NotConnected(
                    f"{where}: the server's certificate was not accepted: {cause.verify_message}.{advice}", **facts
                )
            elif cause.reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"):
                refused = NotConnected(f"{where}: the server does not speak TLS on this port; try http://.", **facts)
            else:
                continue
            # It will be the same the next time.
            refused.retryable = False
            return refused
    # urllib3's NewConnectionError is a ConnectTimeoutError to it, so it is looked for first.
    if any(isinstance(cause, urllib3_errors.NewConnectionError) for cause in causes):
        return NotConnected(f"{where}: no connection: {reason}. Is n8n running there, is the url right?", **facts)
    if any(isinstance(cause, urllib3_errors.ConnectTimeoutError) for cause in causes):
        return NotConnected(f"{where}: no connection within {timeout:g} s. Is the address right?", **facts)
    if any(isinstance(cause, (requests.exceptions.Timeout, urllib3_errors.TimeoutError)) for cause in causes):
        return NoAnswer(f"{where}: no whole answer within {timeout:g} s.", **facts)
    return NoAnswer(f"{where}: the connection broke before a whole answer came: {reason}.", **facts)
