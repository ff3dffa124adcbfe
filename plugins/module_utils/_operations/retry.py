# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retry executions: one decision per chain, at most one new execution per decision."""

from __future__ import annotations

import threading
import time
import typing as t
from dataclasses import dataclass, replace
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._digest import digest_of
from ansible_collections.flowops.n8n.plugins.module_utils._errors import Forbidden, InvalidInput, N8nError, NotFound
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution, Workflow
from ansible_collections.flowops.n8n.plugins.module_utils._operations.attempt import Attempt, Attempts
from ansible_collections.flowops.n8n.plugins.module_utils._operations.chain import Chain, floor, gather, is_stray
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import (
    Result,
    describe,
    get_each,
    resolve_workflows,
)
from ansible_collections.flowops.n8n.plugins.module_utils._operations.outcome import (
    ALREADY_RETRIED,
    ATTEMPTS_EXHAUSTED,
    CHANGING,
    IN_PROGRESS,
    NOT_FAILED,
    NOT_FOUND,
    NOT_RECORDABLE,
    NOT_RETRYABLE,
    NOT_TRANSIENT,
    NOTHING_STORED,
    RETRIED,
    Interrupted,
    Outcome,
    Tally,
)
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection_to
from ansible_collections.flowops.n8n.plugins.module_utils._wire import QUOTE
from ansible_collections.flowops.n8n.plugins.module_utils.client import MOST_SECONDS, N8nClient, check_seconds

# Seconds for which what was read of a chain is trusted: a batch may take hours, and others retry too.
FRESH_FOR = 5.0
# Seconds: the back-off between the attempts of a chain is doubled up to this.
BACKOFF_MOST = 300.0

_MESSAGES = {
    ATTEMPTS_EXHAUSTED: "as many retries were made as max_attempts allows",
    NOT_RETRYABLE: f"{NOTHING_STORED}, or it has a status that n8n does not retry",
    NOT_RECORDABLE: (
        "the workflow's settings save no successful or no failed executions, so its retries could be neither counted "
        "nor recognised and every run would retry again; set allow_unrecorded=true to retry it all the same"
    ),
}


@dataclass(frozen=True)
class RetryRule:
    """``now`` is fixed at the start; times are in seconds, ``wait_timeout`` for one execution."""

    now: datetime
    selection: Selection
    load_workflow: bool
    wait: bool
    wait_timeout: float
    max_attempts: int
    allow_unrecorded: bool
    fail_on_error: bool
    only_transient: bool = False
    backoff: float = 0.0
    pause: float = 0.0
    from_node: str | None = None
    start_nodes: tuple[str, ...] = ()

    def decide(self, chain: Chain) -> str:
        """What becomes of a chain by its members: ``RETRIED`` for one to be retried, else why it is not."""
        if chain.success_id is not None:
            selected_succeeded = any(chain.members[one.id].status == "success" for one in chain.selected)
            return NOT_FAILED if selected_succeeded else ALREADY_RETRIED
        if chain.live is not None:
            return IN_PROGRESS
        if chain.newest_failed is None:
            return NOT_RETRYABLE
        if chain.strays and not self.allow_unrecorded:
            return NOT_RECORDABLE
        if chain.attempts >= self.max_attempts:
            return ATTEMPTS_EXHAUSTED
        return RETRIED


def parse(params: t.Mapping[str, t.Any], now: datetime) -> RetryRule:
    """Raises ``InvalidInput``. Filters without a status mean what failed or crashed."""
    selection = parse_selection_to("retry", params, now)
    if selection.ids is None and selection.statuses is None:
        selection = selection.with_statuses(("error", "crashed"))
    if params["max_attempts"] < 1:
        raise InvalidInput("max_attempts: 1 or more is wanted.")
    check_seconds(params, "wait_timeout")
    for option in ("backoff", "pause"):
        if not 0 <= params[option] <= MOST_SECONDS:
            raise InvalidInput(f"{option}: seconds are wanted, 0 or more, and a day ({MOST_SECONDS}) at most.")
    return RetryRule(
        now=now,
        selection=selection,
        load_workflow=params["load_workflow"],
        wait=params["wait"],
        wait_timeout=params["wait_timeout"],
        max_attempts=params["max_attempts"],
        allow_unrecorded=params["allow_unrecorded"],
        fail_on_error=params["fail_on_error"],
        only_transient=params["only_transient"],
        backoff=params["backoff"],
        pause=params["pause"],
        from_node=params["from_node"],
        start_nodes=tuple(params["start_nodes"] or ()),
    )


def carry_out(client: N8nClient, rule: RetryRule, check_mode: bool) -> Result:
    """Retry what the rule means. In check mode the first attempt of each chain is predicted."""
    tally = Tally(check_mode, rule.wait, rule.wait_timeout, rule.fail_on_error)
    selection, names = resolve_workflows(client, rule.selection)
    try:
        retrier = _Retrier(client, replace(rule, selection=selection), check_mode, names)
        for chain, outcome in client.each(retrier.handle, retrier.chains(tally)):
            if isinstance(outcome, N8nError):
                tally.fail(chain.selected[0].id, outcome)
            else:
                tally.add(outcome)
    except N8nError as error:
        tally.faults.end = error
    return tally.result()


