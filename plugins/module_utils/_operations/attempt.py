# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One attempt at a retry: sent once, its fate looked up where the answer leaves a doubt."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.flowops.n8n.plugins.module_utils._errors import (
    Forbidden,
    N8nError,
    NoSuchRoute,
    NotBegun,
    NotConnected,
    NotFound,
    NotRetryable,
    RateLimited,
    Unauthorized,
)
from ansible_collections.flowops.n8n.plugins.module_utils._execution import Execution
from ansible_collections.flowops.n8n.plugins.module_utils._operations.outcome import (
    IN_PROGRESS,
    NOT_FAILED,
    NOT_FOUND,
    NOT_RETRYABLE,
    NOTHING_STORED,
    RETRIED,
    RETRIED_UNRECORDED,
    UNKNOWN,
)
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient

# These answers leave no doubt that nothing was started.
_CERTAIN = (Forbidden, NoSuchRoute, NotBegun, NotConnected, RateLimited, Unauthorized)

# Seconds: how long a retry of unknown fate is looked for, and the pause between looks at one that is not over.
LOOK_UP_FOR = 15.0
POLL_FIRST, POLL_MOST = 0.2, 5.0


@dataclass(frozen=True)
class Attempt:
    """What became of it. ``execution`` is the new one; ``error`` is what left the doubt, where there is one."""

    outcome: str
    execution: Execution | None = None
    msg: str | None = None
    error: N8nError | None = None


@dataclass(frozen=True)
class Attempts:
    """How attempts are made; ``wait_timeout`` is in seconds for each."""

    client: N8nClient
    now: datetime
    load_workflow: bool
    wait: bool
    wait_timeout: float
    from_node: str | None = None
    start_nodes: tuple[str, ...] = ()

    def make(self, execution: Execution, known: set[str]) -> Attempt:
        """Retry an execution; ``known`` are the ids that are not a retry of ours.

        Raises an ``N8nError`` only where nothing can have been started.
        """
        deadline = time.monotonic() + self.wait_timeout
        doubt: N8nError | None = None
        try:
            started = self._send(execution) if self.wait else self._send_and_see(execution, known)
        except NotRetryable as error:
            return Attempt(_refusal(error), msg=str(error))
        except NotFound as error:
            return self._refused_as_absent(execution, str(error))
        except _CERTAIN:
            raise
        except N8nError as error:
            doubt = error
            started = self._look_up(execution, known)
        if started is None:
            return Attempt(UNKNOWN, msg=_unknown(execution, doubt), error=doubt)
        try:
            seen = self.follow(started, deadline if self.wait else 0.0)
            # Not every server tells of an execution what it is a retry of; of ours it is known.
            return Attempt(RETRIED, seen._replace(retry_of=execution.id))
        except NotFound:
            return Attempt(
                RETRIED_UNRECORDED,
                started._replace(status="unknown") if started.is_live else started,
                msg=f"execution {started.id} ran, but n8n has kept no record of it, so another run would retry again",
            )

    def _refused_as_absent(self, execution: Execution, said: str) -> Attempt:
        """n8n 2.x says of an execution without stored data that it does not exist."""
        try:
            self.client.get(execution.id)
        except NotFound:
            return Attempt(NOT_FOUND, msg=said)
        return Attempt(NOT_RETRYABLE, msg=NOTHING_STORED)

    def follow(self, execution: Execution, deadline: float) -> Execution:
        """The execution once it is over, or as it is at the deadline. Raises ``NotFound`` if it is not kept."""
        pause = POLL_FIRST
        while True:
            try:
                execution = self.client.get(execution.id)
            except NotFound:
                raise
            except N8nError as error:
                # What was started is reported even if it cannot be watched any more.
                if not error.retryable or time.monotonic() >= deadline:
                    return execution
            if not execution.is_live or time.monotonic() >= deadline:
                return execution
            time.sleep(max(min(pause, deadline - time.monotonic()), 0))
            pause = min(2 * pause, POLL_MOST)

    def _send(self, execution: Execution) -> Execution:
        return self.client.retry(execution.id, self.load_workflow, self.wait_timeout, self.from_node, self.start_nodes)

    def _send_and_see(self, execution: Execution, known: set[str]) -> Execution | None:
        """Return as soon as the new execution is seen; the call itself lasts until that run's end.

        It stays open meanwhile, in a thread that ends with the module: hanging up does not stop the run.
        """
        answer: list[Execution | Exception] = []
        over = threading.Event()

        def send() -> None:
            try:
                answer.append(self._send(execution))
            except Exception as error:  # pylint: disable=broad-except # handed to the thread that waits for it
                answer.append(error)
            over.set()

        threading.Thread(target=send, daemon=True).start()
        deadline = time.monotonic() + self.client.connection.timeout
        pause = POLL_FIRST
        while not over.wait(pause) and time.monotonic() < deadline:
            seen = self._seen(execution, known)
            if seen is not None:
                return seen
            pause = min(2 * pause, POLL_MOST)
        if not answer:
            return None
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]

    def _look_up(self, execution: Execution, known: set[str]) -> Execution | None:
        """The retry of unknown fate, if it can be found. Not finding it proves nothing: it may not be kept."""
        deadline = time.monotonic() + LOOK_UP_FOR
        pause = POLL_FIRST
        while True:
            seen = self._seen(execution, known)
            if seen is not None or time.monotonic() >= deadline:
                return seen
            time.sleep(pause)
            pause = min(2 * pause, POLL_MOST)

    def _seen(self, execution: Execution, known: set[str]) -> Execution | None:
        """A retry of it that was not there before. A look that fails shows nothing, which decides nothing."""
        try:
            retries = self.client.retries_of(execution, self.now)
            return next((one for one in retries if one.id not in known), None)
        except N8nError:
            return None


def _refusal(error: NotRetryable) -> str:
    if error.succeeded:
        return NOT_FAILED
    return IN_PROGRESS if error.queued else NOT_RETRYABLE


def _unknown(execution: Execution, doubt: N8nError | None) -> str:
    return (
        f"The retry of execution {execution.id} was sent, and whether n8n ran it could not be found out: it is not among "
        "the executions, which proves nothing for a workflow that does not save all of them. Look in n8n before retrying it "
        f"again. {doubt or 'No answer came, and the new execution was not seen.'}"
    )
