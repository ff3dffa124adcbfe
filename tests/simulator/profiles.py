"""What n8n does differently from one version to the next."""

from __future__ import annotations

from dataclasses import dataclass

ALL_STATUSES = ("canceled", "crashed", "error", "new", "running", "success", "unknown", "waiting")
OLD_STATUSES = ("canceled", "error", "running", "success", "waiting")


@dataclass(frozen=True)
class Profile:
    """One version of n8n, as far as a client of its public API can tell.

    ``zod`` names the era: from 2.39 on a request is checked by zod schemas after the key's scope,
    before that by an OpenAPI validator ahead of the scope, with other messages and other leniencies.
    """

    name: str
    zod: bool
    statuses: tuple[str, ...]
    """What the status filter accepts."""
    filtering: frozenset[str]
    """Those of them that filter at all; with the others the list returns every execution."""
    error_means_crashed_too: bool
    waiting_in_memory_hidden: bool
    """Whether a plain list leaves out all that the server holds in memory, or only what runs."""
    scopes_enforced: bool
    stops_and_tags: bool
    discovers: bool
    started_filters: bool
    data_options: bool
    """Whether ``redactExecutionData`` and ``ignoreDataSizeLimit`` are known, and large data is withheld."""
    wide_rows: bool
    """Whether one execution also tells where and how large its data is stored."""
    refusal: int
    """The status of an answer that refuses what the execution's state does not allow."""
    raw_errors: bool
    """Whether an unexpected error is a 400 with its raw text, or a 500 that says nothing."""


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="1.123",
            zod=False,
            statuses=OLD_STATUSES,
            filtering=frozenset(OLD_STATUSES),
            error_means_crashed_too=True,
            waiting_in_memory_hidden=True,
            # Without a licence for them, 1.x stores a key's scopes and never looks at them.
            scopes_enforced=False,
            stops_and_tags=False,
            discovers=False,
            started_filters=False,
            data_options=False,
            wide_rows=False,
            refusal=400,
            raw_errors=True,
        ),
        Profile(
            name="2.13",
            zod=False,
            statuses=ALL_STATUSES,
            filtering=frozenset(OLD_STATUSES),
            error_means_crashed_too=True,
            waiting_in_memory_hidden=False,
            scopes_enforced=True,
            stops_and_tags=True,
            discovers=False,
            started_filters=False,
            data_options=False,
            wide_rows=False,
            refusal=400,
            raw_errors=True,
        ),
        Profile(
            name="2.41",
            zod=True,
            statuses=ALL_STATUSES,
            filtering=frozenset(ALL_STATUSES),
            error_means_crashed_too=False,
            waiting_in_memory_hidden=False,
            scopes_enforced=True,
            stops_and_tags=True,
            discovers=True,
            started_filters=True,
            data_options=True,
            wide_rows=True,
            refusal=409,
            raw_errors=False,
        ),
    )
}
