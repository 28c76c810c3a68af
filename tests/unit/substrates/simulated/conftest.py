"""A simulated endpoint with a clock that tests move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
