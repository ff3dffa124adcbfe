#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at executions of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_info
short_description: Look at executions of n8n
version_added: 1.0.0
description:
  - Lists executions of the workflows of an n8n instance, or reads single ones.
  - Executions that are running, waiting or new are found too, which takes lists of their own.
author:
  - flowops.n8n contributors (@flowops)
extends_documentation_fragment:
  - flowops.n8n._attributes
  - flowops.n8n._attributes.action_group
  - flowops.n8n._attributes.info_module
  - flowops.n8n._connection
  - flowops.n8n._selection
options:
  include_data:
    description:
      - Whether the data of the executions is returned as well. It can be large, and is written by whoever the
        workflows work for. Each execution then takes a request of its own.
      - Needs the scope C(execution:read).
    type: bool
    default: false
  sort_by:
    description:
      - What the executions are ordered by; those that are equal, by their id.
      - Any other order than the newest id first makes the module read all that is selected before O(limit) applies.
    type: str
    choices: [started_at, duration, status, id]
    default: id
  order:
    description:
      - Whether the largest or the smallest comes first.
    type: str
    choices: [asc, desc]
    default: desc
  limit:
    description:
      - At most this many executions; O(sort_by) applies before it.
      - V(0), or more than 10,000, means 10,000. Executions named by O(execution_id) are never cut.
    type: int
    default: 100
seealso:
  - module: flowops.n8n.n8n_execution_delete
  - module: flowops.n8n.n8n_execution_retry
"""

EXAMPLES = r"""
- name: Look at the failures of the last day
  flowops.n8n.n8n_execution_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    status: [error, crashed]
    newer_than: 1d
  register: failures

- name: Find the ten slowest executions of a workflow
  flowops.n8n.n8n_execution_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    workflow: Nightly import
    sort_by: duration
    limit: 10

- name: Read one execution with its data
  flowops.n8n.n8n_execution_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    execution_id: "1234"
    include_data: true
"""

RETURN = r"""
executions:
  description: The executions, in the order asked for.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Id of the execution, always text.
      type: str
      sample: "1234"
    workflow_id:
      description: Id of its workflow.
      type: str
      sample: 6FB4pk3SAhf9riN4
    workflow_name:
      description: Name of its workflow, where it came to be known; n8n's list does not tell it.
      type: str
      sample: Nightly import
    status:
      description:
        - V(canceled), V(crashed), V(error), V(new), V(running), V(success), V(unknown) or V(waiting).
        - This alone tells whether it is over.
      type: str
      sample: error
    mode:
      description: How it was started.
      type: str
      sample: trigger
    started_at:
      description: Start, ISO 8601 in UTC; V(null) while it is queued.
      type: str
      sample: "2026-11-01T03:00:00.123Z"
    stopped_at:
      description: End, ISO 8601 in UTC. For an execution that waits, when it began to; V(null) while it runs or is queued.
      type: str
      sample: "2026-11-01T03:00:04.456Z"
    duration:
      description: Seconds from start to end; V(null) while it is not over.
      type: float
      sample: 4.333
    wait_till:
      description: Until when a waiting execution waits, ISO 8601 in UTC.
      type: str
      sample: null
    retry_of:
      description: Id of the execution that this one is a retry of.
      type: str
      sample: null
    retry_success_id:
      description: Id of the retry that succeeded, if n8n has noted one.
      type: str
      sample: null
    created_at:
      description: When it was created, ISO 8601 as the server sent it; told for single executions only.
      type: str
      sample: "2026-11-01T03:00:00.100Z"
    deleted_at:
      description: When it was marked for deletion, as the server sent it; told for single executions only.
      type: str
      sample: null
    stored_at:
      description: Where its data is stored, as the server sent it; some n8n 2.x, single executions only.
      type: str
      sample: db
    json_size_bytes:
      description: Size of its data in bytes; some n8n 2.x, single executions only.
      type: int
      sample: 2048
    binary_data_size_bytes:
      description: Size of its binary data in bytes; some n8n 2.x, single executions only.
      type: int
      sample: 0
    workflow_version_id:
      description: Version of the workflow that ran; some n8n 2.x, single executions only.
      type: str
      sample: null
    custom_data:
      description: What the workflow noted about the execution; only with its data.
      type: dict
      sample: {}
    data_too_large:
      description: Whether n8n left the data out since it is too large to be shown; n8n 2.28 and newer.
      type: bool
      sample: false
    data:
      description: Its data, exactly as the server sent it; only with O(include_data=true).
      type: dict
      sample: {}
count:
  description: How many executions are returned.
  type: int
  returned: success
  sample: 1
truncated:
  description: Whether more executions are selected than are returned.
  type: bool
  returned: success
  sample: false
not_found:
  description: Those of O(execution_id) that are not there or not visible to this key.
  type: list
  elements: str
  returned: success
  sample: []
errors:
  description:
    - What went wrong with single executions, each with its C(id), the message C(msg) and the facts of the call.
    - One of them does not end the run; it fails after the rest is done. At most 1,000 are listed.
  type: list
  elements: dict
  returned: always
  sample: []
status:
  description: HTTP status of the answer that made the run fail.
  type: int
  returned: when the run failed with an answer
  sample: 403
method:
  description: Method of the call that made the run fail.
  type: str
  returned: when the run failed at a call
  sample: GET
url:
  description: Address of the call that made the run fail, never with a key.
  type: str
  returned: when the run failed at a call
  sample: https://n8n.example.com/api/v1/executions
api_message:
  description: What the server itself said.
  type: str
  returned: when the run failed with an answer
  sample: Forbidden
retryable:
  description: Whether the same run may succeed later without a change.
  type: bool
  returned: when the run failed
  sample: false
"""

from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION, ArgumentSpec, run
from ansible_collections.flowops.n8n.plugins.module_utils._operations import info


def main() -> None:
    options = ArgumentSpec(
        {
            "include_data": {"type": "bool", "default": False},
            "sort_by": {"type": "str", "default": "id", "choices": ["started_at", "duration", "status", "id"]},
            "order": {"type": "str", "default": "desc", "choices": ["asc", "desc"]},
            "limit": {"type": "int", "default": 100},
        }
    )
    run(info, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
