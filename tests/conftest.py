"""The choice of servers for the tests that need one; the unit tests use nothing of this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

# The unit tests are also run where neither the lab nor the simulator is at hand,
# so both are imported by whoever asks for a server.
if TYPE_CHECKING:
    from tests.servers import Server, Servers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--servers",
        choices=("simulator", "older", "newest", "real"),
        default="simulator",
        help="what the tests run against: the simulator in all profiles, all but the newest or the newest, or real n8n",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only(*profiles): n8n does this in these versions only")
    config.addinivalue_line("markers", "real: the simulator has a test of its own for this")
    config.addinivalue_line("markers", "cores: what ansible-core itself may do otherwise in another version")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" in metafunc.fixturenames:
        from tests.servers import NAMES

        names = NAMES[metafunc.config.getoption("--servers")]
        metafunc.parametrize("server", names, indirect=True, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a version does not do: a skip would look like something not tested.

    What asks for no server brings its own simulator. It is run with all of the simulator or with the newest, not again elsewhere.
    """
    servers = config.getoption("--servers", "simulator")
    real = servers == "real"
    foreign = [item for item in items if not _concerns(item, servers)]
    if foreign:
        config.hook.pytest_deselected(items=foreign)
        items[:] = [item for item in items if item not in foreign]
    if real:
        # A worker a server: each takes ten seconds to start, and half a gigabyte.
        for item in items:
            item.add_marker(pytest.mark.xdist_group(str(_server_name(item))))


def _concerns(item: pytest.Item, servers: str) -> bool:
    only = item.get_closest_marker("only")
    name = _server_name(item)
    if servers != "real" and item.get_closest_marker("real"):
        return False
    if name is None:
        return servers in ("simulator", "newest") or (servers == "older" and item.get_closest_marker("cores") is not None)
    if only is None:
        return True
    from tests.servers import profile_of

    return profile_of(name) in only.args


def _server_name(item: pytest.Item) -> str | None:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    name = item.callspec.params.get("server")
    return None if name is None else str(name)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    from tests.servers import Servers

    fleet = Servers()
    try:
        if not hasattr(request.config, "workerinput"):
            # A worker starts those that it comes to need.
            fleet.start(sorted({name for item in request.session.items if (name := _server_name(item))}))
        yield fleet
    finally:
        fleet.close()


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """One n8n; a test runs once against each of those that ``--servers`` stands for."""
    return servers[request.param]
