# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop a live execution, and see that it is over."""

from __future__ import annotations

import time

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError, NoSuchRoute, NotFound
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# A worker of a queue may take a moment to let go, and may finish with success all the same.
PATIENCE = 10.0
# Where n8n refused, this is only for an end that came at the same moment.
PATIENCE_REFUSED = 1.0
POLL = 0.25


class NotStopped(N8nError):
    """It was asked to stop and has not."""


def stop_and_verify(client: N8nClient, execution: Execution, stopped: list[str]) -> Execution:
    """The execution as it is once it is over. Raises ``NotStopped``, or ``NotFound`` if it is gone altogether.

    Its id is noted in ``stopped`` as soon as n8n has accepted, whatever comes of it.

    n8n refuses to stop what is over in three different ways, by version, so its
    refusal is not read: the execution is.
    """
    refusal: N8nError | None = None
    try:
        client.stop(execution.id)
        stopped.append(execution.id)
    except (NotFound, NoSuchRoute):
        raise
    except N8nError as error:
        if error.condemns_all:
            raise
        refusal = error
    deadline = time.monotonic() + (PATIENCE if refusal is None else PATIENCE_REFUSED)
    while True:
        now = client.get(execution.id)
        if not now.is_live:
            return now
        if time.monotonic() >= deadline:
            said = f" n8n said: {refusal}" if refusal else ""
            raise NotStopped(
                f"execution {execution.id} is still {now.status} after it was asked to stop.{said}",
                status=refusal.status if refusal else None,
                api_message=refusal.api_message if refusal else None,
            )
        time.sleep(POLL)
