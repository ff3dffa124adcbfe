#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait for executions of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_wait
short_description: Wait until executions of n8n are over
version_added: 1.0.0
description:
  - Waits for the executions that are selected when it starts, until each is over or has a status that is waited for. What
    begins later is not waited for.
  - It fails with what is still open when the time is up. Nothing is stopped; see M(flowops.n8n.n8n_execution_stop).
  - How the executions ended does not make it fail, unless O(for_status) says how they are to end.
author:
  - flowops.n8n contributors (@flowops)
extends_documentation_fragment:
  - flowops.n8n._attributes
  - flowops.n8n._attributes.action_group
  - flowops.n8n._connection
  - flowops.n8n._selection
attributes:
  check_mode:
    support: full
    details:
      - Looks once and tells what is open, without waiting for it and without failing for it.
  diff_mode:
    support: N/A
    details:
      - It changes nothing.
  idempotent:
    support: full
    details:
      - It changes nothing.
options:
  status:
    description:
      - Executions with one of these statuses at the start; without it, those that are new, running or waiting.
      - There must be a selection. V([new, running, waiting]) here is the one that means whatever is not over.
      - What is over is not waited for, so its statuses are refused.
  older_than:
    description:
      - It goes by the end, so it is refused here. O(started_before) and O(min_duration) select what has been live for long.
  limit:
    description:
      - At most this many executions, the oldest, 1 or more. Without it there is no limit.
  for_status:
    description:
      - An execution is waited for until it has one of these statuses, over or not.
      - One that ends otherwise, or without a record, is not waited for any longer, and makes the module fail at the end.
      - An execution may pass through a status between two looks without being seen in it. Ends are not missed.
    type: list
    elements: str
    choices: [canceled, crashed, error, new, running, success, unknown, waiting]
  wait_timeout:
    description:
      - How many seconds to wait for all of them together, a day at most.
    type: float
    default: 300.0
  poll_interval:
    description:
      - How many seconds pass before the second look. Each pause after it is twice as long, up to 30 seconds, or to this
        where it is more.
    type: float
    default: 2.0
notes:
  - A server that cannot be reached for a while does not end the wait, once it has answered; a refused key does.
  - n8n keeps no record of an execution whose workflow says so. One that disappears while it is waited for is over, which
    a warning tells, as it does of those of O(execution_id) that are not there from the start.
  - It needs the scopes C(execution:list) and C(execution:read), by O(execution_id) the latter alone.
seealso:
  - module: flowops.n8n.n8n_execution_stop
  - module: flowops.n8n.n8n_execution_info
"""

EXAMPLES = r"""
- name: Wait until an execution is over
  flowops.n8n.n8n_execution_wait:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    execution_id: "1234"

- name: Let what is running come to its end before maintenance
  flowops.n8n.n8n_execution_wait:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    status: [new, running]
    wait_timeout: 1800

- name: Wait until the import has succeeded, and fail if it ends otherwise
  flowops.n8n.n8n_execution_wait:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    workflow: Nightly import
    for_status: success
    poll_interval: 5
"""

RETURN = r"""
executions:
  description:
    - The first 1,000 of the executions waited for, as they were last seen, oldest first.
    - They have the fields that M(flowops.n8n.n8n_execution_info) returns.
  type: list
  elements: dict
  returned: always
  sample:
    - id: "1234"
      workflow_id: 6FB4pk3SAhf9riN4
      status: success
count:
  description: How many executions were waited for and have a record.
  type: int
  returned: always
  sample: 1
by_status:
  description: How many there are by the status that was last seen.
  type: dict
  returned: always
  sample: {"success": 1}
open:
  description: Those that are still waited for, at most 1,000.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: Id of the execution.
      type: str
      sample: "1235"
    workflow_id:
      description: Id of its workflow.
      type: str
      sample: 6FB4pk3SAhf9riN4
    workflow_name:
      description: Name of its workflow, where it came to be known.
      type: str
      sample: Nightly import
    status:
      description: The status that was last seen.
      type: str
      sample: running
    since:
      description:
        - Since when, ISO 8601 in UTC. The start of one that is running, the end of one that is over, when it began to wait
          for one that is waiting.
        - V(null) while it is queued.
      type: str
      sample: "2026-11-01T03:00:00.123Z"
missed:
  description: Those that ended in another status than O(for_status), at most 1,000, with the fields of RV(open).
  type: list
  elements: dict
  returned: always
  sample: []
gone:
  description: Those that disappeared while they were waited for.
  type: list
  elements: str
  returned: always
  sample: []
not_found:
  description: Those of O(execution_id) that are not there or not visible to this key.
  type: list
  elements: str
  returned: always
  sample: []
elapsed:
  description: How many seconds it took.
  type: float
  returned: always
  sample: 12.4
msg:
  description: The result in a sentence.
  type: str
  returned: always
  sample: 1 execution over, 0 open.
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
  sample: https://n8n.example.com/api/v1/executions/1234
api_message:
  description: What the server itself said.
  type: str
  returned: when the run failed with an answer
  sample: Forbidden
retryable:
  description: Whether the same run may succeed later without a change.
  type: bool
  returned: when the run failed at a call
  sample: false
"""

from ansible_collections.flowops.n8n.plugins.module_utils._execution import STATUSES
from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION, ArgumentSpec, run
from ansible_collections.flowops.n8n.plugins.module_utils._operations import wait


def main() -> None:
    options = ArgumentSpec(
        {
            "for_status": {"type": "list", "elements": "str", "choices": list(STATUSES)},
            "wait_timeout": {"type": "float", "default": 300.0},
            "poll_interval": {"type": "float", "default": 2.0},
        }
    )
    run(wait, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
