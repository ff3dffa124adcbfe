#!/usr/bin/python
# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retry failed executions of n8n."""

from __future__ import annotations

DOCUMENTATION = r"""
module: n8n_execution_retry
short_description: Retry failed executions of n8n
version_added: 1.0.0
description:
  - Retries executions of the workflows of an n8n instance, with one decision for each chain. A chain is an execution,
    its retries, and theirs.
  - If a member of the chain has succeeded, there is nothing to do. If one is running, waiting or new, it is waited for, and not
    retried in the same run. Otherwise the newest failed member is retried, again and again until it succeeds or
    O(max_attempts) is reached.
  - n8n itself would retry a running execution, and one that was retried before, as often as it is asked to. The module does
    not, and a retry whose answer was lost is looked up, not sent again.
author:
  - flowops.n8n contributors (@flowops)
extends_documentation_fragment:
  - flowops.n8n._attributes
  - flowops.n8n._attributes.action_group
  - flowops.n8n._connection
  - flowops.n8n._selection
attributes:
  check_mode:
    support: full
    details:
      - Predicts the first attempt of each chain, which has the outcome V(retried) and no C(retry_id) then.
  diff_mode:
    support: full
    details:
      - Shows the first 1,000 chains.
  idempotent:
    support: partial
    details:
      - A second run changes nothing, unless the first did not wait for the retries, or O(allow_unrecorded=true) retried
        executions of workflows whose retries n8n does not keep.
options:
  all:
    description:
      - Must be V(true) if nothing is selected, so that every failed execution is retried.
    type: bool
    default: false
  status:
    description:
      - Executions with one of these statuses. If only other filters are given, V(error) and V(crashed) are meant.
      - n8n 1.x cannot list those that are V(new) while it holds them in memory.
    type: list
    elements: str
    choices: [canceled, crashed, error, new, running, success, unknown, waiting]
  load_workflow:
    description:
      - Whether the workflow runs as it is saved now. Otherwise the one of the failed execution is replayed, from the node that
        failed.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait until each retry is over. A retry that waits, as by a Wait node, is not over.
      - With V(false) each chain gets one attempt, and the module goes on as soon as the new execution is seen. If somebody else
        retries the same execution at the same moment, it may be theirs that is named.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for each retry. It goes on in n8n afterwards, and the result names it.
    type: float
    default: 300.0
  max_attempts:
    description:
      - How many retries a chain may have, the original not counted, whoever made them and whenever.
    type: int
    default: 3
  only_transient:
    description:
      - Whether to retry only what may pass by itself, such as a time-out, a refused connection, too many requests or a 5xx of the
        service that was called. The newest failed member of the chain counts. Its data is read for that.
    type: bool
    default: false
  backoff:
    description:
      - Seconds to pause before the second attempt of a chain in the same run. The pause is doubled for each further one, up to
        five minutes.
    type: float
    default: 0.0
  pause:
    description:
      - Seconds to pause after a retry before the next chain is retried.
    type: float
    default: 0.0
  from_node:
    description:
      - The node from which on the workflow is run again, by its id. O(dialect=n8n_work) only; n8n goes on from the node that
        failed.
    type: str
  start_nodes:
    description:
      - The nodes with which the retry begins, by their ids. O(dialect=n8n_work) only.
    type: list
    elements: str
  allow_unrecorded:
    description:
      - Whether to retry executions of workflows whose settings save no successful or no failed executions. n8n forgets such a
        retry, so that it is neither counted nor recognised, and each run of this module retries again.
      - With V(true) those settings are not read. They stand in the execution's data, with O(load_workflow=true) in the workflow.
    type: bool
    default: false
  fail_on_error:
    description:
      - Whether the module fails if a retry of this run did not end with success. A retry of unknown fate always makes it fail.
    type: bool
    default: true
  concurrency:
    description:
      - How many chains may be retried at once, from 1 to 32.
    type: int
    default: 1
notes:
  - n8n-work's document has no field that tells what an execution is a retry of. Where none comes, an execution in whose workflow
    retries began later is C(not_recordable), since one of them may be a retry of it.
  - It needs the scopes C(execution:list), C(execution:read) and C(execution:retry), with O(load_workflow=true) also
    C(workflow:read), unless O(allow_unrecorded=true).
  - The chains are put together from the list of their workflows' executions, since the oldest that is selected. A selection that
    reaches far back makes the module read all of it.
  - A retry that fails starts the workflow's error workflow again.
seealso:
  - module: flowops.n8n.n8n_execution_info
"""

