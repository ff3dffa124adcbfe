"""Writes the results of a play where its test reads them: in the controller, without a module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """``content`` as JSON into the file ``path``."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result = super().run(tmp, task_vars)
        Path(self._task.args["path"]).write_text(json.dumps(self._task.args["content"]), encoding="utf-8")
        return {**result, "changed": False}
