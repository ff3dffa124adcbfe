"""What a client asks for, whichever era reads it, and the numbers as JavaScript reads them."""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import unquote_plus

from tests.simulator.store import Wanted

INVALID_CURSOR = "An invalid cursor was provided"

# The largest row id that SQLite knows; a larger number is nobody's id.
_LARGEST_ID = 2**63 - 1


class Refusal(Exception):
    """An answer other than the one that was asked for."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True)
class ExecutionId:
    """An id in a path: the number that is looked up, and how a message spells it."""

    number: int
    text: str


@dataclass(frozen=True)
class DataOptions:
    include: bool = False
    redact: bool = False
    whatever_size: bool = False


@dataclass(frozen=True)
class ListQuery:
    wanted: Wanted
    data: DataOptions
    limit_in_cursor: Any
    """The limit as the next cursor repeats it."""
    last_id: str | float | None = None
    """What the cursor held; where it ends is known with the executions to be left out."""


@dataclass(frozen=True)
class WorkflowsQuery:
    name: str | None
    active: bool | None
    project_id: str | None
    offset: int
    limit: int


@dataclass(frozen=True)
class StopQuery:
    statuses: tuple[str, ...]
    workflow_id: str | None
    started_after: str | None
    started_before: str | None


class Reader(Protocol):
    """How one era understands requests; every method raises Refusal for one that it does not."""

    missing_key: str
    unknown_key: str

    def execution_id(self, text: str) -> ExecutionId:
        """The id that stands in a path."""

    def executions(self, query: str) -> ListQuery:
        """The query of a list of executions."""

    def execution(self, query: str) -> DataOptions:
        """The query of one execution."""

    def no_options(self, query: str) -> None:
        """A query that has nothing to say."""

    def retry(self, body: Any) -> bool:
        """Whether the workflow is to be loaded again."""

    def stop(self, body: Any) -> StopQuery:
        """Which executions are to be stopped."""

    def tags(self, body: Any) -> list[str]:
        """The ids of the tags to be set."""

    def workflows(self, query: str) -> WorkflowsQuery:
        """The query of a list of workflows."""

    def workflow(self, query: str) -> None:
        """The query of one workflow."""

    def new_workflow(self, body: Any) -> dict[str, Any]:
        """A workflow to be made."""


# What POST /workflows takes, those that it must have first.
WORKFLOW_REQUIRED = ("name", "nodes", "connections", "settings")
WORKFLOW_ALLOWED = frozenset({*WORKFLOW_REQUIRED, "staticData", "pinData", "shared", "meta", "description"})

# What POST /executions/stop calls the statuses that it takes.
STOPPABLE = {"queued": "new", "running": "running", "waiting": "waiting"}


def raw_pairs(query: str) -> list[tuple[str, str]]:
    """The names, decoded, and the values, as they were sent."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote_plus(name), value) for name, _unused, value in pairs]


def values(query: str) -> dict[str, str | list[str]]:
    """The decoded query; a name given twice has a list."""
    found: dict[str, str | list[str]] = {}
    for name, raw in raw_pairs(query):
        value, before = unquote_plus(raw), found.get(name)
        if before is None:
            found[name] = value
        else:
            found[name] = [*(before if isinstance(before, list) else [before]), value]
    return found


def decoded_cursor(cursor: str) -> dict[str, Any] | list[Any]:
    """What a cursor holds, as leniently as Node.js reads base64. Raises Refusal."""
    text = re.sub(r"[^A-Za-z0-9+/]", "", cursor.split("=")[0].replace("-", "+").replace("_", "/"))
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        held = json.loads(base64.b64decode(text + "=" * (-len(text) % 4)).decode(errors="replace"))
    except ValueError:
        raise Refusal(400, INVALID_CURSOR) from None
    if not isinstance(held, (dict, list)):
        raise Refusal(400, INVALID_CURSOR)
    return held


def encoded_cursor(content: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()


_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_RADIX = re.compile(r"0(x[0-9a-f]+|o[0-7]+|b[01]+)", re.IGNORECASE)


def js_number(text: str) -> float | None:
    """JavaScript's Number(text); None for NaN."""
    text = text.strip()
    if not text:
        return 0.0
    if _RADIX.fullmatch(text):
        return float(int(text, 0))
    if _DECIMAL.fullmatch(text):
        return float(text)
    if text in ("Infinity", "+Infinity", "-Infinity"):
        return float(text.lower())
    return None


def js_text(number: float) -> str:
    """JavaScript's String(number)."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e21 else str(number)


def row_below(last_id: str | float, left_out: bool) -> int | None:
    """The id under which a page begins, None where it begins at the top again.

    n8n asks its database in two ways. With executions to leave out, the text goes to SQLite as it is, to which
    every number is below a text that is none; without, it becomes a number first. Raises TypeError for none.
    """
    if not isinstance(last_id, str):
        number: float | None = last_id
    elif left_out:
        number = float(last_id) if _DECIMAL.fullmatch(last_id.strip()) else None
        if number is None:
            return None
    else:
        number = js_number(last_id)
    if number is None:
        raise TypeError("SQLITE_ERROR: no such column: NaN")
    # A fraction is above the whole number under it; beyond what SQLite knows, all rows are below.
    return math.ceil(min(max(number, -1.0), float(2**62)))


def row_id(number: float | int) -> int:
    """The row that a number can name; 0 is nobody's."""
    return int(number) if number == int(number) and 0 < number <= _LARGEST_ID else 0


def js_type(value: Any) -> str:
    """What JavaScript's schema libraries call the type of a JSON value."""
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"
