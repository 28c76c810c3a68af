"""The implementations that the contract suite runs against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloud_drivers import OpenStackDriver, SimulatedCloudDriver
from substrate_drivers import KubernetesDriver, SimulatedDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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
