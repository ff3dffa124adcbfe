# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shared client: what can be done with an instance, in the words of the field."""

from __future__ import annotations

import re
import time
import typing as t
from contextlib import suppress
from datetime import datetime
from urllib.parse import urlsplit

from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    Forbidden,
    InvalidInput,
    N8nError,
    NoAnswer,
    NoSuchRoute,
    NotAnN8nAnswer,
    NotFound,
    NothingStored,
    NotOffered,
    Rejected,
    ServerFault,
    UnknownParameter,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, Workflow
from ansible_collections.flowops.n8n.plugins.module_utils._history import History
from ansible_collections.flowops.n8n.plugins.module_utils._pool import each
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils._transport import Connection, Transport
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Page, Query, StopQuery

KEY_LENGTH = 8
MOST_SECONDS = 24 * 60 * 60

_T = t.TypeVar("_T")
_Item = t.TypeVar("_Item")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# What can stand in a path as the id of a workflow, and what n8n itself makes as one.
_MAY_BE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SURELY_ID = re.compile(r"[A-Za-z0-9]{16}|[0-9]+")


class N8nClient:
    """One instance of n8n, reached with one key over one pool of connections. Safe to use from several threads.

    Every method raises an ``N8nError``; ``NotFound`` means n8n's own answer for exactly that call,
    "not there or not visible to this key".
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._dialect = DIALECTS[connection.dialect]
        self._transport = Transport(connection)
        self._history = History(self._dialect, self._page, connection.concurrency)
        self._is_n8n = False

    def close(self) -> None:
        self._transport.close()

    def each(
        self, work: t.Callable[[_Item], _T], items: t.Iterable[_Item], alike: bool = False
    ) -> t.Iterator[tuple[_Item, _T | N8nError]]:
        """Do ``work`` for every item, as many at once as the connection allows and the server bears; see ``_pool.each``."""
        return each(
            work, items, concurrency=self.connection.concurrency, pushbacks=lambda: self._transport.pushbacks, alike=alike
        )

    def lists_what_waits(self) -> bool:
        """Whether the server lists every new and waiting execution; n8n 1.x leaves out those that it holds in memory."""
        tells = self._dialect.tells_of_waiting
        return tells is None or self._history.can_list(tells)

    @property
    def stops_many(self) -> bool:
        """Whether the platform has a call that stops many executions at once."""
        return self._dialect.stops_many

    def executions(self, selection: Selection, oldest: int = 0) -> t.Iterator[Execution]:
        """The executions that a selection by filters means, newest first, a page at a time, down to an id.

        ``limit`` is the caller's: it knows what counts.
        """
        return filter(selection.matches, self._history.newest_first(selection, oldest))

    def oldest_first(self, selection: Selection) -> t.Iterator[Execution] | None:
        """The same from the other end, or ``None`` where the server's list can be read from its newest end only."""
        rows = self._history.oldest_first(selection)
        return None if rows is None else filter(selection.matches, rows)

    def rows_of(self, execution_ids: t.Sequence[str]) -> list[Execution]:
        """As many of these as a few pages of the list show, which is all of them at best. Nothing follows from a missing one."""
        found: list[Execution] = []
        # Whatever is wrong with the list, each can be read by itself. It may also take too long where the history is large.
        with suppress(Forbidden, NoAnswer, NotAnN8nAnswer, Rejected, ServerFault):
            for execution in self._history.rows_of(execution_ids):
                found.append(execution)
        return found

    def get(self, execution_id: str, include_data: bool = False, redact: bool | None = None) -> Execution:
        """One execution. Where its data is not kept, it comes without, whatever is asked for.

        ``redact`` asks for data without what went through the nodes, ``False`` for all of it; n8n 2.16 and newer.
        """
        if include_data:
            try:
                return self._ask(self._dialect.get_call(execution_id, True, redact), self._dialect.read_execution)
            except UnknownParameter as error:
                error.args = (f"{error} Redacting data needs n8n 2.16 or newer.",)
                error.condemns_all = True
                raise
            except (NotFound, NothingStored):
                # What n8n answers where only the data is missing, too: Not Found on 2.41, 400 on 1.123.
                pass
        return self._ask(self._dialect.get_call(execution_id, False), self._dialect.read_execution)

    def snapshot(self, execution_id: str) -> Workflow | None:
        """The workflow as it was when it ran, which a retry replays; ``None`` where it is not kept.

        Nothing is known of it on a platform whose workflows cannot be read.
        """
        if not self._dialect.has_workflows:
            return Workflow(id="", name=None)
        try:
            return self._ask(self._dialect.get_call(execution_id, True), self._dialect.read_snapshot)
        except (NotFound, NothingStored):
            return None

    def delete(self, execution_id: str) -> None:
        """Delete one execution; it is gone afterwards. Raises ``NotFound`` if it was not there to begin with.

        A ``Not Found`` after an answer that was lost counts as deleted: it was ours.
        """
        answer = self._transport.send(self._dialect.delete_call(execution_id))
        try:
            self._read(answer, self._dialect.read_deleted)
        except NotFound:
            if not answer.resent:
                raise

    def retry(
        self,
        execution_id: str,
        load_workflow: bool,
        timeout: float,
        from_node: str | None = None,
        start_nodes: t.Sequence[str] = (),
    ) -> Execution:
        """Run it again; returns the new execution: n8n's once that run has ended or parked itself, within ``timeout`` seconds.

        Sent once. After ``NoAnswer`` or ``TooBusy`` nobody knows whether it runs: look it up by ``retries_of``.
        """
        call = self._dialect.retry_call(execution_id, load_workflow, from_node, start_nodes)
        return self._read(self._transport.send(call, timeout=timeout), self._dialect.read_retry)

    def retries_of(self, execution: Execution, now: datetime) -> t.Iterator[Execution]:
        """The direct retries of an execution, newest first, running ones too."""
        workflows = None if execution.workflow_id is None else (execution.workflow_id,)
        selection = Selection(now=now, workflows=workflows)
        # Where the start tells the order, one that began in the same millisecond has the same.
        rows = self._history.newest_first(selection, execution.order)
        return (row for row in rows if row.retry_of == execution.id)

    def stop(self, execution_id: str) -> None:
        """Ask n8n (2.10 and newer) to stop an execution; read it again to see what became of it."""
        try:
            self._ask(self._dialect.stop_call(execution_id), self._dialect.read_stopped)
        except NoSuchRoute as error:
            error.args = (f"{error} Stopping executions needs n8n 2.10 or newer.",)
            raise

    def can_stop(self, execution_id: str) -> bool:
        """Whether executions can be stopped; on n8n a harmless call tells that came with it, reading the tags of one."""
        if not self._dialect.stops_many:
            return True
        try:
            self.tags(execution_id)
        except NoSuchRoute:
            return False
        except (Forbidden, NotFound):
            # The call is there, whatever it says.
            pass
        return True

    def stop_many(self, query: StopQuery, timeout: float | None = None) -> int:
        """Have n8n (2.10 and newer) stop every live execution that the query means; how many it says it has stopped.

        It stops one after the other before it answers, so ``timeout`` (seconds) must leave time for all of them.
        """
        try:
            answer = self._transport.send(self._dialect.stop_many_call(query), timeout=timeout)
            return self._read(answer, self._dialect.read_stopped_many)
        except NoSuchRoute as error:
            error.args = (f"{error} Stopping executions needs n8n 2.10 or newer.",)
            raise

    def tags(self, execution_id: str) -> tuple[str, ...]:
        """The ids of an execution's annotation tags; n8n 2.10 and newer."""
        return self._ask_for_tags(self._dialect.tags_call(execution_id))

    def set_tags(self, execution_id: str, tag_ids: t.Sequence[str]) -> tuple[str, ...]:
        """Replace the annotation tags of an execution, and return what it has then; n8n 2.10 and newer.

        Even an empty or a refused one leaves a mark by which n8n's own pruning spares the execution for ever.
        Raises ``UnknownTag``.
        """
        return self._ask_for_tags(self._dialect.set_tags_call(execution_id, tag_ids))

    def _ask_for_tags(self, call: Call) -> tuple[str, ...]:
        try:
            return self._ask(call, self._dialect.read_tags)
        except NoSuchRoute as error:
            error.args = (f"{error} Annotation tags need n8n 2.10 or newer.",)
            raise

    def logs(self, execution_id: str) -> list[t.Any]:
        """The log of an execution as the server sent it, its last entries where it is longer than the server shows."""
        return self._ask(self._dialect.logs_call(execution_id), self._dialect.read_logs)

    def server_statistics(self, period: str, workflow: str | None, granularity: str) -> dict[str, t.Any]:
        """What the server itself has counted over ``1h``, ``24h``, ``7d`` or ``30d``, in the words of ``Statistics.summary``."""
        return self._ask(self._dialect.statistics_call(period, workflow, granularity), self._dialect.read_statistics)

    def workflow(self, workflow_id: str) -> Workflow:
        if not self._dialect.has_workflows:
            return Workflow(id=workflow_id, name=None)
        return self._ask(self._dialect.workflow_call(workflow_id), self._dialect.read_workflow)

    def find_workflow(self, wanted: str) -> Workflow:
        """The workflow of an id or an exact name. Raises ``InvalidInput`` if there is none, or several.

        A key with neither ``workflow:read`` nor ``workflow:list`` has what looks like n8n's own ids taken on trust, and so
        has a platform whose workflows cannot be read.
        """
        if not self._dialect.has_workflows and not _MAY_BE_ID.fullmatch(wanted):
            raise NotOffered(f"workflow: {self._dialect.platform} lets nobody look for {wanted!r}; name workflows by their ids.")
        readable = True
        if _MAY_BE_ID.fullmatch(wanted):
            try:
                return self.workflow(wanted)
            except NotFound:
                pass
            except Forbidden:
                readable = False
        try:
            listed = self._workflows(wanted if readable else None)
            found = [workflow for workflow in listed if wanted == workflow.name or (not readable and wanted == workflow.id)]
        except Forbidden:
            if not readable and _SURELY_ID.fullmatch(wanted):
                return Workflow(id=wanted, name=None)
            raise
        if not found:
            raise InvalidInput(f"workflow: no workflow with the id or exact name {wanted!r} is visible to this key.")
        if len(found) > 1:
            ids = ", ".join(workflow.id for workflow in found)
            raise InvalidInput(f"workflow: {len(found)} workflows have the name {wanted!r}; name one by its id: {ids}.")
        return found[0]

    def _workflows(self, name: str | None) -> t.Iterator[Workflow]:
        """Those whose name contains this one, all of them without; the server takes % and _ for wildcards."""
        cursor: str | None = None
        seen: set[str] = set()
        while cursor not in seen:
            seen.update(filter(None, [cursor]))
            workflows, cursor = self._ask(self._dialect.workflows_call(name, cursor), self._dialect.read_workflows)
            yield from workflows
            if cursor is None:
                return
        raise NotAnN8nAnswer("The server's list of workflows does not go on: it gave the same cursor twice.")

    def is_ready(self) -> bool:
        """What the server says of its own readiness, without a key; where no word of it can be had, one that answers is ready."""
        call = self._dialect.readiness_call()
        told = None if call is None else self._dialect.read_readiness(self._transport.send(call, root=True))
        if told is None:
            self.latency()
        return told is not False

    def capabilities(self) -> dict[str, t.Any]:
        call = self._dialect.openapi_call()
        return self._dialect.read_capabilities(None) if call is None else self._ask(call, self._dialect.read_capabilities)

    def scopes(self) -> list[str] | None:
        """What this key may do, ``None`` where the server does not tell (n8n before 2.14)."""
        call = self._dialect.discover_call()
        try:
            return None if call is None else self._ask(call, self._dialect.read_scopes)
        except NoSuchRoute:
            return None

    def era(self) -> str | None:
        """How n8n validates requests: ``validator`` up to 2.38, ``zod`` from 2.39 on. ``None`` for another platform."""
        call = self._dialect.era_call()
        return None if call is None else self._ask(call, self._dialect.read_era)

    def latency(self) -> float:
        """Seconds that a small authorised call takes. Raises what every other call would meet, too."""
        started = time.monotonic()
        self._page(_NOTHING, None)
        return time.monotonic() - started

    def _page(self, query: Query, cursor: str | None) -> Page:
        return self._ask(self._dialect.list_call(query, cursor), self._dialect.read_page)

    def _ask(self, call: Call, read: t.Callable[[Answer], _T]) -> _T:
        return self._read(self._transport.send(call), read)

    def _read(self, answer: Answer, read: t.Callable[[Answer], _T]) -> _T:
        try:
            result = read(answer)
        except NotFound:
            self._make_sure_that_it_is_n8n()
            raise
        self._is_n8n = True
        return result

    def _make_sure_that_it_is_n8n(self) -> None:
        """Other servers say ``Not Found`` in the same words, so one that has not shown itself as n8n must first."""
        if self._is_n8n:
            return
        # A refusal in n8n's own form will do: the key may not list.
        with suppress(Forbidden):
            self._dialect.read_page(self._transport.send(self._dialect.list_call(_NOTHING, None)))
        self._is_n8n = True


