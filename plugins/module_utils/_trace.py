# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an execution's data tells of its run, in the words of the field. No I/O.

The data is written by strangers: a value may have any type, so the readers here
answer ``None`` for what cannot be read and never raise.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

# Characters of a message or a description that are kept; of a name, a type or a code fewer.
LONGEST_TEXT = 2000
LONGEST_NAME = 200

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# No year in a time that can be written reaches further.
_MOST_MILLISECONDS = 253_402_300_799_999


@dataclass(frozen=True)
class NodeError:
    """An error as its node told it.

    ``codes`` are HTTP statuses and names such as ECONNREFUSED, those of the error itself before those of its causes.
    ``hints`` are more texts about it, which n8n's own sentence has replaced. ``recovers`` is what the node itself
    declares about whether waiting helps (n8n 2.41), ``None`` where it does not.
    """

    type: str | None = None
    message: str | None = None
    description: str | None = None
    codes: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    node: str | None = None
    recovers: bool | None = None


@dataclass(frozen=True)
class NodeRun:
    """One run of one node; ``duration`` is in seconds."""

    name: str
    type: str | None = None
    started_at: datetime | None = None
    duration: float | None = None
    status: str | None = None
    error: NodeError | None = None


@dataclass(frozen=True)
class Trace:
    """The runs of all nodes in the order in which they were begun, and the error that ended the execution.

    ``missing`` says what the server has left out of the data, in a few words.
    """

    runs: tuple[NodeRun, ...] = ()
    error: NodeError | None = None
    last_node: str | None = None
    node_types: tuple[tuple[str, str], ...] = ()
    missing: str | None = None

    def type_of(self, name: str | None) -> str | None:
        """The type of a node, ``None`` where nothing tells it."""
        told = (kind for known, kind in self.node_types if known == name)
        return next(told, None) or next((run.type for run in self.runs if run.name == name and run.type), None)


def mapping(value: t.Any) -> t.Mapping[str, t.Any]:
    """The object that this is, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: t.Any) -> t.Sequence[t.Any]:
    """The list that this is, an empty one for anything else."""
    return value if isinstance(value, list) else ()


def text(value: t.Any, most: int = LONGEST_TEXT) -> str | None:
    """What was written, cut; a number as its digits. ``None`` for anything else and for what is empty."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        # Python refuses to write out numbers of more digits.
        return str(value) if -(10**18) < value < 10**18 else None
    if isinstance(value, float):
        return str(value) if math.isfinite(value) else None
    if not isinstance(value, str):
        return None
    # Half of a pair of surrogates can be neither written to a file nor sent.
    whole = value[:most].encode("utf-8", "replace").decode()
    shortened = whole if len(value) <= most else whole[: most - 1] + "…"
    return shortened if shortened.strip() else None


def name(value: t.Any) -> str | None:
    """The same for a name, a type or a code."""
    return text(value, LONGEST_NAME)


def milliseconds(value: t.Any) -> float | None:
    """A span or a moment in milliseconds, none that is negative or beyond the calendar."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value <= _MOST_MILLISECONDS else None


def moment(value: t.Any) -> datetime | None:
    """The time of so many milliseconds since 1970."""
    since = milliseconds(value)
    return None if since is None else _EPOCH + timedelta(milliseconds=since)


def seconds(value: t.Any) -> float | None:
    """A span in milliseconds, as seconds."""
    span = milliseconds(value)
    return None if span is None else span / 1000
