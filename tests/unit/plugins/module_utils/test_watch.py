# Copyright (c) 2026 flowops.n8n contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watching an instance: what is told of, once, with how many requests, and from where a later run goes on."""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils import _errors as errors
from ansible_collections.flowops.n8n.plugins.module_utils._operations import watch
from ansible_collections.flowops.n8n.plugins.module_utils._operations.watch import MOST_GAPS, MOST_READ, WINDOW, Watch
from ansible_collections.flowops.n8n.plugins.module_utils._wire import Answer, Call
from ansible_collections.flowops.n8n.tests.unit.fake_n8n import FakeN8n
from ansible_collections.flowops.n8n.tests.unit.rows import NOW, at, row, watch_params
from hypothesis import given
from hypothesis import strategies as st

LISTS = ["GET /executions?status=new", "GET /executions?status=waiting", "GET /executions?status=running", "GET /executions"]


def watching(n8n: FakeN8n, **options: t.Any) -> Watch:
    return Watch(n8n.client(), watch.parse(watch_params(**options), NOW))


def look(watching: Watch) -> list[str]:
    """What is told of, each by its id and what happened."""
    return [f"{event.execution.id} {event.kind}" for event in watching.look()]


def fails(error: errors.N8nError) -> t.Callable[[Call], Answer]:
    def turn(_call: Call) -> Answer:
        raise error

    return turn


