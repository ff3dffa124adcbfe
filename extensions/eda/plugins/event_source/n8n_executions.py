# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Source of events for ansible-rulebook: what happens to the executions of an n8n."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import typing as t
import uuid
from datetime import datetime, timezone
from pathlib import Path

DOCUMENTATION = r"""
name: n8n_executions
short_description: Tell what happens to the executions of n8n
version_added: 1.0.0
description:
  - Looks at an instance again and again, and sends an event for every execution that started, began to wait, finished or failed.
  - Executions that end in another order than they started in are not missed, nor is what happens while n8n or the way to it is
    down, as long as n8n still has it. An event comes once within a run. With O(state_path) a later run goes on where this one
    was, and what was told just before a kill is told again, with the same C(key).
  - What its workflow does not save is not told of when it ends, since n8n keeps no record of it.
  - A look asks n8n for four pages of its list, the newest of each, and for as many of what is new, running and waiting while
    there is something live that is not among the newest. With O(workflow) it asks so for each workflow.
    n8n counts the rows of the list for each page, which takes it a tenth of a second and more where the history is large.
  - n8n before 2.13 lists nothing that it holds in memory, which is what waits since its last start. There every id that no list
    shows is asked for once or twice, a hundred of them at a look, and the one after the newest; with O(project) they are not,
    since n8n does not tell the project of a single execution, and what begins to wait between two looks is told of only if it is
    still among the newest two hundred when it ends.
  - ansible-core and requests are needed in the Python that runs ansible-rulebook.
  - ansible-rulebook hands events to playbooks as extra variables, which Ansible takes for templates. Names and messages are
    written by strangers. So in every text of an event the signs that open a template come with a blank between them.
author:
  - flowops.n8n contributors (@flowops)
extends_documentation_fragment:
  - flowops.n8n._connection
options:
  workflow:
    description: Only the executions of these workflows, by id or exact name.
    type: list
    elements: str
  exclude_workflow:
    description: Not the executions of these workflows, by id or exact name.
    type: list
    elements: str
  project:
    description: Only the executions of the project with this id.
    type: str
  mode:
    description: Only executions that were started in one of these ways.
    type: list
    elements: str
    choices: [cli, error, integrated, internal, manual, retry, trigger, webhook, evaluation, chat, agent]
  events:
    description:
      - What is told of.
      - V(started) is told once of each execution, V(waiting) each time that it begins to wait. V(failed) is the end of an
        execution by C(error) or C(crashed), V(finished) every other end, also by C(canceled).
    type: list
    elements: str
    choices: [started, waiting, finished, failed]
    default: [started, waiting, finished, failed]
  digest:
    description:
      - Whether an execution that failed comes with its C(digest), as with P(flowops.n8n.n8n_execution_info#module), and with the
        name of its workflow. It takes a request with the data of that execution.
    type: bool
    default: false
  newer_than:
    description:
      - What started within this time before the first look is told of too, such as V(1h).
      - It does not count where the place of an earlier run is found in O(state_path).
    type: str
  poll_interval:
    description: Seconds between two looks.
    type: float
    default: 10.0
  state_path:
    description:
      - A file in which the place is kept. Without it, a new run tells only of what happens from then on.
      - It is written when the next look is due, so that what was told just before a kill is told again.
      - With C(feedback=true) and a rulebook that runs with persistence it is written as soon as ansible-rulebook has stored the
        events.
      - In a decision environment it must lie on a volume that is mounted.
    type: path
"""

EXAMPLES = r"""
- name: Retry what failed for a reason that may pass
  hosts: all
  sources:
    - flowops.n8n.n8n_executions:
        url: https://n8n.example.com
        api_key: "{{ N8N_API_KEY }}"
        events: [failed]
        digest: true
        state_path: /var/lib/eda/n8n.json
  rules:
    - name: It may pass
      condition: event.execution.digest.transient
      action:
        run_module:
          name: flowops.n8n.n8n_execution_retry
          module_args:
            execution_id: ["{{ event.execution.id }}"]
            only_transient: true
"""

RETURN = r"""
kind:
  description: What happened, V(started), V(waiting), V(finished) or V(failed).
  type: str
  returned: always
  sample: failed
key:
  description: What tells this event from every other one. It is the same whenever the event is told.
  type: str
  returned: always
  sample: https://n8n.example.com#1234:failed
instance:
  description: Address of the instance.
  type: str
  returned: always
  sample: https://n8n.example.com
execution:
  description: The execution as it was when it was looked at, with the keys that P(flowops.n8n.n8n_execution_info#module) returns.
  type: dict
  returned: always
"""

