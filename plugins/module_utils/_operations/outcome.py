# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of each chain of retries, and of a whole run of them. No I/O."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ansible_collections.flowops.n8n.plugins.module_utils._errors import N8nError
from ansible_collections.flowops.n8n.plugins.module_utils._execution import LIVE
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import LISTED, Faults, Result, plural

RETRIED = "retried"
ALREADY_RETRIED = "already_retried"
IN_PROGRESS = "in_progress"
NOT_FAILED = "not_failed"
ATTEMPTS_EXHAUSTED = "attempts_exhausted"
NOT_RETRYABLE = "not_retryable"
NOT_RECORDABLE = "not_recordable"
NOT_TRANSIENT = "not_transient"
RETRIED_UNRECORDED = "retried_unrecorded"
UNKNOWN = "unknown"
NOT_FOUND = "not_found"

NOTHING_STORED = "n8n has kept no data of it that could be replayed"

# After these n8n has, or may have, a new execution of our making.
CHANGING = frozenset({RETRIED, RETRIED_UNRECORDED, UNKNOWN})
# These are said aloud even where nothing failed.
WARNED_OF = frozenset({UNKNOWN, RETRIED_UNRECORDED, NOT_FOUND, NOT_RECORDABLE})


@dataclass
class Outcome:
    """What became of a chain. ``status`` is that of ``retry_id``; ``made`` counts the retries of this run.

    ``before`` is the line of the diff that describes the chain as it was found, ``order`` its place among the others.
    """

    outcome: str
    execution_id: str
    original_id: str | None = None
    workflow_id: str | None = None
    workflow_name: str | None = None
    retried_id: str | None = None
    retry_id: str | None = None
    status: str | None = None
    attempts: int | None = None
    made: int = 0
    msg: str | None = None
    before: str = ""
    order: int = 0
    error: N8nError | None = None

    def record(self) -> dict[str, t.Any]:
        """What a module returns for it."""
        record = {name: value for name, value in vars(self).items() if name not in ("before", "error", "made", "order")}
        # An error's own "status" is HTTP's, and this record's is the execution's.
        facts = self.error.fields() if self.error is not None else {}
        return {**record, **({"error": facts} if facts else {})}

    def line(self, check_mode: bool) -> str:
        """The line of the diff that describes the chain afterwards."""
        if self.outcome not in CHANGING:
            return self.before
        if check_mode:
            return f"{self.before}; to be retried"
        return f"{self.before}; {self.outcome}: execution {self.retry_id or '?'} is {self.status or 'of unknown fate'}"


class Interrupted(N8nError):
    """An error that came after something was done to the same chain: ``outcome`` tells what, ``cause`` why it ended."""

    def __init__(self, outcome: Outcome, cause: N8nError) -> None:
        super().__init__(str(cause))
        self.outcome = outcome
        self.cause = cause
        self.condemns_all = cause.condemns_all


@dataclass
class Tally:
    """A whole run: what was done, or in check mode would be."""

    check_mode: bool
    wait: bool
    wait_timeout: float
    fail_on_error: bool
    outcomes: list[Outcome] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    made: int = 0
    unsuccessful: list[Outcome] = field(default_factory=list)
    unknown: list[Outcome] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    changed: bool = False
    more_remaining: bool = False
    faults: Faults = field(default_factory=Faults)

    def add(self, outcome: Outcome) -> None:
        self.counts[outcome.outcome] += 1
        self.made += outcome.made
        self.changed = self.changed or outcome.outcome in CHANGING
        if len(self.outcomes) < LISTED:
            self.outcomes.append(outcome)
        if outcome.outcome == UNKNOWN:
            self.unknown.append(outcome)
        elif outcome.outcome in CHANGING and not self.check_mode and self._disappoints(outcome):
            self.unsuccessful.append(outcome)
        if outcome.outcome in WARNED_OF and len(self.warnings) < LISTED:
            self.warnings.append(f"execution {outcome.execution_id}: {outcome.outcome}: {outcome.msg}")

    def fail(self, execution_id: str, error: N8nError) -> None:
        if isinstance(error, Interrupted):
            self.add(error.outcome)
            error = error.cause
        self.faults.add(execution_id, error)

    def _disappoints(self, outcome: Outcome) -> bool:
        if self.wait:
            return outcome.status != "success"
        return outcome.status in ("error", "crashed", "canceled")

    def sentence(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.counts.items()))
        total = sum(self.counts.values())
        said = "Predicted for" if self.check_mode else "Looked at"
        failed = f"; {plural(len(self.unsuccessful))} did not come to a success" if self.unsuccessful else ""
        more = "; more remain" if self.more_remaining else ""
        return f"{said} {total} chain{'' if total == 1 else 's'} of executions: {counts or 'nothing to do'}{failed}{more}."

    def failure(self) -> str | None:
        """The sentence for a run that failed: an error, a retry of unknown fate, one that did not succeed."""
        failed = self.faults.sentence(self.sentence())
        if failed is not None:
            return failed
        if self.unknown:
            return f"{self.sentence()} {self.unknown[0].msg}"
        if not self.unsuccessful or not self.fail_on_error:
            return None
        first = self.unsuccessful[0]
        ended = f"ended with {first.status}"
        if first.status in LIVE:
            ended = f"is still {first.status} after {self.wait_timeout:g} s and goes on in n8n"
        return f"{self.sentence()} The first is execution {first.execution_id}: its retry {first.retry_id} {ended}."

    def result(self) -> Result:
        failure = self.failure()
        # Several at once end in any order.
        outcomes = sorted(self.outcomes, key=lambda outcome: outcome.order)
        values: dict[str, t.Any] = {
            "chains": [outcome.record() for outcome in outcomes],
            "counts": dict(sorted(self.counts.items())),
            "retries_made": self.made,
            "more_remaining": self.more_remaining,
            "errors": self.faults.items,
            "msg": self.sentence(),
            **self.faults.fields(),
        }
        shown = [outcome for outcome in outcomes if outcome.before]
        diff = {
            "before_header": "chains of executions",
            "after_header": "chains of executions",
            "before": "".join(f"{outcome.before}\n" for outcome in shown),
            "after": "".join(f"{outcome.line(self.check_mode)}\n" for outcome in shown),
        }
        return Result(self.changed, values, diff=diff, warnings=self.warnings, failure=failure)
