# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that modules share, and the one place where a module ends: exit_json and fail_json."""

from __future__ import annotations

import typing as t
from contextlib import closing
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule, env_fallback, missing_required_lib
from ansible_collections.flowops.n8n.plugins.module_utils._dialects.registry import DEFAULT, DIALECTS
from ansible_collections.flowops.n8n.plugins.module_utils._errors import MissingLibrary, N8nError, NotOffered
from ansible_collections.flowops.n8n.plugins.module_utils._execution import MODES, STATUSES
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient, parse_connection

if t.TYPE_CHECKING:
    _Rule = t.TypeVar("_Rule")

    class Operation(t.Protocol[_Rule]):
        """A verb: its options as a frozen rule, and the carrying out of the rule."""

        def parse(self, params: t.Mapping[str, t.Any], now: datetime) -> _Rule:
            """Raise ``InvalidInput`` for what cannot be meant."""

        def carry_out(self, client: N8nClient, rule: _Rule, check_mode: bool) -> Result:
            """Raise an ``N8nError`` only where nothing was done."""


# A secret that is shorter is not hidden in the output: masking "1" or "on" would turn counts and dates into asterisks.
SHORTEST_SECRET = 8

_Options = t.Dict[str, t.Dict[str, t.Any]]


class ArgumentSpec:
    """Options and the rules between them, as AnsibleModule takes them; specs add up."""

    def __init__(
        self,
        options: _Options,
        *,
        mutually_exclusive: t.Sequence[t.Sequence[str]] = (),
        required_by: t.Mapping[str, t.Sequence[str]] | None = None,
    ) -> None:
        self.options = options
        self.mutually_exclusive = list(mutually_exclusive)
        self.required_by = dict(required_by or {})

    def __add__(self, other: ArgumentSpec) -> ArgumentSpec:
        """Both together; where an option stands in both, the right one counts."""
        return ArgumentSpec(
            {**self.options, **other.options},
            mutually_exclusive=[*self.mutually_exclusive, *other.mutually_exclusive],
            required_by={**self.required_by, **other.required_by},
        )

    def arguments(self) -> dict[str, t.Any]:
        """The keyword arguments for AnsibleModule."""
        return {
            "argument_spec": self.options,
            "mutually_exclusive": self.mutually_exclusive,
            "required_by": self.required_by,
        }


CONNECTION = ArgumentSpec(
    {
        "url": {"type": "str", "required": True, "fallback": (env_fallback, ["N8N_URL"])},
        "api_key": {"type": "str", "required": True, "no_log": True, "fallback": (env_fallback, ["N8N_API_KEY"])},
        "dialect": {"type": "str", "default": DEFAULT, "choices": sorted(DIALECTS), "fallback": (env_fallback, ["N8N_DIALECT"])},
        "api_path": {"type": "str"},
        "headers": {"type": "dict", "no_log": True},
        "timeout": {"type": "float", "default": 30.0},
        "max_request_retries": {"type": "int", "default": 5},
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "client_cert": {"type": "path"},
        "client_key": {"type": "path"},
        "use_proxy": {"type": "bool", "default": True},
        "concurrency": {"type": "int", "default": 4},
    },
    required_by={"client_key": ["client_cert"]},
)

SELECTION = ArgumentSpec(
    {
        "execution_id": {"type": "list", "elements": "str", "aliases": ["id"]},
        "workflow": {"type": "list", "elements": "str"},
        "exclude_workflow": {"type": "list", "elements": "str"},
        "project": {"type": "str"},
        "status": {"type": "list", "elements": "str", "choices": list(STATUSES)},
        "mode": {"type": "list", "elements": "str", "choices": list(MODES)},
        "started_after": {"type": "str"},
        "started_before": {"type": "str"},
        "older_than": {"type": "str"},
        "newer_than": {"type": "str"},
        "min_duration": {"type": "str"},
        "limit": {"type": "int"},
    },
)


def run(operation: Operation[_Rule], spec: ArgumentSpec) -> None:
    """Be the module: read the options, carry the operation out, and tell what came of it."""
    module = AnsibleModule(supports_check_mode=True, **spec.arguments())
    _mask(module)
    try:
        result = perform(operation, module.params, module.check_mode)
    except MissingLibrary as error:
        module.fail_json(msg=missing_required_lib(error.library), exception=error.import_traceback)
    except N8nError as error:
        module.fail_json(msg=str(error), changed=False, **error.fields())
    for warning in result.warnings:
        module.warn(warning)
    values: dict[str, t.Any] = {**result.values, "changed": result.changed}
    if result.diff is not None and module._diff:  # pylint: disable=protected-access
        values["diff"] = result.diff
    if result.failure is not None:
        module.fail_json(**{**values, "msg": result.failure})
    module.exit_json(**values)


def perform(operation: Operation[_Rule], params: t.Mapping[str, t.Any], check_mode: bool) -> Result:
    """Carry an operation out with these options. Raises an ``N8nError`` only where nothing was done."""
    refuse_foreign(params)
    rule = operation.parse(params, datetime.now(timezone.utc))
    with closing(N8nClient(parse_connection(params))) as client:
        return operation.carry_out(client, rule, check_mode)


def refuse_foreign(params: t.Mapping[str, t.Any]) -> None:
    """Raise ``NotOffered`` for an option that asks for what only another platform has."""
    dialect = DIALECTS[params["dialect"]]
    for option, (nothing, reason) in dialect.not_offered.items():
        if params.get(option, nothing) != nothing:
            raise NotOffered(f"{option}: not on {dialect.platform}, since {reason}. Leave it out, or see the option dialect.")


def _mask(module: AnsibleModule) -> None:
    """Hide the key also as it is sent, without its surrounding blanks, and show what is too short to be a secret."""
    module.no_log_values.add((module.params["api_key"] or "").strip())
    for value in list(module.no_log_values):
        if len(value.strip()) < SHORTEST_SECRET:
            module.no_log_values.discard(value)
