# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No option without an effect: with each of them a module makes other calls, or comes to another result, than without it."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _module
from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION
from ansible_collections.flowops.n8n.plugins.module_utils._operations import delete
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, Clock, at, row
from ansible_collections.flowops.n8n.tests.unit.running import MODULES, Runner, options_of

Options = dict[str, t.Any]


@dataclass(frozen=True)
class Case:
    """Options that a module is run with, at first without those of ``given``; ``prepare`` does something to the server.

    ``refused`` tells that n8n has no such thing, which is said before any request.
    """

    given: Options
    beside: Options = field(default_factory=dict)
    prepare: t.Callable[[FakeN8n], None] | None = None
    refused: bool = False


SELECTED: dict[str, Case] = {
    "execution_id": Case({"execution_id": ["2", "4"]}),
    "workflow": Case({"workflow": ["w1"]}),
    "exclude_workflow": Case({"exclude_workflow": ["w1"]}),
    "project": Case({"project": "p1"}),
    "status": Case({"status": ["error", "crashed"]}),
    "mode": Case({"mode": ["manual"]}),
    "started_after": Case({"started_after": at(4)}),
    "started_before": Case({"started_before": at(4)}),
    "older_than": Case({"older_than": "19h"}),
    "newer_than": Case({"newer_than": "20h"}),
    "min_duration": Case({"min_duration": "3h"}),
    "limit": Case({"limit": 1}),
}

# What a module needs so that there is something for the option to change.
BASE: dict[str, Options] = {
    "n8n_execution_delete": {"all": True},
    "n8n_execution_export": {"path": "{tmp}/base.jsonl"},
    "n8n_execution_info": {},
    "n8n_execution_retry": {"all": True},
    "n8n_execution_stats_info": {},
    "n8n_execution_stop": {"all": True},
    "n8n_execution_tag": {"all": True, "add": ["t1"]},
    "n8n_execution_wait": {"status": ["running", "waiting"], "wait_timeout": 5.0},
    "n8n_instance_info": {},
}


def unstored(n8n: FakeN8n) -> None:
    n8n.snapshot_settings = {"saveDataSuccessExecution": "none"}


def fails_again(n8n: FakeN8n) -> None:
    n8n.retries_end = ["error"] * 9


def goes_on(n8n: FakeN8n) -> None:
    n8n.retries_end = ["running"] * 9


def tagged(n8n: FakeN8n) -> None:
    n8n.tags[7] = ["t1"]


def slow(n8n: FakeN8n) -> None:
    """The first list takes two minutes by the clock of the operation."""
    n8n.script("GET /executions", lambda _call: delete.time.sleep(120))


def history() -> FakeN8n:
    n8n = FakeN8n(
        row(1, "success", start=1, stop=2, projectId="p1"),
        row(2, "error", start=3, stop=4, mode="manual"),
        row(3, "crashed", start=5, stop=9, workflow="w2", mode="trigger"),
        row(4, "running", start=3, workflow="w2", mode="manual", projectId="p1"),
        row(5, "waiting", start=21, stop=22),
        row(6, "canceled", start=10, stop=11, workflow="w2"),
        row(7, "success", start=12, stop=13),
    )
    n8n.workflows = {number: {"id": number, "name": f"Workflow {number}", "settings": {}} for number in ("w1", "w2")}
    return n8n


# The options of its own, and those whose usual case would be refused or change nothing.
OWN: dict[str, dict[str, Case]] = {
    "n8n_execution_delete": {
        "all": Case({"all": True}),
        "live": Case({"live": "delete"}),
        "abort_above": Case({"abort_above": 1}),
        "keep_last": Case({"keep_last": 1}),
        "keep_tagged": Case({"keep_tagged": True}, prepare=tagged),
        "time_budget": Case({"time_budget": 60.0}, prepare=slow),
        "archive_path": Case({"archive_path": "{tmp}/archive.jsonl"}),
        "archive_data": Case({"archive_data": False}, {"archive_path": "{tmp}/archive.jsonl"}),
    },
    "n8n_execution_export": {
        "path": Case({"path": "{tmp}/other.csv"}),
        "format": Case({"format": "csv"}),
        "include_data": Case({"include_data": True}),
    },
    "n8n_execution_info": {
        "include_data": Case({"include_data": True}),
        "sort_by": Case({"sort_by": "duration"}),
        "order": Case({"order": "asc"}),
        "digest": Case({"digest": True}),
        # What only another platform has; tests of its dialect show what comes of it there.
        "logs": Case({"logs": True}, refused=True),
        "nodes": Case({"nodes": ["Work"]}),
        "redact": Case({"redact": True}, {"include_data": True}),
        "retry_chain": Case({"retry_chain": True}),
    },
    "n8n_execution_retry": {
        "status": Case({"status": ["canceled"]}),
        "all": Case({"all": True}),
        "load_workflow": Case({"load_workflow": True}),
        "wait": Case({"wait": False}, prepare=goes_on),
        "wait_timeout": Case({"wait_timeout": 7.0}),
        "max_attempts": Case({"max_attempts": 1}, prepare=fails_again),
        "allow_unrecorded": Case({"allow_unrecorded": True}, prepare=unstored),
        "fail_on_error": Case({"fail_on_error": False}, prepare=fails_again),
        "only_transient": Case({"only_transient": True}),
        "backoff": Case({"backoff": 5.0}, prepare=fails_again),
        "pause": Case({"pause": 5.0}),
        "from_node": Case({"from_node": "n1"}, refused=True),
        "start_nodes": Case({"start_nodes": ["n1"]}, refused=True),
    },
    "n8n_execution_stats_info": {
        "granularity": Case({"granularity": "hour"}),
        "source": Case({"source": "server"}, {"newer_than": "1d"}, refused=True),
    },
    "n8n_execution_stop": {
        "status": Case({"status": ["waiting"]}),
        "all": Case({"all": True}),
        "abort_above": Case({"abort_above": 1}),
        # What is live has not ended.
        "older_than": Case({"older_than": "19h"}, refused=True),
        "min_duration": Case({"min_duration": "10h"}),
    },
    "n8n_execution_tag": {
        "all": Case({"all": True}),
        "add": Case({"add": ["t2"]}),
        "set": Case({"set": ["t2"]}, {"add": None}),
        "remove": Case({"remove": ["t1"]}, {"add": None}, prepare=tagged),
    },
    "n8n_execution_wait": {
        "status": Case({"status": ["waiting"]}),
        "for_status": Case({"for_status": ["success"]}),
        "wait_timeout": Case({"wait_timeout": 20.0}),
        "older_than": Case({"older_than": "19h"}, refused=True),
        "min_duration": Case({"min_duration": "10h"}),
        "execution_id": Case({"execution_id": ["2", "4"]}, {"status": None}),
        "poll_interval": Case({"poll_interval": 0.5}),
    },
}