@pytest.mark.parametrize(
    "options, said",
    [
        ({"events": []}, "events: the list is empty"),
        ({"poll_interval": 0.0}, "poll_interval"),
        ({"newer_than": "5"}, "newer_than"),
        ({"workflow": []}, "workflow"),
        ({"state_path": "/nowhere/at/all.json"}, "state_path: the folder"),
        ({"state_path": "/proc"}, "no plain file"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_request(options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(errors.InvalidInput, match=said):
        watching(FakeN8n(), **options)


def test_what_was_there_before_is_not_told_of_but_the_end_of_what_was_live_is() -> None:
    n8n = FakeN8n(row(1), row(2, "running"), row(3, "error"))
    watched = watching(n8n)
    assert look(watched) == []
    n8n.rows[4] = row(4, "error", start=3, stop=4)
    n8n.rows[5] = row(5, "running", start=5)
    n8n.end(2, "success")
    assert look(watched) == ["4 started", "4 failed", "5 started", "2 finished"]
    assert look(watched) == []


def test_what_started_lately_is_told_of_at_the_first_look_where_that_is_asked_for() -> None:
    n8n = FakeN8n(row(1, start=1), row(2, "error", start=20, stop=21), row(3, "running", start=22), row(4, "running", start=2))
    assert look(watching(n8n, newer_than="6h")) == ["2 started", "2 failed", "3 started"]


@pytest.mark.parametrize(
    "status, kind",
    [("success", "finished"), ("canceled", "finished"), ("unknown", "finished"), ("error", "failed"), ("crashed", "failed")],
)
def test_how_it_ended_is_told_by_its_status(status: str, kind: str) -> None:
    n8n = FakeN8n()
    watched = watching(n8n, events=["finished", "failed"])
    look(watched)
    n8n.rows[1] = row(1, status)
    assert look(watched) == [f"1 {kind}"]


def test_what_is_queued_has_not_started_and_what_was_canceled_in_the_queue_never_did() -> None:
    n8n = FakeN8n()
    watched = watching(n8n)
    look(watched)
    n8n.rows.update({1: row(1, "new"), 2: row(2, "new")})
    assert look(watched) == []
    n8n.rows[1] = row(1, "running")
    n8n.end(2, "canceled")
    assert look(watched) == ["1 started", "2 finished"]


def test_each_time_that_it_begins_to_wait_is_told_with_a_key_of_its_own() -> None:
    n8n = FakeN8n()
    watched = watching(n8n)
    look(watched)
    keys = []
    for stop in (3, 4):
        n8n.rows[1] = row(1, "waiting", start=1, stop=stop)
        keys += [event.key for event in watched.look()]
        assert look(watched) == []
        n8n.rows[1] = row(1, "running", start=1)
        assert look(watched) == []
    assert keys == [f"http://n8n.example.com#1:{mark}" for mark in ("started", f"waiting:{at(3)}", f"waiting:{at(4)}")]


def test_what_was_queued_before_the_newest_that_are_read_is_told_of_when_it_starts_and_ends() -> None:
    n8n = FakeN8n(*(row(number, "new") for number in range(1, 501)))
    watched = watching(n8n)
    look(watched)
    n8n.rows[7] = row(7, "error")
    assert look(watched) == ["7 started", "7 failed"]


def test_a_look_takes_one_page_of_each_list() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 1001)))
    watched = watching(n8n)
    look(watched)
    look(watched)
    n8n.log.clear()
    n8n.rows.update({number: row(number) for number in range(1001, 1041)})
    assert len(look(watched)) == 80
    assert n8n.log == LISTS


def test_what_is_live_for_long_is_looked_for_in_the_lists_and_read_when_it_has_left_them() -> None:
    n8n = FakeN8n(row(1, "waiting"), row(2, "running"), *(row(number) for number in range(3, 1000)))
    watched = watching(n8n)
    look(watched)
    n8n.log.clear()
    assert look(watched) == []
    more = [f"GET /executions?status={status}" for status in ("new", "waiting", "running", "waiting")]
    assert n8n.log == [*LISTS, *more]
    n8n.log.clear()
    n8n.end(2, "error")
    assert look(watched) == ["2 failed"]
    assert n8n.log == [*LISTS, *more, "GET /executions/2"]


def test_what_its_workflow_does_not_save_is_let_go() -> None:
    n8n = FakeN8n(row(1, "running"), row(2, "running"))
    watched = watching(n8n)
    look(watched)
    n8n.forget(1)
    assert look(watched) == []
    n8n.log.clear()
    look(watched)
    assert n8n.log == LISTS


def test_where_the_server_lists_nothing_that_waits_the_ids_between_are_asked_for_twice() -> None:
    n8n = FakeN8n(row(1), statuses="refused")
    watched = watching(n8n)
    look(watched)
    # One that waits in n8n's memory, one that was not saved, one that is seen.
    n8n.rows[2] = row(2, "waiting", start=3, stop=4)
    n8n.in_memory.add(2)
    n8n.rows[4] = row(4, start=5, stop=6)
    assert look(watched) == ["2 started", "2 waiting", "4 started", "4 finished"]
    n8n.log.clear()
    for _unused in range(3):
        assert look(watched) == []
    assert n8n.log.count("GET /executions/3") == 1
    n8n.end(2, "error")
    assert look(watched) == ["2 failed"]


def test_there_what_waits_is_told_of_even_if_nothing_comes_after_it() -> None:
    n8n = FakeN8n(row(1), statuses="refused")
    watched = watching(n8n)
    look(watched)
    for number in (2, 3):
        n8n.rows[number] = row(number, "waiting", start=3, stop=4)
        n8n.in_memory.add(number)
    assert look(watched) == ["2 started", "3 started", "2 waiting", "3 waiting"]
    n8n.log.clear()
    assert look(watched) == []
    assert [call for call in n8n.log if call.startswith("GET /executions/")] == [f"GET /executions/{one}" for one in (2, 3, 4)]
    n8n.refuse("GET /executions/4", 400, "cannot be read", times=9)
    n8n.end(2, "success")
    assert look(watched) == ["2 finished"]


def test_that_is_so_where_some_workflows_are_watched_too_but_not_for_a_project_which_only_lists_know() -> None:
    n8n = FakeN8n(row(1), statuses="refused")
    n8n.workflows["w1"] = {"id": "w1", "name": "w1"}
    some, project = watching(n8n, workflow=["w1"]), watching(n8n, project="p1")
    look(some)
    look(project)
    n8n.rows.update({2: row(2, "waiting"), 3: row(3, "waiting", workflow="w2"), 4: row(4)})
    n8n.in_memory.update((2, 3))
    n8n.log.clear()
    assert look(some) == ["2 started", "4 started", "2 waiting", "4 finished"]
    assert n8n.log[-3:] == ["GET /executions/2", "GET /executions/3", "GET /executions/5"]
    n8n.log.clear()
    look(project)
    assert not [call for call in n8n.log if call.startswith("GET /executions/")]


def test_of_many_that_no_list_shows_a_hundred_are_read_at_a_look_and_each_has_its_turn() -> None:
    n8n = FakeN8n(row(1), *(row(number, "waiting", start=1) for number in range(2, 252)), statuses="refused")
    watched = watching(n8n)
    look(watched)
    n8n.in_memory.update(range(2, 252))
    read = []
    for _unused in range(3):
        n8n.log.clear()
        look(watched)
        calls = [call for call in n8n.log if call.startswith("GET /executions/") and call != "GET /executions/252"]
        assert len(calls) == MOST_READ
        read += calls
    assert len(set(read)) == 250


def test_a_server_that_cannot_list_what_runs_is_read_down_to_the_oldest_that_is_live_and_no_further() -> None:
    allowed = "request/query/status must be equal to one of the allowed values: canceled, error, success, waiting"
    n8n = FakeN8n(
        *(row(number) for number in range(1, 5001)), row(5001, "waiting"), *(row(number) for number in range(5002, 5502))
    )
    n8n.refuse("GET /executions?status=running", 400, allowed, times=2)
    watched = watching(n8n)
    look(watched)
    n8n.log.clear()
    assert look(watched) == []
    assert len(n8n.log) < 10


def test_what_becomes_visible_after_a_later_one_is_not_missed() -> None:
    for statuses in ("exact", "ignored", "refused"):
        n8n = FakeN8n(row(1), statuses=statuses)
        watched = watching(n8n)
        look(watched)
        n8n.rows[3] = row(3)
        assert look(watched) == ["3 started", "3 finished"]
        n8n.rows[2] = row(2, "error")
        assert look(watched) == ["2 started", "2 failed"]


def test_after_an_error_nothing_counts_as_told() -> None:
    n8n = FakeN8n(row(1, "running"), *(row(number) for number in range(2, 500)))
    watched = watching(n8n)
    look(watched)
    n8n.end(1, "success")
    n8n.rows[500] = row(500)
    for call in (*LISTS, "GET /executions/1"):
        n8n.script(call, fails(errors.TooBusy("502")))
        with pytest.raises(errors.TooBusy):
            watched.look()
    assert look(watched) == ["500 started", "500 finished", "1 finished"]


def test_one_that_n8n_cannot_read_does_not_hold_up_the_others() -> None:
    n8n = FakeN8n(row(1, "running"), row(2, "running"), *(row(number) for number in range(3, 500)))
    watched = watching(n8n)
    look(watched)
    n8n.end(1, "success")
    n8n.end(2, "success")
    n8n.refuse("GET /executions/1", 500, "Internal server error")
    assert look(watched) == ["2 finished"]
    assert [warning[:30] for warning in watched.warnings] == ["Execution 1 could not be read:"]
    assert look(watched) == ["1 finished"]
    assert watched.warnings == []


def test_a_failure_comes_with_its_digest_where_that_is_asked_for() -> None:
    n8n = FakeN8n()
    watched = watching(n8n, digest=True, events=["started", "failed"])
    look(watched)
    n8n.rows.update({1: row(1), 2: row(2, "error")})
    n8n.log.clear()
    started, other, failed = watched.look()
    assert n8n.log == [*LISTS, "GET /executions/2?includeData=true"]
    assert ("digest" in failed.record()["execution"], failed.execution.workflow_name) == (True, "as it ran")
    assert "data" not in failed.record()["execution"]
    assert [one for one in (started, other) if "digest" in one.record()["execution"]] == []


def test_a_failure_is_told_later_where_its_data_may_be_read_later_and_without_a_digest_where_it_may_not() -> None:
    n8n = FakeN8n()
    watched = watching(n8n, digest=True, events=["failed"])
    look(watched)
    n8n.rows[1] = row(1, "error")
    n8n.script("GET /executions/1", fails(errors.TooBusy("503")))
    with pytest.raises(errors.TooBusy):
        watched.look()
    n8n.scopes_missing.add("execution:read")
    (event,) = watched.look()
    assert event.key == "http://n8n.example.com#1:failed"
    assert "digest" not in event.record()["execution"]
    assert "execution:read" in watched.warnings[0]


def test_only_the_wanted_workflows_and_modes_are_told_of_and_a_rare_mode_takes_no_more_requests() -> None:
    n8n = FakeN8n(*(row(number) for number in range(1, 1001)))
    n8n.workflows.update({one: {"id": one, "name": one} for one in ("w1", "w2")})
    rare = watching(n8n, mode=["retry"])
    named = watching(n8n, workflow=["w2"])
    excluding = watching(n8n, exclude_workflow=["w2"])
    for one in (rare, named, excluding):
        look(one)
    n8n.rows.update({1001: row(1001, workflow="w2"), 1002: row(1002, mode="retry"), 1003: row(1003, "running")})
    n8n.log.clear()
    assert look(rare) == ["1002 started", "1002 finished"]
    assert n8n.log == LISTS
    assert look(named) == ["1001 started", "1001 finished"]
    assert look(excluding) == ["1002 started", "1003 started", "1002 finished"]


def test_ids_that_begin_anew_are_noticed() -> None:
    n8n = FakeN8n(*(row(number, start=1) for number in range(5001, 6001)))
    watched = watching(n8n)
    look(watched)
    n8n.rows = {1: row(1, start=1), 2: row(2, "error", start=5, stop=6)}
    assert look(watched) == ["2 started", "2 failed"]
    assert watched.warnings == ["The ids of this n8n have begun anew, so the watch does, too."]
    n8n.rows[3] = row(3, start=7, stop=8)
    assert look(watched) == ["3 started", "3 finished"]


def test_an_id_that_is_handed_out_again_is_another_execution() -> None:
    n8n = FakeN8n(row(1, start=1), row(2, start=2, stop=3))
    watched = watching(n8n)
    look(watched)
    n8n.rows[2] = row(2, "error", start=5, stop=6)
    assert look(watched) == ["2 started", "2 failed"]


def test_a_later_run_goes_on_where_the_place_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    n8n = FakeN8n(row(1, "running"), row(2))
    first = watching(n8n, state_path=str(path))
    look(first)
    first.save()
    n8n.rows[3] = row(3)
    n8n.end(1, "error")
    told = look(first)
    # It was killed before the place was kept again.
    assert sorted(look(watching(n8n, state_path=str(path), newer_than="1d"))) == sorted(told)
    first.save()
    assert look(watching(n8n, state_path=str(path), newer_than="1d")) == []
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "{", "[]", '{"watch": {}, "place": {"floor": "x"}}', '{"watch": {}, "place": {"a": 1}}'])
def test_a_file_that_holds_no_place_is_refused_and_left_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(errors.InvalidInput, match="cannot be read as the place of a watch"):
        watching(FakeN8n(), state_path=str(path))
    assert path.read_text() == content


