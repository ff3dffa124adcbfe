# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong, as types. Only ``_module.py`` turns them into a module's failure."""

from __future__ import annotations

import typing as t


class N8nError(Exception):
    """Base of every error of this collection; its text is the sentence the user reads.

    Attributes (``None`` where it does not apply):
        status: HTTP status of the answer.
        method, url: the call, never with a key.
        api_message: what the server itself said, shortened.
        retryable: whether the same call may succeed later without a change by the user.
        condemns_all: whether every other item of a batch would meet the same fate.
    """

    retryable = False
    condemns_all = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        method: str | None = None,
        url: str | None = None,
        api_message: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.method = method
        self.url = url
        self.api_message = api_message

    def fields(self) -> dict[str, t.Any]:
        """The error's facts as a module returns them; only those that are known."""
        known = {
            "status": self.status,
            "method": self.method,
            "url": self.url,
            "api_message": self.api_message,
        }
        fields: dict[str, t.Any] = {key: value for key, value in known.items() if value is not None}
        fields["retryable"] = self.retryable
        return fields


class InvalidInput(N8nError):
    """An option that cannot be meant; raised before any request."""

    condemns_all = True


class NotOffered(InvalidInput):
    """Something that the platform does not have, which another one has; raised before any request."""


class MissingLibrary(N8nError):
    """A Python library that the module needs is not on the target."""

    condemns_all = True

    def __init__(self, library: str, import_traceback: str) -> None:
        super().__init__(library)
        self.library = library
        self.import_traceback = import_traceback


class NotConnected(N8nError):
    """No connection could be made, so the server has seen nothing of the call."""

    retryable = True
    condemns_all = True


class NoAnswer(N8nError):
    """The call went out and no whole answer came back: it may or may not have been carried out."""

    retryable = True


class AnswerTooLarge(NoAnswer):
    """The answer is larger than the call allows; it was not read to its end."""

    retryable = False


class AnswerTooDeep(AnswerTooLarge):
    """The answer nests deeper than this collection reads; whoever feeds a workflow decides how deep its data is."""


class NotAnN8nAnswer(N8nError):
    """Something answered, but not n8n's API: HTML, a redirect, an empty body, broken JSON."""

    condemns_all = True


class Unauthorized(N8nError):
    """401: the key is wrong, expired or missing."""

    condemns_all = True


class Forbidden(N8nError):
    """403: the key lacks a scope, or may not see this."""

    condemns_all = True


class NotFound(N8nError):
    """The answer that n8n gives for exactly this call when the thing is not there or not visible."""


class NoSuchRoute(N8nError):
    """n8n answers, but has no such call: it is older than the feature."""

    condemns_all = True


class UnknownParameter(N8nError):
    """n8n (2.38 and older) refuses a query parameter that it does not know."""

    def __init__(self, message: str, parameter: str, **facts: t.Any) -> None:
        super().__init__(message, **facts)
        self.parameter = parameter


class UnknownStatus(N8nError):
    """n8n refuses a value of the status filter that it does not know."""


class ExecutionRunning(N8nError):
    """n8n does not delete an execution that is running."""


class NotRetryable(N8nError):
    """The server will not retry this execution: it succeeded, is queued, or has nothing stored to replay."""

    def __init__(self, message: str, *, succeeded: bool = False, queued: bool = False, **facts: t.Any) -> None:
        super().__init__(message, **facts)
        self.succeeded = succeeded
        self.queued = queued


class UnknownTag(N8nError):
    """n8n knows no annotation tag with one of these ids."""

    condemns_all = True


class Rejected(N8nError):
    """Any other 4xx of n8n's own."""


class NotBegun(Rejected):
    """A refusal by a server that looks at a call before it does anything: nothing was begun."""


class NothingStored(Rejected):
    """n8n keeps no data of this execution, and says so in words of its own."""


class TooBusy(N8nError):
    """429, 502, 503 or 504 that did not go away within the allowed repeats."""

    retryable = True
    condemns_all = True


class RateLimited(TooBusy):
    """429 in n8n's own form: the call was certainly not carried out."""


class ServerFault(N8nError):
    """A 5xx of n8n itself for this call; other calls may well succeed."""

    retryable = True
