# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Marks what strangers wrote, so that Ansible does not take it for a template: execution data may hold {{ }}."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

try:
    from ansible.utils.unsafe_proxy import wrap_var
except ImportError:  # pragma: no cover
    # ansible-core 2.23 and newer trusts nothing that a plugin returns, and has no mark for that any more.
    wrap_var = None


def make_unsafe(value: t.Any) -> t.Any:
    """The same value with every text in it marked, keys too; from ansible-core 2.19 on, with no mark of trust left on them."""
    if wrap_var is None:
        return value
    # Containers are made anew: those that newer versions hand to plugins cannot be made by wrap_var.
    if isinstance(value, Mapping):
        return {make_unsafe(key): make_unsafe(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [make_unsafe(inner) for inner in value]
    return wrap_var(value) if isinstance(value, str) else value
