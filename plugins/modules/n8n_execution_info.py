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
  nodes:
    description:
      - Names of nodes. Of the data, only the runs of these nodes are returned; whatever else it tells stays.
      - Implies O(include_data=true). The server sends all data nevertheless.
    type: list
    elements: str
  redact:
    description:
      - Whether n8n leaves what went through the nodes out of the data, and the words of their errors with it.
      - Without this option, the settings of the workflow decide. V(false) asks for all data and needs the scope
        C(execution:reveal) where those settings redact.
      - n8n 2.16 and newer; older ones refuse it. It needs O(include_data=true), O(nodes) or O(digest=true).
    type: bool
  digest:
    description:
      - Whether each execution comes with what matters of its run, such as which node failed, why, and where the time went.
      - The data is read for it, which takes a request for each execution, and is returned only with O(include_data=true).
      - Needs the scope C(execution:read).
    type: bool
    default: false
  retry_chain:
    description:
      - Whether each execution comes with the chain of retries to which it belongs, back to its original and forwards to the
        newest retry.
      - n8n tells of a retry only what it is a retry of. So the rows of each workflow concerned are read once, from the oldest
        member on, and each earlier member that is not itself selected takes a request. For old executions of busy workflows
        this can be many pages.
      - Needs the scopes C(execution:list) and C(execution:read).
    type: bool
    default: false
  logs:
    description:
      - Whether each execution comes with its log, which takes a request for each execution. At most 1,000 entries of it.
      - O(dialect=n8n_work) only; n8n has no logs of executions.
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

- name: Find out why the last ten failures happened, and which of them may pass by themselves
  flowops.n8n.n8n_execution_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    status: [error, crashed]
    limit: 10
    digest: true
  register: failures

- name: Tell the node and the message of each
  ansible.builtin.debug:
    msg: "{{ item.id }}: {{ item.digest.failing_node }} said {{ item.digest.message }}"
  loop: "{{ failures.executions }}"
  loop_control:
    label: "{{ item.id }}"

- name: Look at what two nodes got and gave, and at the retries of an execution
  flowops.n8n.n8n_execution_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    execution_id: "1234"
    nodes: [Fetch orders, Store orders]
    retry_chain: true
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
    data_too_deep:
      description: V(true) where data was left out since it nests deeper than 100 levels, which Ansible cannot take.
      type: bool
      sample: true
    data_redacted:
      description: V(true) where n8n left out of the data what went through the nodes; n8n 2.16 and newer.
      type: bool
      sample: true
    data:
      description: Its data, exactly as the server sent it; only with O(include_data=true), and cut by O(nodes).
      type: dict
      sample: {}
    digest:
      description: What matters of its run; only with O(digest=true). Texts are cut at 2,000 characters, names at 200.
      type: dict
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
          description: Name of its workflow.
          type: str
          sample: Nightly import
        status:
          description: Status of the execution.
          type: str
          sample: error
        failing_node:
          description: Name of the node at which it failed; V(null) where it did not fail, or failed at none.
          type: str
          sample: Fetch orders
        failing_node_type:
          description: Type of that node.
          type: str
          sample: n8n-nodes-base.httpRequest
        message:
          description: What the error says.
          type: str
          sample: The service refused the connection - perhaps it is offline
        description:
          description: What the error says in addition, such as the words that n8n has replaced by a sentence of its own.
          type: str
          sample: connect ECONNREFUSED 127.0.0.1:8080
        error_type:
          description: Kind of the error, as the server names it.
          type: str
          sample: NodeApiError
        http_status:
          description: HTTP status of 400 or above that a service answered to the node, where it is told.
          type: str
          sample: "503"
        transient:
          description:
            - Whether the error looks as if it may pass by itself, so that a retry may succeed.
            - It does after an answer of 408, 425, 429 or 5xx, after an error of the network such as a time-out, a refused or
              broken connection or a name that could not be resolved, and where the words of the error say so.
            - It does not after any other HTTP status, after a Stop and Error node, after a mistake in an expression or a script,
              or where somebody canceled the execution.
          type: bool
          sample: true
        transient_reason:
          description: The code or the words that decided so; V(null) where it is not transient.
          type: str
          sample: ECONNREFUSED
        flow:
          description: The nodes that ran, in the order of their first runs.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the node.
              type: str
              sample: Fetch orders
            type:
              description: Type of the node, where it is told.
              type: str
              sample: n8n-nodes-base.httpRequest
            runs:
              description: How often it ran.
              type: int
              sample: 1
            status:
              description: Status of its last run, as the server names it.
              type: str
              sample: error
            started_at:
              description: Start of its first run, ISO 8601 in UTC.
              type: str
              sample: "2026-11-01T03:00:00.130Z"
            duration:
              description: Seconds that its runs took together.
              type: float
              sample: 4.2
        slowest:
          description: The same nodes with their seconds, the slowest first, as far as their time is told.
          type: list
          elements: dict
          contains:
            name:
              description: Name of the node.
              type: str
              sample: Fetch orders
            duration:
              description: Seconds that its runs took together.
              type: float
              sample: 4.2
        data_missing:
          description: Whether the digest cannot be whole, since data is not kept, redacted or too large.
          type: bool
          sample: false
        data_missing_reason:
          description: Why it cannot; V(null) where it is whole.
          type: str
          sample: null
    retry_chain:
      description:
        - Its chain of retries, the original first, as far as its members are still there; only with O(retry_chain=true).
        - An execution that was never retried is alone in it.
      type: list
      elements: dict
      contains:
        id:
          description: Id of the member.
          type: str
          sample: "1234"
        status:
          description: Status of the member.
          type: str
          sample: error
        started_at:
          description: Start of the member, ISO 8601 in UTC.
          type: str
          sample: "2026-11-01T03:00:00.123Z"
        retry_of:
          description: Id of the execution that it is a retry of; V(null) for the original.
          type: str
          sample: null
    logs:
      description: Its log, exactly as the server sent it; only with O(logs=true).
      type: list
      elements: dict
      sample: []
    error:
      description: The error as a gateway in front of n8n tells it beside the data; only with O(include_data=true).
      type: dict
      sample: {"message": "Connection timeout", "node": "HTTP Request"}
    raw_status:
      description: n8n-work's own word for the status.
      type: str
      sample: failed
    raw_mode:
      description: n8n-work's own word for the mode.
      type: str
      sample: scheduled
    updated_at:
      description: When n8n-work last changed the record.
      type: str
      sample: "2026-11-02T01:00:02.345Z"
    metadata:
      description: What n8n-work measured, exactly as it sent it.
      type: dict
      sample: {"retryCount": 0, "queueTime": 0.1, "memoryUsage": 45.2}
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
            "nodes": {"type": "list", "elements": "str"},
            "redact": {"type": "bool"},
            "digest": {"type": "bool", "default": False},
            "retry_chain": {"type": "bool", "default": False},
            "logs": {"type": "bool", "default": False},
            "sort_by": {"type": "str", "default": "id", "choices": ["started_at", "duration", "status", "id"]},
            "order": {"type": "str", "default": "desc", "choices": ["asc", "desc"]},
            "limit": {"type": "int", "default": 100},
        }
    )
    run(info, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
