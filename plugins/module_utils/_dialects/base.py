# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a dialect is: the calls of one platform's API and their answers, as the rest of the collection asks for them."""

from __future__ import annotations

import abc
import typing as t
from urllib.parse import quote

from ansible_collections.flowops.n8n.plugins.module_utils._errors import NotOffered
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, Workflow
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call, Page, Query, StopQuery


class Dialect(abc.ABC):
    """Pure functions, no I/O. A ``…_call`` builds a request, the ``read_…`` beside it reads its answer or raises an ``N8nError``.

    What is abstract, every platform must have. The rest says of itself that it is not offered until a dialect says otherwise.
    """

    known: t.ClassVar[dict[str, Dialect]] = {}

    name: t.ClassVar[str]
    # The platform as people call it.
    platform: t.ClassVar[str]
    # What it is, for the documentation of the option.
    summary: t.ClassVar[str]
    api_path: t.ClassVar[str]
    # What an id of an execution may look like, and that in words.
    id_form: t.ClassVar[t.Pattern[str]]
    id_words: t.ClassVar[str]
    # Options that the platform has nothing for: the value that asks for nothing, and what to say to any other.
    not_offered: t.ClassVar[t.Mapping[str, tuple[t.Any, str]]] = {}
    # A status filter that only servers know which list all that waits; None where every server does.
    tells_of_waiting: t.ClassVar[str | None] = None
    stops_many: t.ClassVar[bool] = False
    # Whether workflows can be read: by name, and with the settings that say which executions are kept.
    has_workflows: t.ClassVar[bool] = False

    def __init_subclass__(cls, dialect: str) -> None:
        # Not called name: up to Python 3.10 abc takes that for itself.
        cls.name = dialect
        Dialect.known[dialect] = cls()

    @abc.abstractmethod
    def key_headers(self, api_key: str) -> dict[str, str]:
        """The headers that carry the key."""

    # Lists. The filters of a Query are in the server's own words.

    @abc.abstractmethod
    def status_lists(self, statuses: frozenset[str] | None, live: frozenset[str]) -> list[str | None]:
        """The values of the status filter whose lists together hold these, ``None`` being the list without the filter.

        ``statuses`` are those that are wanted, ``None`` for all of them, and ``live`` those that are not over among them.
        They come in the order in which an execution can be in them: what goes on between two requests is then seen twice, not
        never.
        """

    def mode_lists(self, modes: frozenset[str] | None) -> list[str | None]:
        """As ``status_lists``, for the mode; a server that does not filter by it has one list."""
        return [None]

    def returned_for(self, status: str) -> frozenset[str]:
        """Our statuses of the rows that a list filtered by the server's status may hold."""
        return frozenset({status})

    def wider_status(self, status: str) -> str | None:
        """What to filter by where the server refuses this status: one whose list holds it too."""
        return None

    @abc.abstractmethod
    def list_call(self, query: Query, cursor: str | None) -> Call:
        """A page of executions without their data, the newest first."""

    @abc.abstractmethod
    def read_page(self, answer: Answer) -> Page:
        """Every row with its place in that order: by its number, or else by ``rank``."""

    # How many rows a page is asked to have.
    page_size: t.ClassVar[int]

    def cursor_below(self, place: int) -> str | None:
        """A cursor to the rows below a place in the order; ``None`` where cursors cannot be built."""
        return None

    def goes_on_below(self, page: Page) -> bool:
        """Whether the server's own cursor to the next page is the one that would be built, or there is no next page."""
        return False

    # One execution

    @abc.abstractmethod
    def get_call(self, execution_id: str, include_data: bool, redact: bool | None = None) -> Call:
        """One execution, whole or without its data. ``redact`` counts only with data; None leaves it to the server."""

    @abc.abstractmethod
    def read_execution(self, answer: Answer) -> Execution:
        """Raises ``NotFound`` only for the server's own words for exactly that."""

    @abc.abstractmethod
    def delete_call(self, execution_id: str) -> Call:
        """Repeatable: what is deleted already is answered as not found."""

    @abc.abstractmethod
    def read_deleted(self, answer: Answer) -> None:
        """Raises ``NotFound`` as ``read_execution`` does."""

    @abc.abstractmethod
    def retry_call(self, execution_id: str, load_workflow: bool, from_node: str | None, start_nodes: t.Sequence[str]) -> Call:
        """Not repeatable: it runs the workflow."""

    @abc.abstractmethod
    def read_retry(self, answer: Answer) -> Execution:
        """The new execution. Raises ``NotRetryable``."""

    @abc.abstractmethod
    def stop_call(self, execution_id: str) -> Call:
        """Repeatable: stopping what has been stopped changes nothing."""

    @abc.abstractmethod
    def read_stopped(self, answer: Answer) -> None:
        """Raises ``NotFound`` as ``read_execution`` does."""

    # What a platform may have besides

    def stop_many_call(self, query: StopQuery) -> Call:
        """Stop every live execution that the query means; only where ``stops_many``."""
        raise self._lacks("a call that stops many executions")

    def read_stopped_many(self, answer: Answer) -> int:
        """How many were stopped."""
        raise self._lacks("a call that stops many executions")

    def tags_call(self, execution_id: str) -> Call:
        raise self._lacks("annotation tags")

    def set_tags_call(self, execution_id: str, tag_ids: t.Sequence[str]) -> Call:
        raise self._lacks("annotation tags")

    def read_tags(self, answer: Answer) -> tuple[str, ...]:
        raise self._lacks("annotation tags")

    def logs_call(self, execution_id: str) -> Call:
        raise self._lacks("logs of executions")

    def read_logs(self, answer: Answer) -> list[t.Any]:
        """The entries as the server sent them."""
        raise self._lacks("logs of executions")

    def statistics_call(self, period: str, workflow: str | None, granularity: str) -> Call:
        raise self._lacks("statistics of its own")

    def read_statistics(self, answer: Answer) -> dict[str, t.Any]:
        """In the words of ``Statistics.summary``, ``None`` for what the server does not tell."""
        raise self._lacks("statistics of its own")

    def read_snapshot(self, answer: Answer) -> Workflow:
        """The workflow that came with an execution's data; only where ``has_workflows``."""
        raise self._lacks("workflows to be read")

    def workflow_call(self, workflow_id: str) -> Call:
        raise self._lacks("workflows to be read")

    def read_workflow(self, answer: Answer) -> Workflow:
        raise self._lacks("workflows to be read")

    def workflows_call(self, name: str | None, cursor: str | None) -> Call:
        raise self._lacks("workflows to be read")

    def read_workflows(self, answer: Answer) -> tuple[list[Workflow], str | None]:
        raise self._lacks("workflows to be read")

    def readiness_call(self) -> Call | None:
        """Of the server's root, without a key; ``None`` where there is none."""
        return None

    def read_readiness(self, answer: Answer) -> bool | None:
        """``None`` where that was no word of the server's on it."""
        raise self._lacks("a word on its readiness")

    def era_call(self) -> Call | None:
        """A call to which the eras of the server answer differently; ``None`` where there are no eras."""
        return None

    def read_era(self, answer: Answer) -> str:
        raise self._lacks("eras")

    def discover_call(self) -> Call | None:
        """What this key may do; ``None`` where the server does not tell."""
        return None

    def read_scopes(self, answer: Answer) -> list[str]:
        raise self._lacks("a list of what a key may do")

    def openapi_call(self) -> Call | None:
        """The server's description of its API; ``None`` where its capabilities are known without."""
        return None

    @abc.abstractmethod
    def read_capabilities(self, answer: Answer | None) -> dict[str, t.Any]:
        """What the server can do, by its description where it has one."""

    def _lacks(self, what: str) -> NotOffered:
        return NotOffered(f"{self.platform} has no {what}.")


def segment(value: str) -> str:
    """An id as one segment of a path; dots alone would lead out of it."""
    return quote(value, safe="").replace(".", "%2E")


def pairs(filters: t.Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    """The filters that are set, as a query."""
    return tuple((key, value) for key, value in filters.items() if value is not None)


def plain_text(value: t.Any) -> str | None:
    """A field that should be text, or a number that serves as one."""
    if value is None or isinstance(value, str):
        return value
    return None if isinstance(value, (dict, list)) else str(value)
