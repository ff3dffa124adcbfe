# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report: what was read from instances, put in order and drawn by the templates beside this file. No I/O but their reading.

Nothing in it depends on the moment it is made, so that the same data makes the same report.
"""

from __future__ import annotations

import functools
import math
import re
import typing as t
import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from ansible_collections.flowops.n8n.plugins.module_utils._execution import format_time, parse_time
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

FORMATS = ("html", "markdown")
# Rows of a table, and characters of a message, that a person reads.
MOST_ROWS = 10
MOST_CHARACTERS = 300

_STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
# What means something in the midst of a line of Markdown, in one dialect or another. A backslash takes that away; before
# anything else it would only make the text harder to read where nobody renders it.
_MARKDOWN = re.compile(r"([\\`*_\[\]{}<>&|~!#$@^=:]|(?<=www)\.)", re.IGNORECASE)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def render(instances: t.Any, form: str) -> str:
    """The report as ``html`` or ``markdown``. Raises ``ValueError`` for what is no list of instances."""
    if not isinstance(instances, (list, tuple)):
        raise ValueError("a list of instances is wanted")
    views = [_view(number, one) for number, one in enumerate(instances, start=1)]
    return _template(form).render(instances=views, several=len(views) > 1)


@functools.cache
def _template(form: str) -> Template:
    """Compiled once, which takes longer than to fill it in."""
    html = form == "html"
    # What is put into a page is escaped by the template engine, wherever it stands.
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=html,  # noqa: S701 - Markdown is no page; its own filter escapes it.
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = printable if html else markdown
    environment.filters.update(text=text, percent=percent, share=share, seconds=seconds, count=count, moment=moment)
    return environment.get_template(f"_report.{form}.j2")


def printable(value: t.Any) -> str:
    """Text without what moves or hides other text: control characters, and those that turn the direction of writing."""
    text = " ".join(str(value).split())
    shown = "".join("\ufffd" if unicodedata.category(one) in ("Cc", "Cf", "Cs") else one for one in text)
    return shown if len(shown) <= MOST_CHARACTERS else shown[: MOST_CHARACTERS - 1] + "…"


def markdown(value: t.Any) -> str:
    """Text that Markdown shows as it is, in the cell of a table too."""
    return _MARKDOWN.sub(r"\\\1", printable(value))


def percent(rate: float | None) -> str:
    if rate is None:
        return "-"
    # One failure among thousands is not none.
    return f"{100 * rate if rate == 1 else min(100 * rate, 99.9):.1f} %"


def share(part: float) -> str:
    return f"{100 * part:.0f} %"


def moment(time: str) -> str:
    """A time as the modules write it, to the minute; it is UTC."""
    return parse_time(time).strftime("%Y-%m-%d %H:%M")


def count(number: float) -> str:
    return f"{number:,}"


def seconds(duration: float | None) -> str:
    if duration is None:
        return "-"
    if duration < 0.9995:
        return f"{1000 * duration:.0f} ms"
    if duration < 120:
        return f"{duration:.1f} s"
    return f"{duration / 60:.1f} min" if duration < 7200 else f"{duration / 3600:.1f} h"


def _view(number: int, instance: t.Any) -> dict[str, t.Any]:
    """What the templates ask for of one instance."""
    if not isinstance(instance, Mapping) or "name" not in instance:
        raise ValueError(f"instance {number} has no name")
    view: dict[str, t.Any] = {"number": number, "name": instance["name"], "error": instance.get("error")}
    if view["error"] is not None:
        return view
    if not isinstance(instance.get("statistics"), Mapping) or not isinstance(instance.get("window"), Mapping):
        raise ValueError(f"instance {number} has neither an error nor statistics and their window")
    statistics, window = instance["statistics"], instance["window"]
    base = _base(instance.get("url"))
    errors = _errors(instance.get("failures") or [])
    # The statistics tell no name, executions of a workflow that was looked up do.
    told = [*(instance.get("failures") or []), *(instance.get("slowest") or [])]
    names = {one.get("workflow_id"): one.get("workflow_name") for one in told}
    rows = [_workflow(one, base, errors, names) for one in statistics["workflows"]]
    buckets = _buckets(statistics, window)
    results = list(instance.get("cleanup") or [])
    view.update(
        link=base,
        statistics=statistics,
        begins=window.get("started_after") or statistics["first_started_at"],
        ends=statistics["last_started_at"],
        complete=window.get("complete", True),
        buckets=buckets,
        most=_even(max((one["total"] for one in buckets), default=0)),
        longest=max((one["mean"] or 0.0 for one in buckets), default=0.0),
        floor=_floor(one["rate"] for one in buckets if one["rate"] is not None),
        failing=[row for row in rows if row["failed"]][:MOST_ROWS],
        slowest=sorted((row for row in rows if row["mean"] is not None), key=lambda row: -row["mean"])[:MOST_ROWS],
        cleanup=_cleanup(results) if results else None,
    )
    return view


def _workflow(
    workflow: Mapping[str, t.Any],
    base: str | None,
    errors: Mapping[str, dict[str, t.Any]],
    names: Mapping[str | None, str | None],
) -> dict[str, t.Any]:
    workflow_id = workflow["workflow_id"] or ""
    page = f"{base}/workflow/{quote(workflow_id, safe='')}" if base and workflow_id else None
    failed_id = workflow["last_failed_id"]
    return {
        **workflow,
        "title": workflow["workflow_name"] or names.get(workflow_id) or workflow_id or "unknown",
        "link": page,
        "last_link": f"{page}/executions/{quote(failed_id, safe='')}" if page and failed_id else None,
        "error": errors.get(workflow_id),
    }


def _errors(failures: t.Iterable[Mapping[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """The commonest error of each workflow, of the failures that were looked at."""
    seen: dict[str, Counter[tuple[str, str]]] = {}
    for failure in failures:
        digest = failure.get("digest") or {}
        message = digest.get("message")
        if message:
            found = (str(message), str(digest.get("failing_node") or ""))
            seen.setdefault(failure.get("workflow_id") or "", Counter())[found] += 1
    errors = {}
    for workflow_id, counter in seen.items():
        (message, node), times = min(counter.items(), key=lambda item: (-item[1], item[0]))
        errors[workflow_id] = {"message": message, "node": node, "times": times, "of": sum(counter.values())}
    return errors


def _buckets(statistics: Mapping[str, t.Any], window: Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """The spans of time in order, those without an execution too."""
    told = {one["start"]: one for one in statistics["buckets"]}
    if not told:
        return []
    step = _STEPS[statistics["granularity"]]
    start, last = parse_time(min(told)), parse_time(max(told))
    begins = window.get("started_after")
    while begins is not None and start - step >= parse_time(begins):
        start -= step
    spans: list[dict[str, t.Any]] = []
    while start <= last:
        one = told.get(format_time(start) or "", {"total": 0, "succeeded": 0, "failed": 0, "mean": None})
        over = one["succeeded"] + one["failed"]
        rate = one["succeeded"] / over if over else None
        known = {"start": start, "place": len(spans), "label": _label(start, step), "tick": None}
        spans.append({**one, **known, "rate": rate, "other": one["total"] - over})
        start += step
    # Half a day, or a fifth of all; the last one only where it has the room.
    apart = 12 if step < timedelta(days=1) else math.ceil(len(spans) / 5)
    for span in spans[: max(len(spans) - apart // 2, 1) : apart]:
        span["tick"] = _tick(span["start"])
    return spans


def _label(start: datetime, step: timedelta) -> str:
    return start.strftime("%Y-%m-%d %H:%M" if step < timedelta(days=1) else "%Y-%m-%d")


def _tick(start: datetime) -> str:
    """What is short enough for the axis on a phone. The months are named here, since Ansible's would follow its locale."""
    return f"{_MONTHS[start.month - 1]} {start.day}" if start.hour == 0 else start.strftime("%H:%M")


def _even(number: int) -> int:
    """The next number whose half is a whole one, for the middle of an axis."""
    return number + number % 2


def _floor(rates: t.Iterable[float]) -> float:
    """The tenth below the lowest rate, where its axis begins: most of them lie close to 1."""
    return min(int(10 * min(rates, default=0.0)), 9) / 10


def _cleanup(results: t.Iterable[Mapping[str, t.Any]]) -> dict[str, t.Any]:
    by_status: Counter[str] = Counter()
    deleted = 0
    for result in results:
        deleted += result["deleted"]
        by_status.update(result["by_status"])
    return {"deleted": deleted, "by_status": dict(sorted(by_status.items()))}


def _base(url: t.Any) -> str | None:
    """Where n8n is opened in a browser: nothing but http and https, without a user, a query or the path of the API."""
    parts = urlsplit(str(url or "").strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    host = parts.netloc.rpartition("@")[2]
    path = re.sub(r"/api/v[0-9]+(/executions)?/*$", "", parts.path).rstrip("/")
    return f"{parts.scheme}://{quote(host, safe='[]:')}{quote(path, safe='/%')}"
