"""A simulated cluster with a clock that tests move, and a simulated cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from leaves import write
from simulated_clouds import ENDPOINT as CLOUD
from simulated_clouds import SHARED, wanted
from yunjin.substrates.simulated.backend import SimulatedBackend
from yunjin.substrates.simulated.cloud import SimulatedCloud
from yunjin.substrates.simulated.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from leaves import Objects
    from yunjin.substrates.simulated.faults import Rule

ENDPOINT = "k8s"


class Seconds:
    """Seconds since 1970, standing still."""

    def __init__(self) -> None:
        self.now = 1_795_320_000.0  # 2026-11-22T04:00:00Z

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "k8s.db"


@pytest.fixture
def backend(file: Path, clock: Seconds) -> Iterator[SimulatedBackend]:
    opened = SimulatedBackend.open(ENDPOINT, file, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def cloud_file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "os.db"


@pytest.fixture
def opened(cloud_file: Path) -> Iterator[Callable[..., SimulatedCloud]]:
    """The same cloud, with faults for those who come by this door."""
    clouds = []

    def one(*rules: Rule) -> SimulatedCloud:
        clouds.append(SimulatedCloud.open(CLOUD, cloud_file, Faults(rules)))
        return clouds[-1]

    yield one
    for each in clouds:
        each.close()


@pytest.fixture
def simulated(opened: Callable[..., SimulatedCloud]) -> SimulatedCloud:
    """With the endpoint's own objects."""
    found = opened()
    write(found, *SHARED)
    return found


@pytest.fixture
def whole(simulated: SimulatedCloud) -> Objects:
    """A whole leaf of the cloud."""
    made = wanted()
    write(simulated, *made.all)
    return made
