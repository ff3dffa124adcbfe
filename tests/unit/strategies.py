# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Arbitrary executions, rows and selections for properties."""

from __future__ import annotations

from ansible_collections.flowops.n8n.plugins.module_utils._execution import MODES, STATUSES, Execution, parse_span
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Row, moment, row
from hypothesis import strategies as st

HOURS = st.integers(-48, 24)
WORKFLOWS = ("w1", "w2", "w3")


@st.composite
def executions(draw: st.DrawFn) -> Execution:
    start = draw(st.none() | HOURS)
    stop = draw(st.none() | st.integers(start if start is not None else -48, 24))
    return Execution(
        id=str(draw(st.integers(1, 99))),
        workflow_id=draw(st.sampled_from((*WORKFLOWS, None))),
        status=draw(st.sampled_from(STATUSES)),
        mode=draw(st.sampled_from((*MODES, None))),
        started_at=None if start is None else moment(start),
        stopped_at=None if stop is None else moment(stop),
    )


@st.composite
def selections(draw: st.DrawFn) -> Selection:
    """By filters."""
    words = st.lists(st.sampled_from(WORKFLOWS), min_size=1, max_size=2, unique=True).map(tuple)
    times = st.none() | HOURS.map(moment)
    return Selection(
        now=NOW,
        workflows=draw(st.none() | words),
        exclude_workflows=draw(st.just(()) | words),
        statuses=draw(st.none() | st.frozensets(st.sampled_from(STATUSES), min_size=1)),
        modes=draw(st.none() | st.frozensets(st.sampled_from(("webhook", "trigger")), min_size=1)),
        started_after=draw(times),
        started_before=draw(times),
        ended_before=draw(times),
        min_duration=draw(st.none() | st.sampled_from(("1h", "5h", "1d")).map(parse_span)),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Rows of an instance; one that was ended while it was queued has an end and no start."""
    rows = []
    for number in range(1, draw(st.integers(0, 16)) + 1):
        status = draw(st.sampled_from(STATUSES))
        start = draw(st.just(None) | HOURS) if status in ("canceled", "crashed") else draw(HOURS)
        stop = draw(st.integers(-48 if start is None else start, 24))
        workflow, mode = draw(st.sampled_from(WORKFLOWS)), draw(st.sampled_from(("webhook", "trigger", "retry")))
        rows.append(row(number, status, workflow=workflow, start=start, stop=stop, mode=mode))
    return rows
