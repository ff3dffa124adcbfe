"""The collection as it must not be: each of these is to be found out by the trials."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import requests
from ansible_collections.flowops.n8n.plugins.module_utils import _archive, _transport, client
from ansible_collections.flowops.n8n.plugins.module_utils._dialects import n8n, n8n_errors
from ansible_collections.flowops.n8n.plugins.module_utils._errors import NoAnswer, NotConnected, NotFound
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection

from tests.faults.changing import Archive, Delete, Retry
from tests.faults.reading import Export
from tests.faults.task import Task


@dataclass(frozen=True)
class Breakage:
    """What is broken, and the tasks that may show it; ``seed`` is one from which on it does not take long."""

    name: str
    change: Callable[[], Any]
    tasks: tuple[type[Task], ...]
    seed: int = 0


def _absent_on_any_error() -> Any:
    return patch.object(n8n_errors, "error_of", lambda *_unused: NotFound("absent"))


def _absent_on_any_404() -> Any:
    real = n8n_errors.error_of

    def error(answer: Any, message: str | None, code: Any) -> Any:
        return NotFound("absent") if answer.status == 404 else real(answer, message, code)

    return patch.object(n8n_errors, "error_of", error)


def _retry_sent_again() -> Any:
    real = n8n.N8n.retry_call
    return patch.object(n8n.N8n, "retry_call", lambda *values: replace(real(*values), repeatable=True))


def _retry_sent_again_after_a_reset() -> Any:
    real = _transport._typed

    def typed(*values: Any) -> Any:
        error = real(*values)
        return NotConnected(str(error)) if isinstance(error, NoAnswer) and "connection broke" in str(error) else error

    return patch.object(_transport, "_typed", typed)


def _redirects_followed() -> Any:
    session = requests.Session()

    def send(_adapter: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        return session.send(request, allow_redirects=True, **options)

    return patch.object(_transport._Adapter, "send", send)


def _rows_not_looked_at_again() -> Any:
    real = Selection.matches
    return patch.object(Selection, "matches", lambda selection, row: real(replace(selection, statuses=None), row))


@contextmanager
def _deleted_before_the_archive_is_synced() -> Iterator[None]:
    real_add, real_exit = _archive.Archive.add, _archive.Archive.__exit__

    def add(archive: Any, records: Any) -> None:
        with patch.object(os, "fsync"):
            real_add(archive, records)

    def leave(archive: Any, *values: Any) -> None:
        try:
            if archive._file is not None:
                os.fsync(archive._file)
        except OSError:
            pass
        finally:
            real_exit(archive, *values)

    with patch.object(_archive.Archive, "add", add), patch.object(_archive.Archive, "__exit__", leave):
        yield


def _over_is_what_finished() -> Any:
    return patch.object(n8n, "_status", lambda row, _answer: "success" if row["finished"] else "error")


def _not_found_after_a_lost_answer_is_absent() -> Any:
    real = client.N8nClient._read
    return patch.object(client.N8nClient, "_read", lambda self, answer, read: real(self, _forgotten(answer), read))


def _forgotten(answer: Any) -> Any:
    object.__setattr__(answer, "resent", False)
    return answer


BREAKAGES = (
    Breakage("absent on any error", _absent_on_any_error, (Delete, Export)),
    Breakage("absent on any 404", _absent_on_any_404, (Delete,)),
    Breakage("a retry is repeated", _retry_sent_again, (Retry,), 76),
    Breakage("a retry is repeated after a reset", _retry_sent_again_after_a_reset, (Retry,), 59),
    Breakage("redirects are followed", _redirects_followed, (Delete, Export), 34),
    Breakage("the status of rows is not checked again", _rows_not_looked_at_again, (Delete,)),
    Breakage("deleted before the archive is synced", _deleted_before_the_archive_is_synced, (Archive,)),
    Breakage("finished is taken for over", _over_is_what_finished, (Delete, Archive)),
    Breakage("not found after a lost answer is absent", _not_found_after_a_lost_answer_is_absent, (Delete,)),
)
