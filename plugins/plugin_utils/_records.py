# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What filters are given: records, as modules and the lookup of this collection return them."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, from_record


def execution(name: str, record: t.Any) -> Execution:
    """The execution of a record. Raises ``AnsibleFilterError``, in which ``name`` is that of the filter."""
    try:
        return from_record(record)
    except ValueError as error:
        raise AnsibleFilterError(f"{name}: {error}.") from None


def executions(name: str, records: t.Any) -> list[tuple[t.Any, Execution]]:
    """Each record of a list with its execution. Raises ``AnsibleFilterError``."""
    if isinstance(records, (str, bytes, Mapping)) or not isinstance(records, Iterable):
        raise AnsibleFilterError(
            f"{name}: a list of executions is wanted, such as the executions that flowops.n8n.n8n_execution_info returns."
        )
    found = []
    for number, record in enumerate(records, start=1):
        try:
            found.append((record, from_record(record)))
        except ValueError as error:
            raise AnsibleFilterError(f"{name}: number {number} of the list cannot be used, {error}.") from None
    return found
