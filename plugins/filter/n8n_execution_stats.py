# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Statistics of executions at hand."""

from __future__ import annotations

DOCUMENTATION = r"""
name: n8n_execution_stats
short_description: Count executions and measure how they went
version_added: 1.0.0
description:
  - Makes of executions at hand what P(flowops.n8n.n8n_execution_stats_info#module) makes of those of an instance, without
    another request.
  - What it returns is never taken for a template, whatever stands in it.
positional: _input, granularity
author:
  - flowops.n8n contributors (@flowops)
options:
  _input:
    description:
      - Executions as P(flowops.n8n.n8n_execution_info#module) and P(flowops.n8n.n8n_executions#lookup) return them.
      - The statistics are of these alone. Whether they are all that there were is told by
        RV(flowops.n8n.n8n_execution_info#module:truncated).
    type: list
    elements: dict
    required: true
  granularity:
    description:
      - The spans of time, in UTC, for which executions are counted together.
    type: str
    choices: [hour, day, week]
    default: day
seealso:
  - plugin: flowops.n8n.n8n_execution_stats_info
    plugin_type: module
"""

EXAMPLES = r"""
- name: Look at the executions of the last day
  flowops.n8n.n8n_execution_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    newer_than: 1d
    limit: 0
  register: read

- name: Fail where too many of them failed
  ansible.builtin.assert:
    that:
      - (read.executions | flowops.n8n.n8n_execution_stats).success_rate | default(1, true) > 0.9
"""

RETURN = r"""
_value:
  description:
    - The statistics, as P(flowops.n8n.n8n_execution_stats_info#module) returns them in
      RV(flowops.n8n.n8n_execution_stats_info#module:statistics).
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flowops.n8n.plugins.module_utils._statistics import GRANULARITIES, Statistics
from ansible_collections.flowops.n8n.plugins.plugin_utils._records import executions
from ansible_collections.flowops.n8n.plugins.plugin_utils._unsafe import make_unsafe

NAME = "n8n_execution_stats"


def n8n_execution_stats(value: t.Any, granularity: str = "day") -> t.Any:
    """The statistics of the records."""
    if granularity not in GRANULARITIES:
        raise AnsibleFilterError(f"{NAME}: granularity is one of {', '.join(GRANULARITIES)}, not {granularity!r}.")
    statistics = Statistics(granularity)
    for _unused, one in executions(NAME, value):
        statistics.add(one)
    return make_unsafe(statistics.summary())


class FilterModule:
    """Ansible's way of finding it."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {NAME: n8n_execution_stats}