def test_the_place_of_another_watch_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "state.json")
    n8n = FakeN8n()
    n8n.workflows["w1"] = {"id": "w1", "name": "w1"}
    first = watching(n8n, state_path=path, workflow=["w1"])
    look(first)
    first.save()
    with pytest.raises(errors.InvalidInput, match="is of another watch"):
        watching(n8n, state_path=path)


def test_what_is_remembered_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    n8n = FakeN8n(row(1, "running"), statuses="refused")
    watched = watching(n8n, state_path=str(path))
    look(watched)
    for newest in range(300, 6001, 300):
        # Every second id belongs to what is not saved.
        n8n.rows.update({number: row(number) for number in range(newest - 298, newest + 1, 2)})
        n8n.log.clear()
        look(watched)
        assert sum(call.startswith("GET /executions/") for call in n8n.log) <= MOST_READ + 1
    assert [warning.partition(" ids")[2][:21] for warning in watched.warnings] == [" are to be asked for,"]
    watched.save()
    place = json.loads(path.read_text())["place"]
    assert (len(place["over"]), list(place["live"])) == (WINDOW, ["1"])
    assert len(place["gaps"]) <= MOST_GAPS


STEPS = st.sampled_from(["begin", "queue", "fail", "park", "resume", "end", "unsaved", "look", "error", "kill", "restart"])


