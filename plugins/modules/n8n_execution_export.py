#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write executions of n8n to a file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_export
short_description: Write executions of n8n to a file
version_added: 1.0.0
description:
  - Writes executions to a file as JSON, JSON Lines or CSV, newest first. Any number of them takes the same memory.
  - The file is written whole or not at all, with mode C(0600), and left alone where its content is the same already.
  - It is a file of the machine where the module runs. Inside an execution environment it vanishes with it;
    mount a folder there.
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
      - Reads all that would be written, and tells whether the file would change.
  diff_mode:
    support: partial
    details:
      - Shows how many executions are written and the checksum, not the content.
  idempotent:
    support: full
options:
  path:
    description:
      - The file. What ends with C(.gz) is packed.
      - Its folder must exist. A link or anything else that is no plain file is refused.
    type: path
    required: true
  format:
    description:
      - V(json) is one array, V(jsonl) a record a line, V(csv) a table of the fields that every execution has.
      - Without it the suffix of O(path) decides, before C(.gz); C(.ndjson) means V(jsonl).
      - In a table, text that a spreadsheet would run as a formula gets an apostrophe in front.
    type: str
    choices: [json, jsonl, csv]
  include_data:
    description:
      - Whether the data of the executions is written too, which takes a request for each. Not in a table.
      - Needs the scope C(execution:read).
    type: bool
    default: false
notes:
  - It needs the scope C(execution:list), by O(execution_id) C(execution:read).
  - O(limit) leaves the newest.
  - If one execution cannot be read, the run fails and the file stays as it was.
seealso:
  - module: flowops.n8n.n8n_execution_info
  - module: flowops.n8n.n8n_execution_stats_info
"""

EXAMPLES = r"""
- name: Write the failures of the last week to a table
  flowops.n8n.n8n_execution_export:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    status: [error, crashed]
    newer_than: 1w
    path: /tmp/failures.csv

- name: Keep a copy of everything that a workflow has done, with the data
  flowops.n8n.n8n_execution_export:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    workflow: Nightly import
    include_data: true
    path: /tmp/nightly-import.jsonl.gz
"""

RETURN = r"""
path:
  description: The file.
  type: str
  returned: always
  sample: /tmp/failures.csv
format:
  description: How it is written.
  type: str
  returned: always
  sample: csv
count:
  description: How many executions it holds, or would hold.
  type: int
  returned: always
  sample: 42
bytes:
  description: Size of the content before it is packed.
  type: int
  returned: always
  sample: 5120
checksum:
  description: SHA-256 of the content before it is packed.
  type: str
  returned: always
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
msg:
  description: The result in a sentence.
  type: str
  returned: always
  sample: Wrote 42 executions to /tmp/failures.csv.
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
from ansible_collections.flowops.n8n.plugins.module_utils._operations import export


def main() -> None:
    options = ArgumentSpec(
        {
            "path": {"type": "path", "required": True},
            "format": {"type": "str", "choices": ["json", "jsonl", "csv"]},
            "include_data": {"type": "bool", "default": False},
        }
    )
    run(export, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
