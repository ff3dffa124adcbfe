# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at an instance: is it there, what can it do, what may this key do."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    NoSuchRoute,
    NotAnN8nAnswer,
    NotConnected,
    ServerFault,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# What each capability tells of the version, newest first.
_SINCE = (("started_filters", "2.37"), ("discover", "2.14"), ("stop", "2.10"), ("retry", "1.112"))


def parse(params: t.Mapping[str, t.Any], now: datetime) -> None:
    """There is nothing to choose."""


def carry_out(client: N8nClient, rule: None, check_mode: bool) -> Result:
    """Nothing is changed. Only where no connection can be made is the instance not reachable; all else is an error."""
    values: dict[str, t.Any] = {
        "url": client.connection.url,
        "reachable": True,
        "ready": False,
        "latency": None,
        "era": None,
        "version_at_least": None,
        "capabilities": None,
        "scopes": None,
    }
    try:
        values["ready"] = client.is_ready()
    except NotConnected as error:
        return Result(False, {**values, "reachable": False, "msg": str(error)})
    values["latency"] = round(client.latency(), 4)
    values["era"] = client.era()
    values["scopes"] = client.scopes()
    warnings = []
    try:
        values["capabilities"] = client.capabilities()
    except (NoSuchRoute, NotAnN8nAnswer, ServerFault) as error:
        # n8n does not serve the file where it is installed below a hidden folder, as npx and nvm do.
        warnings.append(f"The server does not serve the description of its API, so its capabilities are not known: {error}")
    known = values["capabilities"] or {"discover": values["scopes"] is not None}
    values["version_at_least"] = _at_least(values["era"], known)
    values["msg"] = f"{client.connection.url} is {'ready' if values['ready'] else 'reachable but not ready'}."
    return Result(False, values, warnings=warnings)


def _at_least(era: str | None, capabilities: t.Mapping[str, t.Any]) -> str | None:
    if era is None:
        # Another platform; the versions are n8n's.
        return None
    if era == "zod":
        return "2.39"
    return next((version for capability, version in _SINCE if capabilities.get(capability)), None)