class _Retrier:
    """Finds the chains and carries out the decisions; from several threads, each with a chain of its own."""

    def __init__(self, client: N8nClient, rule: RetryRule, check_mode: bool, names: dict[str, str]) -> None:
        self._client = client
        self._rule = rule
        self._check_mode = check_mode
        self._names = names
        self._workflows: dict[str, Workflow | None] = {}
        self._digests: dict[str, dict[str, t.Any]] = {}
        self._read_at = 0.0
        self._not_before = 0.0
        self._lock = threading.Lock()
        self._attempts = Attempts(
            client, rule.now, rule.load_workflow, rule.wait, rule.wait_timeout, rule.from_node, rule.start_nodes
        )
        # The retries of this run: of these it is known what they are a retry of, whatever the server tells.
        self._made: set[str] = set()

    def chains(self, tally: Tally) -> t.Iterator[Chain]:
        """The chains of what is selected, oldest first; beyond ``limit`` none that would be acted on."""
        selection = self._rule.selection
        if selection.ids is not None:
            selected, absent = get_each(self._client, selection.ids, tally.faults)
            for execution_id in absent:
                tally.add(Outcome(NOT_FOUND, execution_id, msg="not there or not visible to this key"))
            if tally.faults.end is not None:
                raise tally.faults.end
        else:
            selected = list(self._client.executions(selection))
        acted = 0
        for chain in self._gather(selected, tally):
            try:
                decision = self._decide(chain)
            except N8nError as error:
                if error.condemns_all:
                    raise
                tally.fail(chain.selected[0].id, error)
                continue
            if decision == RETRIED:
                if selection.ids is None and selection.limit is not None and acted >= selection.limit:
                    tally.more_remaining = True
                    continue
                acted += 1
            yield chain

    def _gather(self, selected: list[Execution], tally: Tally) -> list[Chain]:
        """The chains, whole: from each workflow's rows since the oldest ancestor."""
        self._read_at = time.monotonic()
        return gather(self._client, self._rule.now, selected, tally.fail)

    def _decide(self, chain: Chain) -> str:
        """The rule's decision, and for a chain to be retried whether it may help, and whether n8n would keep that retry."""
        decision, candidate = self._rule.decide(chain), chain.newest_failed
        if decision != RETRIED or candidate is None:
            return decision
        if self._rule.only_transient and not self._digest(candidate)["transient"]:
            return NOT_TRANSIENT
        if self._rule.allow_unrecorded:
            return decision
        workflow = self._settings(candidate)
        if workflow is None:
            return NOT_RETRYABLE
        return NOT_RECORDABLE if False in (workflow.saves_success, workflow.saves_failure) else RETRIED

    def _digest(self, execution: Execution) -> dict[str, t.Any]:
        """Why it failed; read once."""
        if execution.id not in self._digests:
            self._digests[execution.id] = digest_of(self._client.get(execution.id, include_data=True))
        return self._digests[execution.id]

    def _why_lasting(self, execution: Execution) -> str:
        digest = self._digest(execution)
        if digest["message"] is None:
            return f"n8n does not show why execution {execution.id} failed, so nothing says that another try may succeed"
        where = f" at {digest['failing_node']}" if digest["failing_node"] else ""
        return f"execution {execution.id} failed{where}, which another try will not mend: {digest['message'][:QUOTE]}"

    def _settings(self, execution: Execution) -> Workflow | None:
        """The workflow whose settings hold for a retry: the saved one if that is to run, else the one that ran before.

        ``None`` where it is not kept, so that there is nothing to run.
        """
        key = execution.workflow_id or "" if self._rule.load_workflow else f"execution {execution.id}"
        if key not in self._workflows:
            try:
                workflow = self._client.workflow(key) if self._rule.load_workflow else self._client.snapshot(execution.id)
            except NotFound:
                workflow = None
            except Forbidden as error:
                error.args = (
                    f"{error} It is read to see whether the workflow keeps its retries; "
                    "allow_unrecorded=true retries without looking.",
                )
                raise
            self._workflows[key] = workflow
            if workflow is not None and workflow.name:
                self._names[workflow.id] = workflow.name
        return self._workflows[key]

    def handle(self, chain: Chain) -> Outcome:
        """Decide and act, until the chain has a success, is exhausted, or cannot be followed any further.

        Raises ``Interrupted`` if an error comes after a retry was made.
        """
        so_far = "1 retry" if chain.attempts == 1 else f"{chain.attempts} retries"
        before = f"{describe(chain.selected[0])}, {so_far} so far"
        last: Outcome | None = None
        read_at, paused = self._read_at, False
        try:
            while True:
                if not self._check_mode and time.monotonic() - read_at > FRESH_FOR:
                    read_at = time.monotonic()
                    self._read_again(chain)
                decision, candidate = self._decide(chain), chain.newest_failed
                if decision != RETRIED or candidate is None:
                    return self._passed_over(chain, decision, before) if last is None else self._done(chain, decision, last)
                if self._check_mode:
                    return self._outcome(chain, Attempt(RETRIED), before, candidate)
                if not paused:
                    self._pause(last)
                    paused = True
                    # Others may have retried it in the meantime.
                    continue
                attempt = self._attempts.make(candidate, set(chain.members))
                with self._lock:
                    self._not_before = time.monotonic() + self._rule.pause
                paused = False
                made = (last.made if last else 0) + (1 if attempt.outcome in CHANGING else 0)
                if attempt.execution is not None:
                    self._made.add(attempt.execution.id)
                    chain.add(attempt.execution)
                if last is not None and attempt.outcome not in CHANGING:
                    # What was done before is what the run has to tell.
                    last.msg = f"Execution {candidate.id} cannot be retried in turn: {attempt.msg}"
                    return last
                last = self._outcome(chain, attempt, before, candidate, made)
                if attempt.outcome != RETRIED or attempt.execution is None:
                    return last
                if not self._rule.wait or attempt.execution.is_live or attempt.execution.status == "success":
                    return last
        except N8nError as error:
            if last is None:
                raise
            raise Interrupted(last, error) from error

    def _pause(self, last: Outcome | None) -> None:
        """Before a chain's first attempt, the pause since the last retry of another; before each further one, its back-off."""
        if last is not None:
            time.sleep(min(self._rule.backoff * 2.0 ** (last.made - 1), BACKOFF_MOST))
            return
        with self._lock:
            left = self._not_before - time.monotonic()
        if left > 0:
            time.sleep(left)

    def _passed_over(self, chain: Chain, decision: str, before: str) -> Outcome:
        """The outcome of a chain that is not retried; a member under way is waited for."""
        seen, message = chain.success, _MESSAGES.get(decision)
        if decision == NOT_RECORDABLE and chain.strays:
            message = _whose(chain)
        if decision == NOT_TRANSIENT and chain.newest_failed is not None:
            message = self._why_lasting(chain.newest_failed)
        if decision == IN_PROGRESS and chain.live is not None:
            seen = chain.live
            if self._rule.wait and not self._check_mode:
                try:
                    seen = self._attempts.follow(seen, time.monotonic() + self._rule.wait_timeout)
                except NotFound:
                    message = f"execution {seen.id} was under way and is gone: n8n has kept no record of it"
                chain.add(seen)
                if seen.status == "success":
                    decision = self._decide(chain)
        outcome = self._outcome(chain, Attempt(decision, seen, message), before)
        outcome.retry_id = outcome.retry_id or chain.success_id
        if outcome.retry_id == outcome.original_id:
            # It is no retry: the selected execution itself succeeded, or is under way.
            outcome.retry_id = None
        return outcome

    def _done(self, chain: Chain, decision: str, last: Outcome) -> Outcome:
        """The outcome of a chain that was retried and is not any more, perhaps because others have retried it meanwhile."""
        last.attempts = chain.attempts
        if decision in (ALREADY_RETRIED, IN_PROGRESS):
            theirs = self._passed_over(chain, decision, last.before)
            last.msg = (
                f"its retry {last.retry_id} ended with {last.status}, and others have retried it as {theirs.retry_id} since"
            )
            last.retry_id, last.status = theirs.retry_id, theirs.status or "success"
        return last

    def _outcome(self, chain: Chain, attempt: Attempt, before: str, retried: Execution | None = None, made: int = 0) -> Outcome:
        original = chain.original
        return Outcome(
            outcome=attempt.outcome,
            execution_id=chain.selected[0].id,
            order=chain.selected[0].order,
            original_id=original.retry_of or original.id,
            workflow_id=original.workflow_id,
            workflow_name=original.workflow_name or self._names.get(original.workflow_id or ""),
            retried_id=retried.id if retried is not None else None,
            retry_id=attempt.execution.id if attempt.execution is not None else None,
            status=attempt.execution.status if attempt.execution is not None else None,
            attempts=chain.attempts,
            made=made,
            msg=attempt.msg,
            before=before,
            error=attempt.error,
        )

    def _read_again(self, chain: Chain) -> None:
        """Take in what others have done to the chain since it was read."""
        workflow_id = chain.original.workflow_id
        selection = Selection(now=self._rule.now, workflows=None if workflow_id is None else (workflow_id,))
        rows = self._client.executions(selection, floor(chain.members.values()))
        kept = [row for row in rows if row.retry_of is not None or row.id in chain.members or is_stray(row)]
        for row in sorted(kept, key=lambda one: one.order):
            if row.id in chain.members or row.retry_of in chain.members:
                chain.add(row)
        chain.take_strays(kept, self._made)


def _whose(chain: Chain) -> str:
    named = ", ".join(stray.id for stray in chain.strays[:3])
    more = f" and {len(chain.strays) - 3} more" if len(chain.strays) > 3 else ""
    return (
        f"its workflow has retries of which the server does not tell what they are a retry of ({named}{more}), perhaps of this "
        "one, so whether it succeeded meanwhile and how often it was tried cannot be known; look at them, and set "
        "allow_unrecorded=true to retry it all the same"
    )