EXAMPLES = r"""
- name: Retry what failed in the last six hours
  flowops.n8n.n8n_execution_retry:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    newer_than: 6h
    limit: 50

- name: Retry what failed for something that may have passed, gently
  flowops.n8n.n8n_execution_retry:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    newer_than: 1d
    only_transient: true
    backoff: 10
    pause: 2

- name: Retry one execution with the workflow as it is now, without failing the play if it fails again
  flowops.n8n.n8n_execution_retry:
    url: https://n8n.example.com
    api_key: "{{ n8n_api_key }}"
    execution_id: "1234"
    load_workflow: true
    fail_on_error: false
"""

RETURN = r"""
chains:
  description: What became of each chain, oldest first. At most 1,000 are listed.
  type: list
  elements: dict
  returned: always
  contains:
    outcome:
      description:
        - V(retried), or would be in check mode.
        - V(already_retried), a member of the chain has succeeded.
        - V(in_progress), a member is running, waiting or new.
        - V(not_failed), the execution itself has succeeded.
        - V(attempts_exhausted), the chain has O(max_attempts) retries.
        - V(not_retryable), n8n does not retry it, as it has nothing to replay.
        - V(not_transient), it failed for what another try will not mend, and O(only_transient=true).
        - V(not_recordable), the workflow's settings save no successes or no failures, and O(allow_unrecorded=false).
        - V(retried_unrecorded), it ran and n8n has kept no record of it.
        - V(unknown), it was sent, and whether it ran could not be found out.
        - V(not_found), the execution is not there or not visible to this key.
      type: str
      sample: retried
    execution_id:
      description: Id of the selected execution, the oldest if several of a chain are selected.
      type: str
      sample: "1234"
    original_id:
      description: Id of the first execution of the chain.
      type: str
      sample: "1234"
    workflow_id:
      description: Id of the workflow.
      type: str
      sample: 6FB4pk3SAhf9riN4
    workflow_name:
      description: Name of the workflow, where it came to be known.
      type: str
      sample: Nightly import
    retried_id:
      description: Id of the member that was retried last.
      type: str
      sample: "1234"
    retry_id:
      description: Id of the new execution, or of the member that has succeeded or is under way.
      type: str
      sample: "1301"
    status:
      description: Status of RV(chains[].retry_id) as it was last seen.
      type: str
      sample: success
    attempts:
      description: How many retries the chain has now.
      type: int
      sample: 1
    msg:
      description: More about it, where there is more to say.
      type: str
      sample: null
    error:
      description: The facts of the error that left its fate unknown.
      type: dict
      returned: when there was one
      sample: {"method": "POST", "retryable": true, "url": "https://n8n.example.com/api/v1/executions/1234/retry"}
counts:
  description: How many chains have each outcome.
  type: dict
  returned: always
  sample: {"already_retried": 2, "retried": 1}
retries_made:
  description: How many retries this run has started, or may have started where the fate of one is unknown.
  type: int
  returned: always
  sample: 1
more_remaining:
  description: Whether O(limit) left chains that would be retried.
  type: bool
  returned: always
  sample: false
msg:
  description: The result in a sentence.
  type: str
  returned: always
  sample: "Looked at 3 chains of executions: 2 already_retried, 1 retried."
errors:
  description:
    - What went wrong with single executions, each with its C(id), the message C(msg) and the facts of the call.
    - One of them does not end the run; it fails after the rest is done. At most 1,000 are listed.
  type: list
  elements: dict
  returned: always
  sample: []
status:
  description: HTTP status of the answer that made the run fail.
  type: int
  returned: when the run failed with an answer
  sample: 403
method:
  description: Method of the call that made the run fail.
  type: str
  returned: when the run failed at a call
  sample: GET
url:
  description: Address of the call that made the run fail, never with a key.
  type: str
  returned: when the run failed at a call
  sample: https://n8n.example.com/api/v1/executions
api_message:
  description: What the server itself said.
  type: str
  returned: when the run failed with an answer
  sample: Forbidden
retryable:
  description: Whether the same run may succeed later without a change.
  type: bool
  returned: when the run failed
  sample: false
"""

from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION, ArgumentSpec, run
from ansible_collections.flowops.n8n.plugins.module_utils._operations import retry


def main() -> None:
    options = ArgumentSpec(
        {
            "all": {"type": "bool", "default": False},
            "load_workflow": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "float", "default": 300.0},
            "max_attempts": {"type": "int", "default": 3},
            "allow_unrecorded": {"type": "bool", "default": False},
            "fail_on_error": {"type": "bool", "default": True},
            "only_transient": {"type": "bool", "default": False},
            "backoff": {"type": "float", "default": 0.0},
            "pause": {"type": "float", "default": 0.0},
            "from_node": {"type": "str"},
            "start_nodes": {"type": "list", "elements": "str"},
            "concurrency": {"type": "int", "default": 1},
        }
    )
    run(retry, CONNECTION + SELECTION + options)


if __name__ == "__main__":
    main()