@given(st.lists(st.tuples(STEPS, st.integers(0, 99)), max_size=60), st.sampled_from(["exact", "refused"]))
def test_whatever_happens_in_whatever_order_every_end_is_told_once_in_a_run_and_never_missed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], statuses: str
) -> None:
    path = str(tmp_path_factory.mktemp("watch") / "state.json")
    n8n = FakeN8n(row(1), statuses=statuses, page=3)
    watched = watching(n8n, state_path=path)
    watched.look()
    watched.save()
    runs: list[Counter[str]] = [Counter()]
    ends: set[str] = set()

    def see() -> None:
        runs[-1].update(event.key.partition("#")[2] for event in watched.look())

    for step, choice in steps:
        live = [number for number, one in n8n.rows.items() if one["status"] in ("running", "waiting", "new")]
        chosen = live[choice % len(live)] if live else None
        number = max(n8n.rows) + 1
        if step in ("begin", "queue", "fail"):
            status = {"begin": "running", "queue": "new", "fail": "error"}[step]
            n8n.rows[number] = row(number, status, start=number)
            if step == "fail":
                ends.add(f"{number}:failed")
            elif step == "queue" and statuses == "refused":
                n8n.in_memory.add(number)
        elif step in ("park", "resume") and chosen is not None:
            n8n.rows[chosen] = row(chosen, "waiting" if step == "park" else "running", start=chosen, stop=number + choice)
            if statuses == "refused":
                n8n.in_memory.add(chosen)
        elif step in ("end", "unsaved") and chosen is not None:
            if step == "end":
                n8n.end(chosen, "success")
                ends.add(f"{chosen}:finished")
            elif chosen != max(n8n.rows):
                n8n.forget(chosen)
        elif step == "look":
            see()
            watched.save()
        elif step == "error":
            n8n.script("GET /executions", fails(errors.TooBusy("502")))
            with pytest.raises(errors.TooBusy):
                watched.look()
        elif step == "kill":
            see()
            watched = watching(n8n, state_path=path)
            runs.append(Counter())
        elif step == "restart":
            watched = watching(n8n, state_path=path)
            runs.append(Counter())
    see()
    assert ends <= set().union(*runs)
    assert [key for run in runs for key, times in run.items() if times > 1] == []
