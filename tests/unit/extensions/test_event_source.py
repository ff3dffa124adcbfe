# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The source of events, loaded by its path as ansible-rulebook loads it."""

from __future__ import annotations

import asyncio
import json
import logging
import typing as t
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import yaml
from ansible_collections.flowops.n8n.plugins.doc_fragments._connection import ModuleDocFragment
from ansible_collections.flowops.n8n.plugins.module_utils import _module
from ansible_collections.flowops.n8n.plugins.module_utils import client as client_room
from ansible_collections.flowops.n8n.plugins.module_utils._errors import InvalidInput, N8nError, TooBusy, Unauthorized
from ansible_collections.flowops.n8n.plugins.module_utils._files import NotWritten
from ansible_collections.flowops.n8n.plugins.module_utils._module import CONNECTION, SELECTION
from ansible_collections.flowops.n8n.plugins.module_utils._operations.watch import Watch
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import at, row
from ansible_collections.flowops.n8n.tests.unit.running import KEY

PATH = Path(_module.__file__).parents[2] / "extensions/eda/plugins/event_source/n8n_executions.py"
OPTIONS = {"url": "http://n8n.example.com", "api_key": KEY, "poll_interval": 5}


class Stopped(Exception):
    """The test has seen enough."""


class Source:
    """A source at work. ``turns`` are what happens while it pauses, one after the other; after the last one it is stopped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, n8n: FakeN8n) -> None:
        # Not by runpy, as ansible-rulebook does it: where ansible-test has its own importer that takes the file for a folder.
        spec = spec_from_file_location("n8n_executions", PATH)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        self.module = vars(module)
        self.events: list[dict[str, t.Any]] = []
        self.pauses: list[float] = []
        self._turns: list[t.Callable[[], t.Any]] = []
        # Each file that is run by its path has names of its own.
        monkeypatch.setitem(self.module["main"].__globals__, "N8nClient", lambda _connection: n8n.client())
        monkeypatch.setattr(asyncio, "sleep", self._pause)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if not self._turns:
            raise Stopped
        self._turns.pop(0)()

    async def put(self, event: dict[str, t.Any]) -> None:
        json.dumps(event)
        self.events.append(event)

    def run(self, *turns: t.Callable[[], t.Any], **options: t.Any) -> list[str]:
        """What was sent, each by its id and what happened."""
        self._turns = list(turns)
        with pytest.raises(Stopped):
            asyncio.run(self.module["main"](self, {**OPTIONS, **options}))
        return [f"{event['execution']['id']} {event['kind']}" for event in self.events]


@pytest.fixture
def n8n() -> FakeN8n:
    return FakeN8n(row(1))


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, n8n: FakeN8n) -> Source:
    return Source(monkeypatch, n8n)


def adds(n8n: FakeN8n, number: int, status: str = "success", **more: t.Any) -> t.Callable[[], None]:
    return lambda: n8n.rows.update({number: row(number, status, **more)})


def nothing() -> None:
    """Time goes by."""


def fails(n8n: FakeN8n, error: N8nError, times: int = 1) -> None:
    def turn(_call: t.Any) -> t.Any:
        raise error

    n8n.script("GET /executions", turn, times)


def test_an_event_tells_what_happened_with_a_key_by_which_rulebook_knows_it_again(source: Source, n8n: FakeN8n) -> None:
    assert source.run(adds(n8n, 2, "error", start=3, stop=4)) == ["2 started", "2 failed"]
    assert source.pauses == [5, 5]
    failed = source.events[1]
    assert {name: failed[name] for name in ("kind", "key", "instance")} == {
        "kind": "failed",
        "key": "http://n8n.example.com#2:failed",
        "instance": "http://n8n.example.com",
    }
    kept = {name: failed["execution"][name] for name in ("id", "workflow_id", "status", "started_at", "duration")}
    assert kept == {"id": "2", "workflow_id": "w1", "status": "error", "started_at": at(3), "duration": 3600.0}
    first = [event["meta"]["uuid"] for event in source.events]
    source.events.clear()
    del n8n.rows[2]
    source.run(adds(n8n, 2, "error", start=3, stop=4))
    assert [event["meta"]["uuid"] for event in source.events] == first


def test_a_server_that_is_away_for_an_hour_is_looked_for_ever_more_seldom_and_nothing_is_missed(
    source: Source, n8n: FakeN8n, caplog: pytest.LogCaptureFixture
) -> None:
    fails(n8n, TooBusy("GET http://n8n.example.com: 502."), times=60)
    with caplog.at_level(logging.WARNING, "flowops.n8n.n8n_executions"):
        sent = source.run(*[nothing] * 59, adds(n8n, 2), nothing, adds(n8n, 3))
    assert sent == ["3 started", "3 finished"]
    assert source.pauses == [5, 10, 20, 40, *[60] * 56, 5, 5, 5]
    assert caplog.messages[0] == "GET http://n8n.example.com: 502. Looking again in 5 s."
    assert caplog.messages[-1] == "n8n answers again."
    assert len(caplog.messages) == 61


def test_what_happens_while_a_server_that_has_answered_is_away_is_told_afterwards(source: Source, n8n: FakeN8n) -> None:
    def away() -> None:
        fails(n8n, Unauthorized("401"), times=3)
        n8n.rows[2] = row(2)

    assert source.run(away, nothing, nothing, nothing) == ["2 started", "2 finished"]


def test_a_wrong_key_ends_the_source_at_once(source: Source, n8n: FakeN8n) -> None:
    fails(n8n, Unauthorized("401"))
    with pytest.raises(Unauthorized):
        asyncio.run(source.module["main"](source, OPTIONS))


@pytest.mark.parametrize(
    "options, said",
    [
        ({"url": None}, "url"),
        ({"api_key": "short"}, "too short"),
        ({"evnts": ["failed"]}, "evnts. Supported parameters include"),
        ({"events": ["broken"]}, "events must be one or more of"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"client_key": "/x"}, "client_cert"),
    ],
)
def test_options_that_cannot_be_meant_end_it_before_any_request(
    source: Source, n8n: FakeN8n, options: dict[str, t.Any], said: str
) -> None:
    given = {name: value for name, value in {**OPTIONS, **options}.items() if value is not None}
    with pytest.raises(InvalidInput, match=said):
        asyncio.run(source.module["main"](source, given))
    assert n8n.log == []


def test_the_address_and_the_key_may_come_from_the_environment(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    parse = client_room.parse_connection
    monkeypatch.setitem(
        source.module["main"].__globals__, "parse_connection", lambda params: seen.append(params) or parse(params)
    )
    monkeypatch.setenv("N8N_URL", "http://elsewhere.example.com")
    monkeypatch.setenv("N8N_API_KEY", KEY)
    with pytest.raises(Stopped):
        asyncio.run(source.module["main"](source, {}))
    assert (seen[0]["url"], seen[0]["api_key"]) == ("http://elsewhere.example.com", KEY)


def test_nothing_in_an_event_is_a_template(source: Source, n8n: FakeN8n) -> None:
    hostile = "{{ lookup('pipe', 'id') }} {% if x %} {# y #} {{{ {a"
    source.run(adds(n8n, 2, "error", workflow=hostile), events=["failed"])
    assert source.events[0]["execution"]["workflow_id"] == "{ { lookup('pipe', 'id') }} { % if x %} { # y #} { { { {a"
    assert source.events[0]["execution"]["id"] == "2"


def test_the_place_is_kept_when_the_next_look_is_due(source: Source, n8n: FakeN8n, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    kept = []
    source.run(adds(n8n, 2), lambda: kept.append('"2"' in path.read_text()), state_path=str(path))
    assert kept == [False]
    assert '"2"' in path.read_text()


def test_a_place_that_cannot_be_kept_for_a_while_ends_nothing(
    source: Source, n8n: FakeN8n, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "state.json"
    save = Watch.save
    full: list[bool] = []

    def sometimes(watching: Watch) -> None:
        if full:
            raise NotWritten("state.json could not be written: No space left on device.")
        save(watching)

    monkeypatch.setattr(Watch, "save", sometimes)
    with caplog.at_level(logging.WARNING, "flowops.n8n.n8n_executions"):
        sent = source.run(adds(n8n, 2), lambda: full.append(True), adds(n8n, 3), full.clear, state_path=str(path))
    assert sent == ["2 started", "2 finished", "3 started", "3 finished"]
    assert "No space left" in caplog.messages[0]
    assert "It is tried again after the next look." in caplog.messages[0]
    assert '"3"' in path.read_text()


def test_a_place_that_can_never_be_kept_is_told_at_once(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_watching: Watch) -> None:
        raise NotWritten("state.json could not be written: Permission denied.")

    monkeypatch.setattr(Watch, "save", never)
    source._turns = [nothing]
    with pytest.raises(NotWritten):
        asyncio.run(source.module["main"](source, {**OPTIONS, "state_path": str(tmp_path / "state.json")}))


def test_with_feedback_the_place_is_kept_as_soon_as_the_events_are_stored(source: Source, n8n: FakeN8n, tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    kept: list[bool] = []

    class Taken:
        async def get(self) -> None:
            kept.append('"2"' in path.read_text())

    source.run(
        adds(n8n, 2),
        lambda: kept.append('"2"' in path.read_text()),
        state_path=str(path),
        feedback=True,
        eda_feedback_queue=Taken(),
    )
    assert kept == [False, False, True]


def test_the_options_are_documented_as_they_are(source: Source) -> None:
    documented = yaml.safe_load(source.module["DOCUMENTATION"])["options"]
    spec = source.module["SPEC"].options
    assert {name: spec[name] for name in CONNECTION.options} == CONNECTION.options
    assert set(documented) == set(spec) - set(CONNECTION.options)
    assert set(yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]) == set(CONNECTION.options)
    for name, option in documented.items():
        facts = {key: value for key, value in option.items() if key != "description"}
        assert facts == {key: value for key, value in spec[name].items() if key != "aliases"}, name
        if name in SELECTION.options:
            assert spec[name] == SELECTION.options[name]


def test_the_results_are_documented_as_they_are(source: Source, n8n: FakeN8n) -> None:
    source.run(adds(n8n, 2))
    assert set(yaml.safe_load(source.module["RETURN"])) == set(source.events[0]) - {"meta"}