class Frozen(datetime):
    """A clock that stands at the tests' present."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Frozen:
        return cls.fromtimestamp(NOW.timestamp(), tz)


class Seen(t.NamedTuple):
    """``timeouts`` are those of the calls, ``slept`` the pauses between them."""

    calls: list[str]
    timeouts: Options
    slept: list[float]
    result: Options


@pytest.fixture
def outcome(run_module: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> t.Callable[..., Seen]:
    """Runs a module on a server of its own; what was asked of it, and what the module said."""
    monkeypatch.setattr(_module, "datetime", Frozen)
    runs = iter(range(99))

    def run(name: str, options: Options, case: Case) -> Seen:
        n8n = history()
        if case.prepare is not None:
            case.prepare(n8n)
        folder = tmp_path / str(next(runs))
        folder.mkdir()
        clock.slept.clear()
        told = {key: _at(value, folder) for key, value in options.items()}
        result = run_module(name, n8n, **told, _ansible_diff=True)
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        return Seen(n8n.log, n8n.timeouts, list(clock.slept), _steady({**result, "files": files}, str(folder)))

    return run


def _at(value: t.Any, folder: Path) -> t.Any:
    return value.replace("{tmp}", str(folder)) if isinstance(value, str) else value


def _steady(result: Options, folder: str) -> Options:
    """Without what differs from one run to the next, and without the options, which Ansible repeats."""
    # Ansible gathers the warnings of a whole process, so those of earlier runs would stand among them.
    passing = ("invocation", "rate", "exception", "elapsed", "warnings", "deprecations")
    left = {key: value for key, value in result.items() if key not in passing}
    return t.cast(Options, _without(copy.deepcopy(left), folder))


def _without(value: t.Any, folder: str) -> t.Any:
    if isinstance(value, dict):
        return {key: _without(inner, folder) for key, inner in value.items() if key not in ("read_at", "archived_at")}
    if isinstance(value, list):
        return [_without(inner, folder) for inner in value]
    return value.replace(folder, "") if isinstance(value, str) else value


def cases() -> list[tuple[str, str, Case]]:
    found = []
    for name in MODULES:
        usual = SELECTED if name != "n8n_instance_info" else {}
        for option, case in {**usual, **OWN.get(name, {})}.items():
            found.append((name, option, case))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_every_option_has_its_case(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection's options have theirs in test_connection_options.py."""
    known = {option for module, option, _case in cases() if module == name}
    assert set(options_of(name, monkeypatch)) - set(CONNECTION.options) == known
    assert set(SELECTED) == set(SELECTION.options)


@pytest.mark.parametrize("name", MODULES)
def test_the_same_options_have_the_same_outcome(name: str, outcome: t.Callable[..., Seen]) -> None:
    """Or a difference would prove nothing."""
    nothing = Case({})
    assert outcome(name, BASE[name], nothing) == outcome(name, BASE[name], nothing)


@pytest.mark.parametrize("name, option, case", cases())
def test_an_option_changes_what_is_asked_or_what_comes_of_it(
    name: str, option: str, case: Case, outcome: t.Callable[..., Seen]
) -> None:
    assert option in case.given
    beside = {key: value for key, value in {**BASE[name], **case.beside}.items() if value is not None}
    without = {key: value for key, value in beside.items() if key not in case.given}
    plain, changed = outcome(name, without, case), outcome(name, {**without, **case.given}, case)
    assert plain != changed
    # A refusal would be a difference, too, but an option that is always refused is none.
    assert bool(changed.calls) is not case.refused
