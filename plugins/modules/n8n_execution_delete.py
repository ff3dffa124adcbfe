#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delete executions of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_delete
short_description: Delete executions of n8n
version_added: 1.0.0
description:
  - Deletes executions of the workflows of an n8n instance, with their data, for ever.
  - An execution is deleted only if it is selected by its own fields. What is running, waiting or new is left alone
    unless O(live) says otherwise.
  - A run that is ended can be started again; it goes on with what is still there.
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
      - Counts exactly what would be deleted. Whether the server can stop executions, for O(live=stop), is seen only when it is
        asked to.
  diff_mode:
    support: full
    details:
      - Shows the first 1,000 executions.
  idempotent:
    support: full
options:
  all:
    description:
      - Must be V(true) if nothing is selected, so that every execution is deleted.
    type: bool
    default: false
  live:
    description:
      - What happens to selected executions that are running, waiting or new.
      - With V(skip) they are left alone and counted.
      - With V(stop) they are stopped, seen to be over, and deleted. That needs n8n 2.10 or newer.
      - With V(delete) those that are waiting or new are deleted. Those that are running are left alone; n8n does not delete them.
      - With V(fail) the module fails before the first deletion if there is one.
    type: str
    choices: [skip, stop, delete, fail]
    default: skip
  abort_above:
    description:
      - If more executions than this are to be deleted, before O(limit) applies, the module fails before the first deletion.
    type: int
  keep_last:
    description:
      - The newest so many executions of each workflow stay, of those that pass the filters other than time. Live ones do not
        count.
      - It is worked out before O(older_than), O(started_before) and O(limit), so the younger ones are listed too.
      - Not with O(execution_id).
    type: int
  keep_tagged:
    description:
      - Whether executions with annotation tags stay. That takes a request for each execution, in check mode too.
      - Needs n8n 2.10 or newer and the scope C(executionTags:list).
    type: bool
    default: false
  time_budget:
    description:
      - Seconds after which nothing new is begun. The run then ends without a failure and says RV(more_remaining=true); the next
        one goes on. Check mode takes the time it needs.
      - With O(abort_above) all that is selected is listed first, behind a gateway whose list cannot be read from its old end with
        O(limit) too. If that alone takes longer, nothing is deleted.
    type: float
  archive_path:
    description:
      - A file of JSON Lines into which every execution is written before it is deleted, one record a line. It is appended to, has
        the mode C(0600), and is packed if it ends with C(.gz).
      - A batch is flushed and synced to the disk before the first of its deletions. What cannot be archived is not deleted. An
        execution may stand in it twice after a run that was cut off, and what that run left half-written is cut off by the next.
      - It is a file of the machine where the module runs. Inside an execution environment it vanishes with it; mount a folder
        there.
    type: path
  archive_data:
    description:
      - Whether the archive holds the data of the executions too, which takes a request for each and the scope C(execution:read).
      - Data that is redacted for this key, or too large to be shown, cannot be archived, so such an execution is not deleted.
    type: bool
    default: true
notes:
  - The database does not shrink by itself. On SQLite the file keeps its size until a C(VACUUM), on PostgreSQL until vacuum
    has run; what was freed is used again for new executions before that.
  - It needs the scopes C(execution:list) and C(execution:delete), by O(execution_id) C(execution:read) and
    C(execution:delete), with O(live=stop) C(execution:stop) and C(execution:read) as well.
seealso:
  - module: flowops.n8n.n8n_execution_info
"""

EXAMPLES = r"""
- name: Delete what ended more than 30 days ago
  flowops.n8n.n8n_execution_delete:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    older_than: 30d

- name: Delete the successes of a noisy workflow, but refuse to if there are suspiciously many
  flowops.n8n.n8n_execution_delete:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    workflow: Poll the mailbox
    status: success
    older_than: 12h
    abort_above: 50000

- name: Keep a copy of everything, and the last 20 executions of each workflow
  flowops.n8n.n8n_execution_delete:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    older_than: 30d
    keep_last: 20
    archive_path: /tmp/executions.jsonl.gz
    time_budget: 1800

- name: Stop and delete what has been waiting for more than a week
  flowops.n8n.n8n_execution_delete:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    status: waiting
    min_duration: 1w
    live: stop
"""

RETURN = r"""
matched:
  description: How many executions the selection matched, live ones included; with O(limit) of those that were looked at.
  type: int
  returned: always
  sample: 42
deleted:
  description: How many executions were deleted, in check mode would be.
  type: int
  returned: always
  sample: 40
deleted_ids:
  description: The ids of the first 1,000 of them.
  type: list
  elements: str
  returned: always
  sample: ["1234", "1235"]
stopped:
  description: How many executions n8n has accepted to stop, with O(live=stop).
  type: int
  returned: always
  sample: 0
by_status:
  description: How many were deleted, by the status they had.
  type: dict
  returned: always
  sample: {"error": 3, "success": 37}
by_workflow:
  description: How many were deleted, by the id of their workflow.
  type: dict
  returned: always
  sample: {"6FB4pk3SAhf9riN4": 40}
kept:
  description: How many selected executions were left alone because they are running, waiting or new.
  type: int
  returned: always
  sample: 2
kept_by_status:
  description: How many were left alone, by their status.
  type: dict
  returned: always
  sample: {"waiting": 2}
kept_last:
  description: How many selected executions were kept by O(keep_last).
  type: int
  returned: always
  sample: 0
kept_tagged:
  description: How many selected executions were kept by O(keep_tagged).
  type: int
  returned: always
  sample: 0
archived:
  description: How many executions were put into the archive. In check mode none are.
  type: int
  returned: always
  sample: 40
archive_path:
  description: The archive.
  type: str
  returned: always
  sample: /tmp/executions.jsonl.gz
not_found:
  description: Those that are not there or not visible to this key; by O(execution_id), or gone since they were listed.
  type: list
  elements: str
  returned: always
  sample: []
more_remaining:
  description: Whether O(limit) or O(time_budget) left executions that are selected, or may have.
  type: bool
  returned: always
  sample: false
rate:
  description: Deletions a second over the whole run; V(null) in check mode.
  type: float
  returned: always
  sample: 31.5
msg:
  description: The result in a sentence.
  type: str
  returned: always
  sample: Deleted 40 executions, left 2 live alone.
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
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete


def main() -> None:
    options = ArgumentSpec(
        {
            "all": {"type": "bool", "default": False},
            "live": {"type": "str", "default": "skip", "choices": ["skip", "stop", "delete", "fail"]},
            "abort_above": {"type": "int"},
            "keep_last": {"type": "int"},
            "keep_tagged": {"type": "bool", "default": False},
            "time_budget": {"type": "float"},
            "archive_path": {"type": "path"},
            "archive_data": {"type": "bool", "default": True},
        }
    )
    run(delete, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
