# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a whole module in this process, against the n8n in memory."""

from __future__ import annotations

import contextlib
import importlib
import json
import types
import typing as t
from unittest import mock

import pytest
from ansible.module_utils import basic
from ansible_collections.flowops.n8n.plugins.module_utils import _module
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n

MODULES = (
    "n8n_execution_delete",
    "n8n_execution_export",
    "n8n_execution_info",
    "n8n_execution_retry",
    "n8n_execution_stats_info",
    "n8n_execution_stop",
    "n8n_execution_tag",
    "n8n_execution_wait",
    "n8n_instance_info",
)
KEY = "key-0123456789"
CONNECTION = {"url": "http://n8n.example.com", "api_key": KEY}


def module(name: str) -> types.ModuleType:
    return importlib.import_module(f"ansible_collections.flowops.n8n.plugins.modules.{name}")


def options_of(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    """The options with which a module is run."""
    seen: list[dict[str, t.Any]] = []
    with monkeypatch.context() as patched:
        patched.setattr(module(name), "run", lambda _operation, spec: seen.append(spec.options))
        module(name).main()
    return seen[0]


@contextlib.contextmanager
def arguments(given: dict[str, t.Any]) -> t.Iterator[None]:
    """The arguments as Ansible hands them to a module; newer versions bring a helper of their own."""
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:
        with mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode()):
            yield
    else:
        with patch_module_args(given):
            yield


class Runner:
    """Runs modules; what they print is their result."""

    def __init__(self, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capfd = capfd
        self._monkeypatch = monkeypatch

    def __call__(self, name: str, n8n: FakeN8n | None, connect: bool = True, **options: t.Any) -> dict[str, t.Any]:
        """The result of a module. Check mode and diff are options too, as Ansible hands them over.

        Without an n8n in memory it goes over the net.
        """
        if n8n is not None:
            self._monkeypatch.setattr(_module, "N8nClient", lambda _connection: n8n.client())
        given = {**(CONNECTION if connect else {}), **options}
        with arguments(given), pytest.raises(SystemExit) as ended:
            module(name).main()
        out, _err = self._capfd.readouterr()
        result: dict[str, t.Any] = json.loads(out.strip().splitlines()[-1])
        assert (ended.value.code != 0) is bool(result.get("failed"))
        return result