# A list for an unknown workflow is an empty page, which costs the server next to nothing.
_NOTHING = Query(workflow="0")


def parse_connection(params: t.Mapping[str, t.Any]) -> Connection:
    """The connection options of a module. Raises ``InvalidInput`` for whatever cannot be meant, before any request."""
    dialect = DIALECTS[params["dialect"]]
    api_path = _api_path(params.get("api_path") or dialect.api_path)
    check_seconds(params, "timeout")
    if params["max_request_retries"] < 0:
        raise InvalidInput("max_request_retries: 0 or more is wanted.")
    concurrency = params["concurrency"]
    if not 1 <= concurrency <= 32:
        raise InvalidInput("concurrency: a number from 1 to 32 is wanted.")
    return Connection(
        url=_origin(params["url"], api_path),
        dialect=dialect.name,
        api_path=api_path,
        headers={**_headers(params.get("headers") or {}), **dialect.key_headers(_key(params["api_key"]))},
        timeout=params["timeout"],
        max_request_retries=params["max_request_retries"],
        validate_certs=params["validate_certs"],
        ca_path=params.get("ca_path"),
        client_cert=params.get("client_cert"),
        client_key=params.get("client_key"),
        use_proxy=params["use_proxy"],
        concurrency=concurrency,
    )


def check_seconds(params: t.Mapping[str, t.Any], option: str) -> None:
    """Raise ``InvalidInput`` for a time limit that cannot be kept."""
    if not 0 < params[option] <= MOST_SECONDS:
        raise InvalidInput(f"{option}: more than 0 seconds are wanted, and a day ({MOST_SECONDS}) at most.")


