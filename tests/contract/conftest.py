"""The implementations that the contract suite runs against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloud_drivers import OpenStackDriver, SimulatedCloudDriver
from leaves import objects, write
from substrate_drivers import KubernetesDriver, SimulatedDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from leaves import Objects
    from substrate_drivers import Driver

EVERY = (
    "simulated-cluster",
    pytest.param("kubernetes", marks=pytest.mark.kubernetes),
    "simulated-cloud",
    pytest.param("openstack", marks=pytest.mark.openstack),
)


@pytest.fixture(params=EVERY)
def driver(request: pytest.FixtureRequest, tmp_path: Path, unique: Callable[[str], str]) -> Iterator[Driver]:
    """An endpoint that nobody has written to, on each substrate."""
    endpoint, file = unique("endpoint"), tmp_path / "endpoint.sqlite"
    opened: Driver
    match request.param:
        case "simulated-cluster":
            opened = SimulatedDriver(endpoint, file)
        case "kubernetes":
            opened = KubernetesDriver(endpoint, request.getfixturevalue("cluster"))
        case "simulated-cloud":
            opened = SimulatedCloudDriver(endpoint, file)
        case _:
            opened = OpenStackDriver(endpoint, request.getfixturevalue("cloud"))
    yield opened
    opened.close()


@pytest.fixture
def name(unique: Callable[[str], str]) -> str:
    """Of the leaf under test."""
    return unique("leaf")


@pytest.fixture
def small(driver: Driver, name: str) -> Objects:
    """A leaf that stands with its quota."""
    wanted = objects(driver.leaf(name), driver.translator)
    write(driver.backend, wanted.namespace, wanted.quota)
    return wanted


@pytest.fixture
def large(driver: Driver, name: str) -> Objects:
    """The same leaf with a larger quota, wanted only."""
    return objects(driver.leaf(name, allotted=driver.large), driver.translator)
