# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What n8n says when it does not do what it is asked to: its answers as errors. Pure functions, no I/O."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    ExecutionRunning,
    Forbidden,
    N8nError,
    NoSuchRoute,
    NotFound,
    NothingStored,
    NotRetryable,
    RateLimited,
    Rejected,
    ServerFault,
    TooBusy,
    Unauthorized,
    UnknownParameter,
    UnknownStatus,
    UnknownTag,
)
from ansible_collections.flowops.n8n.plugins.module_utils._wire import QUOTE, Answer, Call

# What n8n 1.123 says when it is to retry, or to show with its data, an execution without stored data.
_NOTHING_STORED = "Cannot read properties of null (reading 'data')"
_NO_SUCH_TAGS = "Some tags not found"
_UNKNOWN_PARAMETER = re.compile(r"Unknown query parameter '([^']+)'")
_NO_SUCH_EXECUTION = re.compile(r'The execution with the ID "[^"]*" does not exist\.?')


def body_of(answer: Answer) -> dict[str, t.Any]:
    """The JSON object of a good answer; any other answer as the error that it is."""
    body = answer.json()
    if 200 <= answer.status < 300:
        if not isinstance(body, dict):
            raise answer.foreign("what n8n answers to this call")
        return body
    message, code = (body.get("message"), body.get("code")) if isinstance(body, dict) else (None, None)
    raise error_of(answer, message[:QUOTE] if isinstance(message, str) else None, code)


def error_of(answer: Answer, message: str | None, code: t.Any) -> N8nError:
    """``code`` is a gateway's; n8n's own errors that have one have another."""
    call, status, facts = answer.call, answer.status, answer.facts(message or answer.text() or None)
    where = f"{call.method} {answer.url}"
    if status in (429, 502, 503, 504):
        asked = answer.headers.get("Retry-After")
        return (RateLimited if status == 429 and message is not None else TooBusy)(
            f"{where}: the server, or the proxy in front of it, is down or overloaded ({status}"
            + (f", Retry-After: {asked})" if asked else ")")
            + ". Try again later, with a lower concurrency or a higher max_request_retries.",
            **facts,
        )
    if message is None:
        return answer.foreign("n8n's form of an error")
    if status == 401:
        return Unauthorized(
            f"{where}: n8n does not accept the key ({message}). Check api_key: is it expired, or of another instance?",
            **facts,
        )
    if status == 403:
        return Forbidden(
            f"{where}: the key may not do this ({message}). It needs the scope {call.scope or 'of this call'}; "
            "give it that in n8n under Settings, n8n API.",
            **facts,
        )
    if status == 404:
        return _not_found(where, call, message, code, facts)
    unknown = _UNKNOWN_PARAMETER.search(message)
    if status == 400 and unknown:
        return UnknownParameter(f"{where}: {message}", unknown.group(1), **facts)
    if status == 400 and message.startswith("request/query/status"):
        return UnknownStatus(f"{where}: {message}", **facts)
    if call.method == "DELETE" and status == 400 and "running execution" in message:
        return ExecutionRunning(f"{where}: {message}", **facts)
    if call.method == "GET" and message == _NOTHING_STORED:
        return NothingStored(f"{where}: n8n keeps no data of it ({message}).", **facts)
    if call.path.endswith("/retry") and (status == 409 or "cannot be retried" in message or message == _NOTHING_STORED):
        return NotRetryable(message, succeeded="succeeded" in message, queued="queued" in message, **facts)
    if call.path.endswith("/retry") and code == "CANNOT_RETRY_SUCCESS":
        return NotRetryable(message, succeeded=True, **facts)
    if status >= 500:
        return ServerFault(f"{where}: n8n failed at this call ({status}: {message}). Its log says more.", **facts)
    return Rejected(f"{where}: n8n refused the call ({status}: {message}).", **facts)


def _not_found(where: str, call: Call, message: str, code: t.Any, facts: dict[str, t.Any]) -> N8nError:
    """A 404 is "absent" only in the words that n8n has for exactly this call; a missing route differs in a capital."""
    asks_for_one = call.path.count("/") >= 2
    absent = _NO_SUCH_EXECUTION.fullmatch(message) if call.path.endswith("/retry") else message == "Not Found"
    if asks_for_one and (absent or code == "EXECUTION_NOT_FOUND"):
        return NotFound(f"{where}: not there or not visible to this key.", **facts)
    if message == _NO_SUCH_TAGS:
        return UnknownTag(f"{where}: n8n knows no annotation tag with one of these ids ({message}).", **facts)
    if message == "not found":
        return NoSuchRoute(f"{where}: this n8n has no such call.", **facts)
    return Rejected(f"{where}: n8n answered 404 ({message}).", **facts)