def _key(api_key: str) -> str:
    key = api_key.strip()
    if not key:
        raise InvalidInput("api_key: it is empty. Set it, or N8N_API_KEY where the module runs.")
    if len(key) < KEY_LENGTH:
        raise InvalidInput(f"api_key: a key has {KEY_LENGTH} characters or more; this one is too short to be one.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("api_key: a key has neither blanks nor line breaks nor characters outside ASCII.")
    return key


def _headers(headers: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Names and values that can be sent; the values are secrets and in no message."""
    checked = {}
    for name, value in headers.items():
        text = str(value).strip()
        if not _HEADER_NAME.fullmatch(str(name)):
            raise InvalidInput(f"headers: {name!r} cannot be the name of a header.")
        if not text.isprintable() or not text.isascii():
            raise InvalidInput(f"headers: the value of {name} has line breaks or characters outside ASCII.")
        checked[str(name)] = text
    return checked


def _api_path(api_path: str) -> str:
    path = "/" + api_path.strip().strip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+", path):
        raise InvalidInput(f"api_path: {api_path!r} is not a path such as /api/v1.")
    return path


def _origin(url: str, api_path: str) -> str:
    """The url without the API path that users copy along with it."""
    text = url.strip()
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if "@" in text:
        # Not quoted back: it holds a password.
        raise InvalidInput("url: it must not hold a user or a password; send them by headers, as Authorization.")
    if not usable or parts.query or parts.fragment or re.search(r"\s", text):
        raise InvalidInput(f"url: {text!r} is not the address of an instance, such as https://n8n.example.com.")
    text = (parts.scheme + text[len(parts.scheme) :]).rstrip("/")
    for ending in ("/executions", api_path):
        if text.endswith(ending):
            text = text[: -len(ending)].rstrip("/")
    return text


__all__ = ["N8nClient", "N8nError", "parse_connection"]
