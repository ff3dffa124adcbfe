# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report on executions, for people."""

from __future__ import annotations

DOCUMENTATION = r"""
name: n8n_execution_report
short_description: Make a report of statistics of executions
version_added: 1.0.0
description:
  - Makes an HTML page that needs no network and holds no script, or a Markdown text, of what the modules of this collection have
    read from one or several instances of n8n. The role P(flowops.n8n.execution_report#role) gathers it and writes the files.
  - Names and messages are escaped. What it returns is never taken for a template, whatever stands in it.
positional: _input, format
author:
  - flowops.n8n contributors (@flowops)
options:
  _input:
    description:
      - The instances, each with its C(name), and either C(error), why it could not be read, or what was read. That is
        C(statistics) and C(window) of P(flowops.n8n.n8n_execution_stats_info#module).
      - C(url) is where n8n is opened in a browser. Without it there are no links.
      - C(failures) are executions of P(flowops.n8n.n8n_execution_info#module) with their digests, for the commonest errors.
      - C(slowest) are executions of other workflows, for their names, which the statistics do not tell.
      - C(cleanup) are results of P(flowops.n8n.n8n_execution_delete#module) in check mode.
    type: list
    elements: dict
    required: true
  format:
    description: What is made.
    type: str
    choices: [html, markdown]
    default: html
seealso:
  - plugin: flowops.n8n.n8n_execution_stats
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the last week
  flowops.n8n.n8n_execution_stats_info:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    newer_than: 1w
  register: read

- name: Write it down
  ansible.builtin.copy:
    content: "{{ [read | combine({'name': 'production'})] | flowops.n8n.n8n_execution_report('markdown') }}"
    dest: /tmp/n8n.md
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The page or the text.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.flowops.n8n.plugins.plugin_utils._report import FORMATS, render
from ansible_collections.flowops.n8n.plugins.plugin_utils._unsafe import make_unsafe

NAME = "n8n_execution_report"


def n8n_execution_report(value: t.Any, format: str = "html") -> t.Any:  # noqa: A002 - The option's own name.
    """The report on the instances."""
    if format not in FORMATS:
        raise AnsibleFilterError(f"{NAME}: format is one of {', '.join(FORMATS)}, not {format!r}.")
    try:
        return make_unsafe(render(value, format))
    except ValueError as error:
        raise AnsibleFilterError(f"{NAME}: {error}.") from None


class FilterModule:
    """What Ansible asks for the filters of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {NAME: n8n_execution_report}
