# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the retry operation against the n8n in memory."""

from __future__ import annotations

import typing as t

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._operations import retry
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, retry_params

# How a chain is gathered: what is live is in lists of its own.
CHAIN = [f"GET /executions?{status}workflowId=w1" for status in ("status=new&", "status=waiting&", "status=running&", "")]


def run(n8n: FakeN8n, check_mode: bool = False, concurrency: int = 1, timeout: float = 30.0, **options: t.Any) -> Result:
    return retry.carry_out(n8n.client(concurrency, timeout), retry.parse(retry_params(**options), NOW), check_mode)


def posts(n8n: FakeN8n) -> list[str]:
    """The ids that n8n was asked to retry, in that order."""
    return [call.split("/")[2] for call in n8n.log if call.startswith("POST")]


def the_chain(result: Result) -> dict[str, t.Any]:
    """What became of the only chain."""
    (chain,) = result.values["chains"]
    return t.cast("dict[str, t.Any]", chain)


def outcomes(result: Result) -> list[tuple[str, str]]:
    return [(chain["execution_id"], chain["outcome"]) for chain in result.values["chains"]]


def lost(n8n: FakeN8n, error: N8nError, carried_out: bool = True) -> t.Callable[[Call], Answer | None]:
    """The answer to the call never comes, whether it was carried out or not."""

    def turn(call: Call) -> Answer | None:
        if carried_out:
            n8n.answer(call)
        raise error

    return turn