# A source is loaded by its path alone, wherever the collection lies.
sys.path.insert(0, str(Path(__file__).absolute().parents[7]))

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator  # noqa: E402
from ansible_collections.flowops.n8n.plugins.module_utils._errors import (  # noqa: E402
    Forbidden,
    InvalidInput,
    MissingLibrary,
    N8nError,
    NoSuchRoute,
    Unauthorized,
)
from ansible_collections.flowops.n8n.plugins.module_utils._files import NotWritten  # noqa: E402
from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION, ArgumentSpec  # noqa: E402
from ansible_collections.flowops.n8n.plugins.module_utils._operations import watch  # noqa: E402
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient, parse_connection  # noqa: E402

LOGGER = logging.getLogger("flowops.n8n.n8n_executions")
# However long a server is away, it is looked for this often, in seconds.
LONGEST_PAUSE = 60.0

SPEC = (
    CONNECTION
    + ArgumentSpec({name: SELECTION.options[name] for name in ("workflow", "exclude_workflow", "project", "mode", "newer_than")})
    + ArgumentSpec(
        {
            "events": {"type": "list", "elements": "str", "choices": list(watch.KINDS), "default": list(watch.KINDS)},
            "digest": {"type": "bool", "default": False},
            "poll_interval": {"type": "float", "default": 10.0},
            "state_path": {"type": "path"},
        }
    )
)
# An option of ansible-rulebook's own, and what it hands over where that is set.
_FEEDBACK = frozenset({"feedback", "eda_feedback_queue"})


async def main(queue: t.Any, args: dict[str, t.Any]) -> None:
    """Send events for ever. Raises ``N8nError`` only for what would be the same at every look."""
    rule, watching = _begin(args)
    taken: asyncio.Queue[t.Any] | None = args.get("eda_feedback_queue")
    pause = rule.poll_interval
    answered = saved = False
    while True:
        try:
            events = await asyncio.to_thread(watching.look)
        except N8nError as error:
            if not answered and isinstance(error, (Forbidden, InvalidInput, MissingLibrary, NoSuchRoute, Unauthorized)):
                raise
            LOGGER.warning("%s Looking again in %g s.", error, pause)
            await asyncio.sleep(pause)
            pause = max(rule.poll_interval, min(2 * pause, LONGEST_PAUSE))
            continue
        if pause > rule.poll_interval:
            LOGGER.warning("n8n answers again.")
        answered, pause = True, rule.poll_interval
        for warning in watching.warnings:
            LOGGER.warning("%s", warning)
        for event in events:
            await queue.put(_harmless({**event.record(), "meta": {"uuid": str(uuid.uuid5(uuid.NAMESPACE_URL, event.key))}}))
            if taken is not None:
                await taken.get()
        if taken is None:
            # What was sent just now may not have been acted on yet, and is to be sent again after a kill.
            await asyncio.sleep(pause)
        try:
            await asyncio.to_thread(watching.save)
        except NotWritten as error:
            if not saved:
                raise
            LOGGER.warning("%s It is tried again after the next look.", error)
        saved = True
        if taken is not None:
            await asyncio.sleep(pause)


def _begin(args: dict[str, t.Any]) -> tuple[watch.WatchRule, watch.Watch]:
    """What is to be watched. Raises ``InvalidInput`` for options that cannot be meant."""
    given = {name: value for name, value in args.items() if name not in _FEEDBACK}
    checked = ArgumentSpecValidator(SPEC.options, required_by=SPEC.required_by).validate(given)
    if checked.error_messages:
        raise InvalidInput("; ".join(checked.error_messages))
    params = checked.validated_parameters
    rule = watch.parse(params, datetime.now(timezone.utc))
    return rule, watch.Watch(N8nClient(parse_connection(params)), rule)


def _harmless(value: t.Any) -> t.Any:
    """The same with nothing in it that Ansible would take for a template."""
    if isinstance(value, dict):
        return {_harmless(key): _harmless(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_harmless(inner) for inner in value]
    return re.sub(r"\{(?=[{%#])", "{ ", value) if isinstance(value, str) else value
