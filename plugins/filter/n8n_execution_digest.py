# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The digest of executions at hand."""

from __future__ import annotations

DOCUMENTATION = r"""
name: n8n_execution_digest
short_description: Tell what matters of an execution that was read with its data
version_added: 1.0.0
description:
  - Makes of an execution that was read with its data what the option O(flowops.n8n.n8n_execution_info#module:digest) of
    P(flowops.n8n.n8n_execution_info#module) makes of it, without another request.
  - What it returns is never taken for a template, whatever stands in it.
positional: _input
author:
  - flowops.n8n contributors (@flowops)
options:
  _input:
    description:
      - An execution as P(flowops.n8n.n8n_execution_info#module) and P(flowops.n8n.n8n_executions#lookup) return it with its
        data, or a list of such.
      - Without data, or with data of some nodes only, the digest tells only what follows from the rest.
    type: raw
    required: true
seealso:
  - plugin: flowops.n8n.n8n_execution_info
    plugin_type: module
  - plugin: flowops.n8n.n8n_executions
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Read an execution
  flowops.n8n.n8n_execution_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    execution_id: "1234"
    include_data: true
  register: read

- name: Tell where it failed
  ansible.builtin.debug:
    msg: "{{ digest.failing_node }}: {{ digest.message }}"
  vars:
    digest: "{{ read.executions[0] | flowops.n8n.n8n_execution_digest }}"
"""

RETURN = r"""
_value:
  description:
    - The digest with the keys that RV(flowops.n8n.n8n_execution_info#module:executions[].digest) has, or a list of digests
      where a list was given.
    - The types of nodes that did not fail stay V(null), as the data does not tell them.
  type: raw
"""

import typing as t

from ansible_collections.flowops.n8n.plugins.module_utils._digest import digest_of
from ansible_collections.flowops.n8n.plugins.plugin_utils._records import execution, executions
from ansible_collections.flowops.n8n.plugins.plugin_utils._unsafe import make_unsafe

NAME = "n8n_execution_digest"


def n8n_execution_digest(value: t.Any) -> t.Any:
    """A digest, or a list of them."""
    if isinstance(value, dict):
        return make_unsafe(digest_of(execution(NAME, value)))
    return make_unsafe([digest_of(one) for _unused, one in executions(NAME, value)])


class FilterModule:
    """Ansible's way of finding it."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {NAME: n8n_execution_digest}
