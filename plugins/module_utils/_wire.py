# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes over the wire: a call that a dialect builds, and the answer that it reads. No I/O."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import AnswerTooDeep, NotAnN8nAnswer
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution

# A server's own words are quoted up to this many characters.
QUOTE = 300
# Levels of JSON in an answer. Python itself gives up at some nine hundred.
DEEPEST = 500


@dataclass(frozen=True)
class Call:
    """One request, before the origin and the key are added to it.

    ``repeatable`` says whether sending it twice is harmless. One that is not goes out
    once, on a connection of its own. ``scope`` is the API key scope that n8n wants for it.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: t.Any = None
    repeatable: bool = True
    scope: str | None = None
    max_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """A whole answer. ``resent`` tells that an earlier sending of the same call may have been carried out."""

    call: Call
    url: str
    status: int
    headers: t.Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    resent: bool = False

    def facts(self, api_message: str | None = None) -> dict[str, t.Any]:
        """The keyword arguments that place an error at this answer."""
        return {"status": self.status, "method": self.call.method, "url": self.url, "api_message": api_message}

    def json(self) -> t.Any:
        """The body as JSON, or ``None`` where it is none, or nests deeper than ``DEEPEST``."""
        return self._parsed()[0]

    def _parsed(self) -> tuple[t.Any, bool]:
        """The body as JSON, and whether it was too deep to be that."""
        try:
            value = json.loads(self.content)
        except RecursionError:
            return None, True
        except ValueError:
            return None, False
        # What could only just be read may be too deep to be written again. Few brackets, as in a list, need no look.
        may_be_deep = self.content.count(b"{") + self.content.count(b"[") > DEEPEST
        return (None, True) if may_be_deep and nests_deeper(value, DEEPEST) else (value, False)

    def text(self) -> str:
        """The beginning of the body, on one line."""
        return " ".join(self.content[: 4 * QUOTE].decode("utf-8", "replace").split())[:QUOTE]

    def foreign(self, expected: str) -> NotAnN8nAnswer | AnswerTooDeep:
        """The error for an answer that is not n8n's, saying what it looks like and what to do."""
        where = f"{self.call.method} {self.url}"
        value, too_deep = self._parsed()
        if too_deep:
            return AnswerTooDeep(
                f"{where} answered with JSON that nests deeper than {DEEPEST} levels, which is not read. An execution with such "
                "data can be looked at and deleted without it.",
                **self.facts(),
            )
        location = self.headers.get("Location")
        content_type = self.headers.get("Content-Type", "")
        if 300 <= self.status < 400:
            said = f"answered with a redirect ({self.status}) to {location or 'nowhere'}; redirects are not followed"
            advice = "Give the final address as url, and let access proxies pass the API through (see headers)."
        elif self.status == 204 or not self.content:
            said = f"answered with an empty body ({self.status})"
            advice = "Look at the proxy in front of it, and at headers: n8n answers so to a User-Agent that contains 'bot'."
        elif "html" in content_type or self.content.lstrip()[:1] == b"<":
            said = f"answered with a web page ({self.status}), not with n8n's API"
            advice = (
                "Check url and api_path, that the public API is switched on (N8N_PUBLIC_API_DISABLED), "
                "that no login page stands in front of it, and that the server has finished starting."
            )
        elif value is None:
            said = f"answered with something that is not whole JSON ({self.status}, {len(self.content)} bytes)"
            advice = "The answer was cut off or is not n8n's; look at the proxy in front of it."
        else:
            said = f"answered with JSON ({self.status}) that is not {expected}"
            advice = "Check that url and api_path lead to n8n's public API."
        return NotAnN8nAnswer(f"{where} {said}. {advice}", **self.facts(self.text() or None))


def nests_deeper(value: t.Any, levels: int) -> bool:
    """Whether lists and dictionaries stand in each other more than so many levels deep. Needs no deep stack itself."""
    layer = [value]
    for _level in range(levels):
        inner = [one.values() if isinstance(one, dict) else one for one in layer if isinstance(one, (dict, list))]
        layer = [one for several in inner for one in several if isinstance(one, (dict, list))]
        if not layer:
            return False
    return True


@dataclass(frozen=True)
class Query:
    """One list of executions as a server can filter it; ``None`` leaves a filter out. Newest first.

    ``status`` and ``mode`` are in the server's own words.
    """

    workflow: str | None = None
    status: str | None = None
    mode: str | None = None
    project: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None


@dataclass(frozen=True)
class StopQuery:
    """The live executions that one call stops: those with these statuses, and ``None`` leaves a filter out."""

    statuses: tuple[str, ...]
    workflow: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None


@dataclass(frozen=True)
class Page:
    """A page of a list, newest first; ``cursor`` leads to the next one, ``None`` at the end."""

    executions: tuple[Execution, ...]
    cursor: str | None
