"""Simulated servers for the trials and the properties."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.world import PROFILES, World, world


@pytest.fixture(scope="module", params=PROFILES)
def simulated(request: pytest.FixtureRequest) -> Iterator[World]:
    with world(request.param) as made:
        yield made
