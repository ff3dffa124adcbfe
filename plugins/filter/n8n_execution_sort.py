# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Executions at hand, in another order."""

from __future__ import annotations

DOCUMENTATION = r"""
name: n8n_execution_sort
short_description: Sort executions
version_added: 1.0.0
description:
  - Sorts executions as P(flowops.n8n.n8n_execution_info#module) does. Ids count as numbers, and what has no start or no
    duration yet counts as the smallest.
  - What it returns is never taken for a template, whatever stands in it.
positional: _input, sort_by, order
author:
  - flowops.n8n contributors (@flowops)
options:
  _input:
    description:
      - Executions as P(flowops.n8n.n8n_execution_info#module) and P(flowops.n8n.n8n_executions#lookup) return them.
    type: list
    elements: dict
    required: true
  sort_by:
    description:
      - What they are ordered by; those that are equal, by their id.
    type: str
    choices: [started_at, duration, status, id]
    default: id
  order:
    description:
      - Whether the largest or the smallest comes first.
    type: str
    choices: [asc, desc]
    default: desc
"""

EXAMPLES = r"""
- name: Name the slowest of some executions
  ansible.builtin.debug:
    msg: "{{ (read.executions | flowops.n8n.n8n_execution_sort(sort_by='duration')) | first }}"
"""

RETURN = r"""
_value:
  description: The same executions in the order asked for.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flowops.n8n.plugins.module_utils._execution import SORT_KEYS, sort_key
from ansible_collections.flowops.n8n.plugins.plugin_utils._records import executions
from ansible_collections.flowops.n8n.plugins.plugin_utils._unsafe import make_unsafe

NAME = "n8n_execution_sort"
ORDERS = ("asc", "desc")


def n8n_execution_sort(value: t.Any, sort_by: str = "id", order: str = "desc") -> t.Any:
    """The records, sorted."""
    for option, given, choices in (("sort_by", sort_by, tuple(SORT_KEYS)), ("order", order, ORDERS)):
        if given not in choices:
            raise AnsibleFilterError(f"{NAME}: {option} is one of {', '.join(choices)}, not {given!r}.")
    key = sort_key(sort_by)
    found = sorted(executions(NAME, value), key=lambda pair: key(pair[1]), reverse=order == "desc")
    return make_unsafe([record for record, _unused in found])


class FilterModule:
    """Ansible's way of finding it."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {NAME: n8n_execution_sort}
