#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Set the annotation tags of executions of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_tag
short_description: Set the annotation tags of executions of n8n
version_added: 1.0.0
description:
  - Sets, adds and removes the annotation tags of executions, which n8n's editor shows and filters by.
  - Tags are named by their ids. n8n's public API neither lists annotation tags nor creates them; the tags that it has are
    those of workflows.
  - Nothing is sent for an execution that has its tags already.
  - It needs n8n 2.10 or newer. Older ones cannot tag executions by their API, which the module says.
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
      - Reads the tags of each execution and counts exactly what would change. Whether a tag is known is seen only when it is set.
  diff_mode:
    support: full
    details:
      - Shows the first 1,000 executions.
  idempotent:
    support: full
options:
  all:
    description:
      - Must be V(true) if nothing is selected, so that every execution is tagged.
    type: bool
    default: false
  set:
    description:
      - The ids of all the tags that the executions are to have. An empty list removes what they have.
      - It excludes O(add) and O(remove). One of the three must be given.
    type: list
    elements: str
  add:
    description:
      - The ids of tags that the executions are to have, beside those that they have.
    type: list
    elements: str
  remove:
    description:
      - The ids of tags that the executions are not to have.
    type: list
    elements: str
  limit:
    description:
      - The tags of at most this many executions are changed, the oldest first, 1 or more. Those that have their tags already do
        not count. Without it there is no limit.
      - With it, the executions that are selected are held in memory.
notes:
  - n8n-work has no annotation tags, so all of this is refused with O(dialect=n8n_work).
  - The id of an annotation tag stands in the requests of the editor, which the network view of a browser shows while the
    list of executions is filtered by tags, and in the table C(annotation_tag_entity) of n8n's database.
  - n8n's own pruning spares an execution for ever once its tags have been set, even if they are removed later on, and even
    if n8n refused them. So an unknown tag ends the run at the first execution.
  - Each execution takes one request to read its tags, and one more to change them.
  - It needs the scopes C(execution:list), C(executionTags:list) and C(executionTags:update), by O(execution_id)
    C(execution:read) in place of the first.
seealso:
  - module: flowops.n8n.n8n_execution_info
  - module: flowops.n8n.n8n_execution_delete
"""

EXAMPLES = r"""
- name: Mark the failures of the last day as to be looked at
  flowops.n8n.n8n_execution_tag:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    status: [error, crashed]
    newer_than: 1d
    add: 5GhT7xR2mQp9LkZw

- name: Replace one tag of an execution by another
  flowops.n8n.n8n_execution_tag:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    execution_id: "1234"
    add: 8VbN3cY6sWd1JfXt
    remove: 5GhT7xR2mQp9LkZw

- name: Remove all annotation tags from the executions of a workflow
  flowops.n8n.n8n_execution_tag:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    workflow: Nightly import
    set: []
"""

RETURN = r"""
matched:
  description: How many executions were looked at. With O(limit) that may be fewer than are selected.
  type: int
  returned: always
  sample: 5
tagged:
  description: How many got other tags, in check mode would get.
  type: int
  returned: always
  sample: 3
unchanged:
  description: How many had their tags already.
  type: int
  returned: always
  sample: 2
executions:
  description: The first 1,000 whose tags changed.
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
    tags_before:
      description: The ids of the tags that it had.
      type: list
      elements: str
      sample: ["5GhT7xR2mQp9LkZw"]
    tags:
      description: The ids of the tags that it has now, in check mode would have.
      type: list
      elements: str
      sample: ["8VbN3cY6sWd1JfXt"]
not_found:
  description: Those that are not there or not visible to this key; by O(execution_id), or gone since they were listed.
  type: list
  elements: str
  returned: always
  sample: []
more_remaining:
  description: Whether O(limit) left executions that are selected and were not changed or not looked at.
  type: bool
  returned: always
  sample: false
msg:
  description: The result in a sentence.
  type: str
  returned: always
  sample: Changed the tags of 3 executions, 2 had them already.
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
  sample: 404
method:
  description: Method of the call that made the run fail.
  type: str
  returned: when the run failed at a call
  sample: PUT
url:
  description: Address of the call that made the run fail, never with a key.
  type: str
  returned: when the run failed at a call
  sample: https://n8n.example.com/api/v1/executions/1234/tags
api_message:
  description: What the server itself said.
  type: str
  returned: when the run failed with an answer
  sample: Some tags not found
retryable:
  description: Whether the same run may succeed later without a change.
  type: bool
  returned: when the run failed
  sample: false
"""

from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION, ArgumentSpec, run
from ansible_collections.flowops.n8n.plugins.module_utils._operations import tag


def main() -> None:
    options = ArgumentSpec(
        {
            "all": {"type": "bool", "default": False},
            "set": {"type": "list", "elements": "str"},
            "add": {"type": "list", "elements": "str"},
            "remove": {"type": "list", "elements": "str"},
        }
    )
    run(tag, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
