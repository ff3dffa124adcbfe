# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What verbs share that are about live executions alone."""

from __future__ import annotations

from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput
from ansible_collections.flowops.n8n.plugins.module_utils._execution import LIVE
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

UNLISTED = (
    "This n8n is older than 2.13 and lists no new or waiting executions while it holds them in memory, so some may be "
    "missing. Each can be named by its execution_id."
)


def only_live(selection: Selection, verb: str) -> Selection:
    """The same for what is live. Raises ``InvalidInput`` where it asks for what is over."""
    if selection.ids is not None:
        return selection
    over = sorted((selection.statuses or LIVE) - LIVE)
    if over:
        raise InvalidInput(
            f"status: what is {' or '.join(over)} is over, and there is nothing to {verb}. Only new, running and waiting are not."
        )
    if selection.ended_before is not None:
        raise InvalidInput(
            f"older_than goes by the end, so it never matches what there is to {verb}. "
            "Select by the start with started_before, or by min_duration."
        )
    return selection.with_statuses(selection.live_statuses)


def warn_of_unlisted(client: N8nClient, selection: Selection) -> list[str]:
    """The warning that a list may have left out what waits. It is known once something was listed."""
    asked = selection.statuses or frozenset()
    if selection.ids is None and asked & {"new", "waiting"} and not client.lists_what_waits():
        return [UNLISTED]
    return []
