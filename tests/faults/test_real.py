"""The same trials with a real n8n behind the faults, and n8n itself killed in the middle; for `make test-real`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.changing import Archive, Retry
from tests.faults.reading import Export
from tests.faults.task import Task
from tests.faults.trial import RESTARTED, run
from tests.faults.world import World, real_world
from tests.servers import Server

pytestmark = pytest.mark.real

TRIALS = 6
# Verbs that are under way for long, each with a seed of which it has enough to do.
KILLED = {Archive: 6, Export: 8, Retry: 4}


@pytest.fixture(scope="module")
def real(server: Server) -> Iterator[World]:
    assert server.n8n is not None, "these trials are for real servers"
    with real_world(server.n8n, server.profile, server.api_key) as made:
        yield made


def test_whatever_goes_wrong_on_the_way_to_a_real_n8n_the_result_is_true(real: World) -> None:
    trials = [run(real, seed) for seed in range(TRIALS)]
    assert [str(trial) for trial in trials if trial.wrong] == []


@pytest.mark.parametrize("task", KILLED, ids=lambda task: task.__name__.lower())
def test_a_real_n8n_that_is_killed_in_the_middle_leaves_no_wrong_result(real: World, task: type[Task]) -> None:
    trial = run(real, KILLED[task], (task,), (RESTARTED,))
    assert trial.wrong == []
    assert trial.faults["n8n killed"] == 1, "the run was over before"
