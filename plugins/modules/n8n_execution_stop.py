#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop executions of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_stop
short_description: Stop executions of n8n that are not over
version_added: 1.0.0
description:
  - Stops executions of the workflows of an n8n instance that are running, waiting or new. They are V(canceled) then, and
    their records stay.
  - Each is read again afterwards and seen to be over. One that is not is an error; one that came to its own end meanwhile is
    told apart.
  - It needs n8n 2.10 or newer. Older ones cannot stop executions by their API, which the module says.
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
      - Counts what would be stopped, and sees by a harmless call whether the server can stop executions.
  diff_mode:
    support: full
    details:
      - Shows the first 1,000 executions.
  idempotent:
    support: full
options:
  all:
    description:
      - Must be V(true) if nothing is selected, so that every execution that is not over is stopped.
    type: bool
    default: false
  status:
    description:
      - Executions with one of these statuses; without it, whatever is new, running or waiting.
      - One that is over cannot be stopped, so its status is refused here. By O(execution_id) it is left alone and counted.
  older_than:
    description:
      - It goes by the end, so it is refused here. O(started_before) and O(min_duration) select what has been live for long.
  abort_above:
    description:
      - If more executions than this are to be stopped, before O(limit) applies, the module fails before the first one.
    type: int
notes:
  - n8n-work calls it canceling, and has no call for many.
  - Executions are stopped one by one, several at once. Only where one call of n8n's means exactly what is selected, and five
    or more match, is that call made. It is so for filters among O(workflow), O(status), O(started_after), O(started_before),
    and O(newer_than), without O(limit) and O(abort_above).
  - Such a call stops what matches when n8n carries it out, so also what has begun since the executions were listed.
    RV(stopped_besides) tells of those.
  - It needs the scopes C(execution:list), C(execution:stop) and C(execution:read), by O(execution_id) the last two.
seealso:
  - module: flowops.n8n.n8n_execution_wait
  - module: flowops.n8n.n8n_execution_delete
"""

EXAMPLES = r"""
- name: Stop what has been running for more than two hours
  flowops.n8n.n8n_execution_stop:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    status: running
    min_duration: 2h

- name: Stop all of a workflow that has run away
  flowops.n8n.n8n_execution_stop:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    workflow: Nightly import

- name: Stop everything before maintenance, but not if that is suspiciously much
  flowops.n8n.n8n_execution_stop:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    all: true
    abort_above: 100

- name: Stop one execution
  flowops.n8n.n8n_execution_stop:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    execution_id: "1234"
"""

RETURN = r"""
matched:
  description: How many live executions the selection matched.
  type: int
  returned: always
  sample: 4
stopped:
  description: How many of them were stopped, in check mode would be.
  type: int
  returned: always
  sample: 3
stopped_besides:
  description: How many more n8n has stopped at least, since they had begun to match by the time of its call for many.
  type: int
  returned: always
  sample: 0
finished_meanwhile:
  description: How many came to an end of their own, whether n8n had accepted to stop them or not.
  type: int
  returned: always
  sample: 1
gone:
  description: How many were not there any more when they were read again; n8n keeps no record of them.
  type: int
  returned: always
  sample: 0
already_over:
  description: How many of O(execution_id) were over from the start. They are left alone.
  type: int
  returned: always
  sample: 0
executions:
  description: What became of the first 1,000.
  type: list
  elements: dict
  returned: always
  contains:
    id:
      description: Id of the execution.
      type: str
      sample: "1234"
    workflow_id:
      description: Id of its workflow.
      type: str
      sample: 6FB4pk3SAhf9riN4
    workflow_name:
      description: Name of its workflow, where it came to be known.
      type: str
      sample: Nightly import
    outcome:
      description: V(stopped), V(finished_meanwhile) or V(gone).
      type: str
      sample: stopped
    status_before:
      description: Its status when it was listed.
      type: str
      sample: running
    status:
      description: Its status now, in check mode the one that it would have; V(null) where it is gone.
      type: str
      sample: canceled
not_found:
  description: Those of O(execution_id) that are not there or not visible to this key.
  type: list
  elements: str
  returned: always
  sample: []
more_remaining:
  description: Whether O(limit) left executions that are selected.
  type: bool
  returned: always
  sample: false
msg:
  description: The result in a sentence.
  type: str
  returned: always
  sample: Stopped 3 executions, 1 finished meanwhile.
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
  sample: POST
url:
  description: Address of the call that made the run fail, never with a key.
  type: str
  returned: when the run failed at a call
  sample: https://n8n.example.com/api/v1/executions/1234/stop
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
from ansible_collections.flowops.n8n.plugins.module_utils._operations import stop


def main() -> None:
    options = ArgumentSpec({"all": {"type": "bool", "default": False}, "abort_above": {"type": "int"}})
    run(stop, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
