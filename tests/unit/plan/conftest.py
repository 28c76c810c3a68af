"""One simulated endpoint, or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from planning import ENDPOINT, OTHER
from yunjin.substrates.simulated.backend import SimulatedBackend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[SimulatedBackend]:
    """An empty endpoint that shows every namespace of the tests' members."""
    names = frozenset(f"{tenant}-egov" for tenant in ("fgw", "jtj", "zfj"))
    opened = SimulatedBackend.open(ENDPOINT, tmp_path / "endpoint.db", watch_names=names)
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path: Path) -> Iterator[SimulatedBackend]:
    """Another endpoint bound to the same cluster."""
    opened = SimulatedBackend.open(OTHER, tmp_path / "endpoint.db")
    yield opened
    opened.close()
