"""Hundreds of trials, the same on every machine; `make soak` makes others."""

from __future__ import annotations

import pytest

from tests.faults.broken import BREAKAGES, Breakage
from tests.faults.trial import FAULTS, run
from tests.faults.world import World, world

# Seeds of a test, so that a worker has several to choose from.
BLOCK = 14
BLOCKS = 5
# So many trials at most until a broken build must have been found out.
PATIENCE = 200


@pytest.mark.parametrize("block", range(BLOCKS))
def test_whatever_goes_wrong_the_result_is_true(simulated: World, block: int) -> None:
    trials = [run(simulated, seed) for seed in range(block * BLOCK, (block + 1) * BLOCK)]
    assert [str(trial) for trial in trials if trial.wrong] == []
    assert sum(bool(trial.faults.total()) for trial in trials) > BLOCK // 3, "hardly anything went wrong"


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda breakage: breakage.name)
def test_a_broken_build_is_found_out(breakage: Breakage) -> None:
    # It passes over filters by some statuses, so that it takes rows that are looked at again.
    with world("2.13") as simulated, breakage.change():
        assert any(run(simulated, seed, breakage.tasks, (FAULTS,)).wrong for seed in range(breakage.seed, PATIENCE))
