"""Any selection over any history, in every version, while nothing goes wrong: what check mode says is what happens, once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ansible_collections.flowops.n8n.plugins.module_utils._module import perform
from ansible_collections.flowops.n8n.plugins.module_utils._operations.common import Result
from ansible_collections.flowops.n8n.plugins.module_utils._operations.outcome import RETRIED, RETRIED_UNRECORDED
from ansible_collections.flowops.n8n.plugins.module_utils._selection import Selection, parse_selection
from ansible_collections.flowops.n8n.plugins.module_utils.client import N8nClient, parse_connection
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.faults.changing import Delete, Retry, Stop, Tag, root
from tests.faults.reading import Look
from tests.faults.task import Task
from tests.faults.trial import hasty
from tests.faults.world import World
from tests.unit import rows

CHANCE = st.randoms(use_true_random=False)
PAGES = st.sampled_from((3, 10, 250))
# Nothing is shrunk: each example is a history on a server, and the failure names it.
some = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
# What came with a later n8n is asked of none before.
later = pytest.mark.parametrize("simulated", ["2.13", "2.41"], indirect=True)


@contextmanager
def task(kind: type[Task], world: World, chance: Random, page: int) -> Iterator[Task]:
    with tempfile.TemporaryDirectory(prefix="flowops-property-") as folder, hasty(page):
        world.begin(chance)
        yield kind(chance, world, Path(folder))


def done(one: Task, check_mode: bool = False, **more: Any) -> Result:
    connection = rows.connection_params(url=one.world.front.url, api_key=one.world.api_key, concurrency=4)
    result = perform(one.operation, {**connection, **one.params(), **more}, check_mode)
    assert result.failure is None
    return result


@some
@given(chance=CHANCE, page=PAGES)
def test_a_check_names_what_will_be_deleted_and_a_second_run_deletes_nothing(simulated: World, chance: Random, page: int) -> None:
    with task(Delete, simulated, chance, page) as one:
        checked, result = done(one, check_mode=True), done(one)
        gone = one.before.keys() - simulated.executions().keys()
        told = ("matched", "deleted", "by_status", "by_workflow", "kept", "kept_last", "not_found", "more_remaining")
        assert {int(number) for number in checked.values["deleted_ids"]} == gone
        assert [checked.values[name] for name in told] == [result.values[name] for name in told]
        assert (checked.changed, checked.diff) == (result.changed, result.diff)
        if not result.values["more_remaining"]:
            assert not done(one).changed


@settings(some, max_examples=8)
@given(chance=CHANCE, page=PAGES)
def test_a_check_names_the_chains_that_will_be_retried(simulated: World, chance: Random, page: int) -> None:
    with task(Retry, simulated, chance, page) as one:
        checked = done(one, check_mode=True, wait=True)
        result = done(one, wait=True)
        after = simulated.executions()
        promised = {chain["original_id"] for chain in checked.values["chains"] if chain["outcome"] == RETRIED}
        unrecorded = {chain["original_id"] for chain in result.values["chains"] if chain["outcome"] == RETRIED_UNRECORDED}
        retried = {str(root(execution, after)) for number, execution in after.items() if number not in one.before}
        assert promised == retried | unrecorded
        assert checked.changed == result.changed == bool(promised)


@some
@given(chance=CHANCE, page=PAGES)
@later
def test_a_check_names_what_will_be_stopped(simulated: World, chance: Random, page: int) -> None:
    with task(Stop, simulated, chance, page) as one:
        live = [number for number in one.meant(one.before) if one.before[number].status == "waiting"]
        checked = done(one, check_mode=True)
        assert {int(record["id"]) for record in checked.values["executions"]} >= set(live)
        assert simulated.executions() == one.before


@some
@given(chance=CHANCE, page=PAGES)
@later
def test_a_check_names_what_will_be_tagged_and_a_second_run_tags_nothing(simulated: World, chance: Random, page: int) -> None:
    with task(Tag, simulated, chance, page) as one:
        checked, result = done(one, check_mode=True), done(one)
        after = simulated.executions()
        changed = {number for number in one.before if after[number] != one.before[number]}
        assert checked.values["tagged"] == result.values["tagged"] == len(changed)
        assert {int(record["id"]) for record in checked.values["executions"]} == changed
        assert checked.diff == result.diff
        assert not done(one).changed


@some
@given(chance=CHANCE, page=PAGES)
def test_every_way_to_walk_finds_the_same(simulated: World, chance: Random, page: int) -> None:
    """Newest first with the server's filters, oldest first by cursors that are built here, and each row looked at by itself."""
    with task(Look, simulated, chance, page) as one:
        params = {**one.params(), "execution_id": None}
        selection = parse_selection(params, datetime.now(timezone.utc))
        connection = rows.connection_params(url=simulated.front.url, api_key=simulated.api_key, concurrency=4)
        with closing(N8nClient(parse_connection(connection))) as client:
            newest = [execution.id for execution in client.executions(selection)]
            rising = client.oldest_first(selection)
            oldest = [execution.id for execution in rising or ()]
            every = list(client.executions(Selection(now=selection.now)))
        by_itself = [execution.id for execution in every if selection.matches(execution)]
        assert newest == by_itself
        assert oldest == by_itself[::-1]
