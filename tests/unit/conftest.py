# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every unit test has: a clock that nobody waits for."""

from __future__ import annotations

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _transport, client
from ansible_collections.flowops.n8n.plugins.module_utils._operations import (
    attempt,
    deletable,
    delete,
    deleted,
    retry,
    stop,
    wait,
)
from ansible_collections.flowops.n8n.tests.unit.rows import Clock
from ansible_collections.flowops.n8n.tests.unit.running import Runner
from hypothesis import settings

# The same examples on every machine: a test that fails must fail again. Times of shared machines say nothing.
settings.register_profile("unit", derandomize=True, deadline=None, max_examples=100, database=None)
settings.load_profile("unit")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all rooms that know the time."""
    clock = Clock()
    for room in (_transport, attempt, client, deletable, delete, deleted, retry, stop, wait):
        monkeypatch.setattr(room, "time", clock)
    return clock


@pytest.fixture
def run_module(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(capfd, monkeypatch)
