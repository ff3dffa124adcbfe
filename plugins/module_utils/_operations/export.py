# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write executions to a file."""

from __future__ import annotations

import csv
import io
import itertools
import json
import typing as t
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput, N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._files import WholeFile, check_target
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    Faults,
    Result,
    batches,
    get_each,
    plural,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

FORMATS = ("json", "jsonl", "csv")
_SUFFIXES = {"json": "json", "jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv"}

# What begins a formula; full-width signs count to some spreadsheets too.
_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")

# Executions read ahead: so many are in memory at once. With their data each may be large.
BATCH = 250
BATCH_WITH_DATA = 20

COLUMNS = (
    "id",
    "workflow_id",
    "workflow_name",
    "status",
    "mode",
    "started_at",
    "stopped_at",
    "duration",
    "wait_till",
    "retry_of",
    "retry_success_id",
)


@dataclass(frozen=True)
class ExportRule:
    selection: Selection
    path: str
    form: str
    include_data: bool


def parse(params: t.Mapping[str, t.Any], now: datetime) -> ExportRule:
    """Raises ``InvalidInput``. Without a format the suffix of the path names it."""
    path = params["path"]
    name = path[:-3] if path.endswith(".gz") else path
    form = params["format"] or _SUFFIXES.get(name.rsplit(".", 1)[-1] if "." in name else "")
    if form is None:
        raise InvalidInput(f"format: {path} does not end with .json, .jsonl or .csv, so say which it is to be.")
    if form == "csv" and params["include_data"]:
        raise InvalidInput("include_data: a table has no place for the data of executions; choose the format json or jsonl.")
    check_target("path", path)
    return ExportRule(parse_selection(params, now), path, form, params["include_data"])


def carry_out(client: N8nClient, rule: ExportRule, check_mode: bool) -> Result:
    """Write them all, or leave the file as it is. In check mode all is read and nothing written."""
    selection, names = resolve_workflows(client, rule.selection)
    faults, count, changed = Faults(), 0, False
    absent: list[str] = []
    file = WholeFile(rule.path, check_mode)
    try:
        with file:
            writer = _WRITERS[rule.form](file.write)
            for execution in _executions(client, replace(rule, selection=selection), faults, absent):
                name = execution.workflow_name or names.get(execution.workflow_id or "")
                writer.add(execution._replace(workflow_name=name).record())
                count += 1
            writer.end()
            if not faults.count:
                changed = file.finish()
    except N8nError as error:
        faults.end = faults.end or error
    values: dict[str, t.Any] = {
        "path": rule.path,
        "format": rule.form,
        "count": count,
        "bytes": file.bytes,
        "checksum": file.checksum,
        "not_found": absent,
        "errors": faults.items,
        **faults.fields(),
    }
    verb = "Would write" if check_mode else "Wrote"
    values["msg"] = f"{verb} {plural(count)} to {rule.path}." if changed else f"{rule.path} holds the {plural(count)} already."
    failure = faults.sentence(f"{rule.path} is as it was before.")
    diff = {"before": "", "after": f"{plural(count)}, sha256 {file.checksum}\n" if changed else "", "after_header": rule.path}
    return Result(changed, values, diff=diff, failure=failure)


def _executions(client: N8nClient, rule: ExportRule, faults: Faults, absent: list[str]) -> t.Iterator[Execution]:
    """What the rule means, newest first, a batch of it in memory at a time. An item's fault ends it."""
    selection = rule.selection
    if selection.ids is not None:
        ids: t.Iterable[str] = sorted(selection.ids, key=lambda one: (len(one), one), reverse=True)
    elif rule.include_data:
        listed = itertools.islice(client.executions(selection), selection.limit)
        ids = (execution.id for execution in listed)
    else:
        yield from itertools.islice(client.executions(selection), selection.limit)
        return
    for batch in batches(ids, BATCH_WITH_DATA if rule.include_data else BATCH):
        found, gone = get_each(client, batch, faults, rule.include_data)
        if selection.ids is not None:
            absent.extend(gone)
        if faults.count:
            return
        places = {execution_id: place for place, execution_id in enumerate(batch)}
        yield from sorted(found, key=lambda execution: places.get(execution.id, 0))


class _Lines:
    """A record a line."""

    def __init__(self, write: t.Callable[[str], None]) -> None:
        self._write = write

    def add(self, record: dict[str, t.Any]) -> None:
        self._write(f"{_json(record)}\n")

    def end(self) -> None:
        """There is nothing behind the last line."""


class _Array:
    """One JSON array, a record a line."""

    def __init__(self, write: t.Callable[[str], None]) -> None:
        self._write = write
        self._before = "[\n"

    def add(self, record: dict[str, t.Any]) -> None:
        self._write(f"{self._before}{_json(record)}")
        self._before = ",\n"

    def end(self) -> None:
        self._write("[]\n" if self._before == "[\n" else "\n]\n")


class _Table:
    """A table with a header."""

    def __init__(self, write: t.Callable[[str], None]) -> None:
        self._write = write
        self._row(COLUMNS)

    def add(self, record: dict[str, t.Any]) -> None:
        self._row([defused(record[column]) for column in COLUMNS])

    def end(self) -> None:
        """There is nothing behind the last row."""

    def _row(self, cells: t.Sequence[t.Any]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow(cells)
        self._write(line.getvalue())


_Writer = t.Union[_Array, _Lines, _Table]
_WRITERS: dict[str, t.Callable[[t.Callable[[str], None]], _Writer]] = {"json": _Array, "jsonl": _Lines, "csv": _Table}


def _json(record: dict[str, t.Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def defused(cell: t.Any) -> t.Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers are what they are."""
    if not isinstance(cell, str):
        return cell
    if cell.startswith(("\t", "\r", "\n")) or cell.lstrip()[:1] in _FORMULA:
        return f"'{cell}"
    return cell
