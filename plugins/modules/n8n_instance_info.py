#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at an instance of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_instance_info
short_description: Look at an instance of n8n
version_added: 1.0.0
description:
  - Tells whether an n8n instance can be reached and is ready, what it can do with executions, and what the key may do.
author:
  - flowops.n8n contributors (@flowops)
extends_documentation_fragment:
  - flowops.n8n._attributes
  - flowops.n8n._attributes.action_group
  - flowops.n8n._attributes.info_module
  - flowops.n8n._connection
notes:
  - It needs the scope C(execution:list).
seealso:
  - module: flowops.n8n.n8n_execution_info
"""

EXAMPLES = r"""
- name: See what the instance can do
  flowops.n8n.n8n_instance_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
  register: instance

- name: Require that executions can be stopped
  ansible.builtin.assert:
    that: instance.capabilities.stop
"""

RETURN = r"""
url:
  description: Address of the instance, as it is used. If the run failed at a call, the address of that call.
  type: str
  returned: always
  sample: https://n8n.example.com
reachable:
  description: Whether a connection could be made. Whatever else goes wrong makes the module fail.
  type: bool
  returned: success
  sample: true
ready:
  description: What the server says of its own readiness. Where that cannot be had, one that answers is ready.
  type: bool
  returned: success
  sample: true
latency:
  description: Seconds that a small call took; V(null) if the instance is not reachable.
  type: float
  returned: success
  sample: 0.0123
era:
  description:
    - How the server checks requests. V(validator) up to n8n 2.38, V(zod) from 2.39 on.
    - V(null) if the instance is not reachable.
  type: str
  returned: success
  sample: zod
version_at_least:
  description: The newest version that the server cannot be older than, by what it can do. n8n's API does not tell its version.
  type: str
  returned: success
  sample: "2.39"
capabilities:
  description:
    - What the server's own description says it can do with executions.
    - V(null) if it does not serve that description, as when n8n is installed below a hidden folder.
  type: dict
  returned: success
  contains:
    retry:
      description: Whether executions can be retried.
      type: bool
    stop:
      description: Whether an execution can be stopped.
      type: bool
    stop_many:
      description: Whether executions can be stopped by filters.
      type: bool
    tags:
      description: Whether executions can be tagged.
      type: bool
    discover:
      description: Whether the server tells what a key may do.
      type: bool
    project_filter:
      description: Whether executions can be listed by project.
      type: bool
    started_filters:
      description: Whether executions can be listed by their start.
      type: bool
    status_filters:
      description: The statuses that executions can be listed by. n8n 2.13 to 2.28 accepts some of them and ignores them.
      type: list
      elements: str
    redact:
      description: Whether execution data can be redacted.
      type: bool
    ignore_data_size_limit:
      description: Whether data can be had that is too large to be shown.
      type: bool
scopes:
  description: What this key may do, as n8n names it; V(null) where the server does not tell (before n8n 2.14).
  type: list
  elements: str
  returned: success
  sample: ["execution:list", "execution:read"]
msg:
  description: The result in a sentence; why no connection could be made.
  type: str
  returned: always
  sample: https://n8n.example.com is ready.
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

from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, run
from ansible_collections.flowops.n8n.plugins.module_utils._operations import instance


def main() -> None:
    run(instance, CONNECTION)


if __name__ == "__main__":
    main()
