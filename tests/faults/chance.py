"""What goes wrong on the way, by chance."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from random import Random
from unittest.mock import patch

from tests.simulator.faults import Fault, Kind

# Nothing may ever be asked for here: a redirect leads to it.
TRAP = "/trap"
# A client of these trials waits so long for an answer (seconds).
TIMEOUT = 0.3

_KINDS: tuple[Kind, ...] = ("refuse", "reset", "reset", "stall", "slow", "cut", "truncate", "answer")
# An answer of something else comes in many forms.
_WEIGHTS = (1, 1, 1, 1, 1, 1, 1, 4)
# The calls that are met, by method and path; ``WRITE`` stands for those by which a verb acts.
WRITE = ("write", "*")
_CALLS = (WRITE, WRITE, WRITE, ("*", "*"), ("GET", "/api/v1/executions"), ("GET", "/api/v1/executions/*"))


def faults(chance: Random, write: str) -> list[Fault]:
    """Some faults, each for calls of one kind, ``write`` being the method by which is acted; now and then a storm of one."""
    calls = chance.choices(_CALLS, k=chance.choice((1, 1, 2, 3, 5)))
    return [_fault(chance, write if method == "write" else method, path) for method, path in calls]


def _fault(chance: Random, method: str, path: str) -> Fault:
    (kind,) = chance.choices(_KINDS, _WEIGHTS)
    # A storm of stalls only takes its time.
    times = chance.choice((1, 1, 2, 3, 5, 2 if kind == "stall" else 40))
    fault = Fault(
        kind,
        method,
        path,
        times=times,
        skip=chance.choice((0, 0, 0, 1, 2, 5)),
        after_acting=kind in ("reset", "stall", "answer", "refuse") and chance.random() < 0.5,
        seconds=_seconds(chance, kind, times),
    )
    if kind == "answer":
        fault.status, fault.body, fault.headers = _answer(chance)
        # What is refused, or never reached n8n, has not been done; of the rest nobody knows.
        fault.after_acting = fault.after_acting and (fault.status >= 500 or fault.status < 400)
    return fault


def _seconds(chance: Random, kind: Kind, times: int) -> float:
    if kind == "refuse":
        return chance.choice((0.02, 0.2))
    if kind == "stall":
        return 2 * TIMEOUT
    # Each pause of a slow body is a tenth of it.
    return chance.choice((0.02, 2 * TIMEOUT)) if kind == "slow" and times < 10 else 0.02


def _answer(chance: Random) -> tuple[int, str, dict[str, str]]:
    page, html = "<html><body>Gateway</body></html>", {"content-type": "text/html"}
    status = chance.choice((200, 204, 302, 307, 401, 404, 404, 404, 429, 429, 500, 502, 503, 504))
    if status in (302, 307):
        return status, "", {"location": TRAP}
    if status == 204:
        return status, "", {}
    if status == 404 and chance.random() < 0.7:
        return status, '{"message":"not found"}', {"content-type": "application/json"}
    if status == 401:
        return status, '{"message":"unauthorized"}', {"content-type": "application/json"}
    if status in (429, 503):
        now = datetime.now(timezone.utc)
        after = chance.choice((None, "0", "1", "soon", format_datetime(now + timedelta(seconds=1), usegmt=True)))
        own = status == 429 and chance.random() < 0.5
        body, headers = ('{"message":"Too many requests"}', {"content-type": "application/json"}) if own else (page, html)
        return status, body, headers if after is None else {**headers, "retry-after": after}
    if status == 500 and chance.random() < 0.5:
        return status, '{"message":"Internal server error"}', {"content-type": "application/json"}
    return status, page, html


@contextmanager
def full_disk(after: int, injected: Counter[str]) -> Iterator[None]:
    """From so many syncs on the disk has no room, and what was not synced is lost."""
    real, kept, left = os.fsync, dict[int, int](), [after]

    def fsync(file: int) -> None:
        if left[0] == 0:
            injected["full disk"] += 1
            os.ftruncate(file, kept.get(os.fstat(file).st_ino, 0))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= 1
        real(file)
        kept[os.fstat(file).st_ino] = os.fstat(file).st_size

    with patch.object(os, "fsync", fsync):
        yield
