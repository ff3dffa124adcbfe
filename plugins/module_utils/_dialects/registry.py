# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The dialects by their names. Importing one makes it known; Ansible ships with a module what it finds by reading imports."""

from __future__ import annotations

import typing as t

# pylint: disable=unused-import
from ansible_collections.flowops.n8n.plugins.module_utils._dialects import (
    # A line a dialect, and nothing else to be done for it here.
    n8n,  # noqa: F401
    n8n_work,  # noqa: F401
)
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.base import Dialect

DEFAULT = "n8n"
DIALECTS: t.Mapping[str, Dialect] = Dialect.known


def fill(documentation: str) -> str:
    """Documentation of the connection options with what it says of the dialects: ``names``, ``meanings`` and ``paths``."""
    meanings = [f"      - V({name}) is {dialect.summary}." for name, dialect in sorted(DIALECTS.items())]
    paths = [f"V({dialect.api_path}) for V({name})" for name, dialect in sorted(DIALECTS.items())]
    return documentation % {"names": ", ".join(sorted(DIALECTS)), "meanings": "\n".join(meanings), "paths": ", ".join(paths)}
