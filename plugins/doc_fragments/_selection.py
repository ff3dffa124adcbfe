# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options by which every module that handles executions selects them."""

from __future__ import annotations


class ModuleDocFragment:
    """Held together with the argument spec SELECTION in module_utils/_module.py by a test."""

    DOCUMENTATION = r"""
options:
  execution_id:
    description:
      - Exactly these executions. It excludes the filters, and is never cut by O(limit).
      - An empty list selects nothing.
    type: list
    elements: str
    aliases: [id]
  workflow:
    description:
      - Executions of these workflows, by id or exact name.
      - Names are looked up, which needs the scope C(workflow:list); one that is unknown, or that several workflows have,
        is an error.
      - What may be an id is checked, which needs the scope C(workflow:read). A key without it has what looks like an id of
        n8n's taken as one.
    type: list
    elements: str
  exclude_workflow:
    description:
      - Not the executions of these workflows, by id or exact name.
    type: list
    elements: str
  project:
    description:
      - Executions of the workflows of this project, by its id.
    type: str
  status:
    description:
      - Executions with one of these statuses.
      - V(new), V(running) and V(waiting) are not over. n8n 1.x cannot list those that are V(new) while it holds them in memory.
    type: list
    elements: str
    choices: [canceled, crashed, error, new, running, success, unknown, waiting]
  mode:
    description:
      - Executions that were started in one of these ways.
    type: list
    elements: str
    choices: [cli, error, integrated, internal, manual, retry, trigger, webhook, evaluation, chat, agent]
  started_after:
    description:
      - Executions that started at this time or later, in ISO 8601 with a zone, such as V(2026-11-01T00:00:00Z).
    type: str
  started_before:
    description:
      - Executions that started at this time or earlier, in ISO 8601 with a zone.
    type: str
  older_than:
    description:
      - Executions that B(ended) at least this long ago, such as V(30d), V(12h), V(2w), V(1d12h) or V(90s); the unit is required.
      - n8n's own pruning counts in the same way. What has not ended never matches.
    type: str
  newer_than:
    description:
      - Executions that B(started) within this time, such as V(12h).
    type: str
  min_duration:
    description:
      - Executions that ran at least this long, such as V(90s). For one that is not over, the time since its start counts.
    type: str
  limit:
    description:
      - At most this many executions, 1 or more. Without it there is no limit.
      - What is examined and passed over does not count. The oldest are acted on first.
    type: int
notes:
  - All filters must be met by an execution that is selected. Each execution is checked against them by its own fields,
    whatever the server's filters do.
  - n8n 2.37 and newer do not show executions that were canceled or crashed before they had started, while the start is
    filtered by. O(older_than) does that there, as O(started_after), O(started_before) and O(newer_than) do. Select such by
    O(status) alone. P(flowops.n8n.n8n_execution_delete#module) sees them with O(older_than), too, since it
    does not let n8n filter.
  - n8n 1.x gives an execution that goes on after it has waited a new start. One that waited for more than a day may be missed by
    O(started_after) and O(newer_than) there.
"""
