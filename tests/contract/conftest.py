"""The implementations that the contract suite runs against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from substrate_drivers import KubernetesDriver, SimulatedDriver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from substrate_drivers import Driver


@pytest.fixture(params=["simulated", pytest.param("kubernetes", marks=pytest.mark.kubernetes)])
def driver(request: pytest.FixtureRequest, tmp_path: Path, unique: Callable[[str], str]) -> Iterator[Driver]:
    """An endpoint that nobody has written to, on each substrate."""
    endpoint = unique("endpoint")
    opened: Driver
    if request.param == "simulated":
        opened = SimulatedDriver(endpoint, tmp_path / "endpoint.sqlite")
    else:
        opened = KubernetesDriver(endpoint, request.getfixturevalue("cluster"))
    yield opened
    opened.close()
