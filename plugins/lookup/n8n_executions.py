# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Executions as a lookup."""

from __future__ import annotations

DOCUMENTATION = r"""
name: n8n_executions
short_description: Look at executions of n8n
version_added: 1.0.0
description:
  - Returns executions as P(flowops.n8n.n8n_execution_info#module) does. It runs on the controller.
  - What it returns is never taken for a template, whatever stands in it.
author:
  - flowops.n8n contributors (@flowops)
extends_documentation_fragment:
  - flowops.n8n._connection_vars
options:
  _terms:
    description:
      - Ids of executions. One that is not there, or not visible to this key, is an error.
      - Without any, executions are selected by the other options.
    type: list
    elements: str
  workflow:
    description:
      - Executions of these workflows, by id or exact name.
    type: list
    elements: str
  exclude_workflow:
    description:
      - Not the executions of these workflows, by id or exact name.
    type: list
    elements: str
  project:
    description:
      - Executions of the workflows of this project, by its id.
    type: str
  status:
    description:
      - Executions with one of these statuses.
    type: list
    elements: str
    choices: [canceled, crashed, error, new, running, success, unknown, waiting]
  mode:
    description:
      - Executions that were started in one of these ways.
    type: list
    elements: str
    choices: [cli, error, integrated, internal, manual, retry, trigger, webhook, evaluation, chat, agent]
  started_after:
    description:
      - Executions that started at this time or later, in ISO 8601 with a zone, such as V(2026-11-01T00:00:00Z).
    type: str
  started_before:
    description:
      - Executions that started at this time or earlier, in ISO 8601 with a zone.
    type: str
  older_than:
    description:
      - Executions that B(ended) at least this long ago, such as V(30d), V(12h), V(2w), V(1d12h) or V(90s); the unit is required.
    type: str
  newer_than:
    description:
      - Executions that B(started) within this time, such as V(12h).
    type: str
  min_duration:
    description:
      - Executions that ran at least this long, such as V(90s). For one that is not over, the time since its start counts.
    type: str
  limit:
    description:
      - At most this many executions; O(sort_by) applies before it. V(0), or more than 10,000, means 10,000.
      - Executions that are named by their ids are never cut.
    type: int
    default: 100
  include_data:
    description:
      - Whether the data of the executions is returned as well. Each execution then takes a request of its own.
    type: bool
    default: false
  digest:
    description:
      - Whether each execution comes with what matters of its run. Each execution then takes a request of its own.
    type: bool
    default: false
  sort_by:
    description:
      - What the executions are ordered by; those that are equal, by their id.
    type: str
    choices: [started_at, duration, status, id]
    default: id
  order:
    description:
      - Whether the largest or the smallest comes first.
    type: str
    choices: [asc, desc]
    default: desc
seealso:
  - plugin: flowops.n8n.n8n_execution_info
    plugin_type: module
  - plugin: flowops.n8n.n8n_execution_digest
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Count the failures of the last hour
  ansible.builtin.debug:
    msg: "{{ failures | length }} failures"
  vars:
    n8n_url: https://n8n.example.com
    n8n_api_key: "{{ vault_n8n_api_key }}"
    failures: "{{ query('flowops.n8n.n8n_executions', status=['error', 'crashed'], newer_than='1h') }}"

- name: Tell where an execution failed
  ansible.builtin.debug:
    msg: "{{ query('flowops.n8n.n8n_executions', '1234', digest=true)[0].digest.failing_node }}"
"""

RETURN = r"""
_raw:
  description:
    - Executions with the keys that RV(flowops.n8n.n8n_execution_info#module:executions) has, in the order asked for.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.flowops.n8n.plugins.module_utils._errors import MissingLibrary, N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION, perform
from ansible_collections.flowops.n8n.plugins.module_utils._operations import info
from ansible_collections.flowops.n8n.plugins.plugin_utils._unsafe import make_unsafe

NAME = "n8n_executions"
# What the module of the same operation offers and a lookup does not.
_LEFT_OUT = {"nodes": None, "redact": None, "logs": False, "retry_chain": False}
_OWN = ("include_data", "digest", "sort_by", "order")

display = Display()


class LookupModule(LookupBase):  # type: ignore[misc]
    """Ansible's way of finding it."""

    def run(self, terms: t.Any, variables: t.Mapping[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        self.set_options(var_options=self._variables(variables or {}), direct=kwargs)
        ids = [str(term) for term in _flat(terms)]
        params = {
            option: self.get_option(option)
            for option in (*CONNECTION.options, *SELECTION.options, *_OWN)
            if option != "execution_id"
        }
        params.update(_LEFT_OUT, execution_id=ids or None)
        # An empty list of ids comes from a search that found nothing, and must not come to mean all.
        if not ids and terms:
            params["execution_id"] = []
        try:
            result = perform(info, params, True)
        except MissingLibrary as error:
            raise AnsibleLookupError(f"{NAME}: the Python library {error.library} is needed on the controller.") from error
        except N8nError as error:
            raise AnsibleLookupError(f"{NAME}: {error}") from error
        for warning in result.warnings:
            display.warning(f"{NAME}: {warning}")
        if result.failure is not None:
            raise AnsibleLookupError(f"{NAME}: {result.failure}")
        if result.values["not_found"]:
            absent = ", ".join(result.values["not_found"])
            raise AnsibleLookupError(f"{NAME}: not there or not visible to this key: {absent}.")
        return t.cast("list[t.Any]", make_unsafe(result.values["executions"]))

    def _variables(self, variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        """The variables of the connection with their templates worked out, which Ansible does not do for plugins."""
        named = {name: variables[name] for name in (f"n8n_{option}" for option in CONNECTION.options) if name in variables}
        return {name: self._templar.template(value) for name, value in named.items()}


def _flat(terms: t.Any) -> t.Iterator[t.Any]:
    for term in terms:
        if isinstance(term, (list, tuple)):
            yield from _flat(term)
        else:
            yield term
