#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count executions of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_stats_info
short_description: Count executions of n8n
version_added: 1.0.0
description:
  - Tells how many executions there are by status, workflow, mode and time, how many of them succeed, and how long they take.
  - Without a selection all executions count. Any number of them takes the same memory.
author:
  - flowops.n8n contributors (@flowops)
extends_documentation_fragment:
  - flowops.n8n._attributes
  - flowops.n8n._attributes.action_group
  - flowops.n8n._attributes.info_module
  - flowops.n8n._connection
  - flowops.n8n._selection
options:
  granularity:
    description:
      - The spans of time, in UTC and by the start, for which there are counts of their own. Weeks begin on Monday.
    type: str
    choices: [hour, day, week]
    default: day
  source:
    description:
      - With V(executions) every selected execution is read and counted here.
      - With V(server) the server's own statistics are asked for, which takes one request. Only O(dialect=n8n_work) has them, over
        O(newer_than) of V(1h), V(1d), V(7d) or V(30d), of all workflows or of one. What they do not tell is V(null).
    type: str
    choices: [executions, server]
    default: executions
notes:
  - It needs the scope C(execution:list), by O(execution_id) C(execution:read).
  - n8n before 2.13 does not list the new and waiting executions that it holds in memory; a warning says so.
seealso:
  - module: flowops.n8n.n8n_execution_info
  - module: flowops.n8n.n8n_execution_export
"""

EXAMPLES = r"""
- name: See how the last week went
  flowops.n8n.n8n_execution_stats_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    newer_than: 1w
  register: week

- name: Fail if fewer than 95 % succeeded
  ansible.builtin.assert:
    that: week.statistics.success_rate is none or week.statistics.success_rate >= 0.95
"""

RETURN = r"""
statistics:
  description: What was counted.
  type: dict
  returned: always
  contains:
    total:
      description: How many executions.
      type: int
      sample: 1200
    by_status:
      description: How many by status.
      type: dict
      sample: {"error": 100, "success": 1100}
    by_mode:
      description: How many by the way in which they were started.
      type: dict
      sample: {"trigger": 1200}
    succeeded:
      description: How many have the status V(success).
      type: int
      sample: 1100
    failed:
      description: How many have the status V(error) or V(crashed).
      type: int
      sample: 100
    success_rate:
      description: The part that succeeded of those that succeeded or failed, from 0 to 1; V(null) where there is none of them.
      type: float
      sample: 0.9167
    duration:
      description:
        - Seconds that the executions took which are over; C(count) of them, C(mean), C(max), and the percentiles C(p50), C(p95)
          and C(p99), which are right to within 1 %.
      type: dict
      sample: {"count": 1200, "max": 61.2, "mean": 2.1, "p50": 1.2, "p95": 9.7, "p99": 33.1}
    granularity:
      description: The length of the spans of time.
      type: str
      sample: day
    buckets:
      description:
        - The spans of time in which executions started, with C(start), C(total), C(succeeded), C(failed) and the C(mean)
          duration. Those without an execution are left out.
      type: list
      elements: dict
      sample: [{"failed": 100, "mean": 2.1, "start": "2026-11-01T00:00:00.000Z", "succeeded": 1100, "total": 1200}]
    workflows:
      description:
        - The workflows, those with the most failures first, with C(workflow_id), C(workflow_name) where it is known, C(total),
          C(succeeded), C(failed), C(success_rate), C(mean) and C(slowest) duration, C(last_failed_id) and C(last_failed_at).
      type: list
      elements: dict
      sample: []
    data_bytes:
      description: Size of their data, where the server tells it; n8n does for single executions only.
      type: int
      sample: null
    first_started_at:
      description: The earliest start, ISO 8601 in UTC.
      type: str
      sample: "2026-11-01T03:00:00.123Z"
    last_started_at:
      description: The latest start, ISO 8601 in UTC.
      type: str
      sample: "2026-11-02T03:00:00.123Z"
window:
  description:
    - What the statistics cover. C(started_after), C(started_before) and C(ended_before) are its bounds, C(read_at) when it was
      read, C(complete) whether every execution within them was counted, C(source) who counted.
  type: dict
  returned: always
  sample:
    complete: true
    ended_before: null
    read_at: "2026-11-02T03:00:00.123Z"
    source: executions
    started_after: "2026-10-26T03:00:00.123Z"
    started_before: null
msg:
  description: The result in a sentence.
  type: str
  returned: always
  sample: Counted 1200 executions.
not_found:
  description: Those of O(execution_id) that are not there or not visible to this key.
  type: list
  elements: str
  returned: always
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
from ansible_collections.flowops.n8n.plugins.module_utils._operations import stats


def main() -> None:
    options = ArgumentSpec(
        {
            "granularity": {"type": "str", "default": "day", "choices": ["hour", "day", "week"]},
            "source": {"type": "str", "default": "executions", "choices": ["executions", "server"]},
        }
    )
    run(stats, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
